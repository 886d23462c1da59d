"""`supportnet predict`."""

import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import click

from supportnet.cli.common import json_option, one_line, print_json, print_table, start_tensorflow, writing_to
from supportnet.cli.training_options import flag
from supportnet.errors import UserError
from supportnet.files import written_whole
from supportnet.tasks.names import TASKS

#: Messages a batch.
BATCH_SIZE = 64


@click.command()
@click.argument("model", metavar="MODEL")
@click.argument("texts", nargs=-1, metavar="TEXT...")
@click.option("--input", "input_path", metavar="FILE", help="A text file, one message a line; - for standard input.")
@click.option("--output", "output_path", metavar="FILE", help="Where answers to --input go, one JSON object a line.")
@click.option("--signature", help="What to ask the model for; all that it does if not given.")
@click.option("--tag", help="Only suggest answers with this tag, or of this language.")
@click.option("--temperature", type=float, help="Draw a reply; below 1 prefers what is likely.  [default: 1.0]")
@click.option("--top-p", type=float, help="Draw a reply from the likeliest pieces with this share.  [default: 1.0]")
@click.option(
    "--seed",
    type=click.IntRange(-(2**31), 2**31 - 1),
    help="Draw a reply; the same seed draws the same one.  [default: 0]",
)
@click.option(
    "--top-k", type=click.IntRange(min=1), default=3, show_default=True, help="How many intents or answers to list."
)
@json_option
def predict(
    model: str,
    texts: tuple[str, ...],
    input_path: str | None,
    output_path: str | None,
    signature: str | None,
    tag: str | None,
    temperature: float | None,
    top_p: float | None,
    seed: int | None,
    top_k: int,
    as_json: bool,
) -> None:
    """Ask an exported model. MODEL is NAME (its highest version) or NAME/VERSION.

    \b
    supportnet predict saved_models/support "where is my parcel?" "I want my money back"
    supportnet predict saved_models/support/1 --input messages.txt --output answers.jsonl
    supportnet predict saved_models/support "hello" --signature embed --json
    supportnet predict saved_models/answers "where is my parcel?" --signature suggest --top-k 3 --tag delivery
    supportnet predict saved_models/replies "where is my parcel?"
    supportnet predict saved_models/replies "where is my parcel?" --temperature 0.7 --top-p 0.9 --seed 1
    """
    if bool(texts) == bool(input_path):
        raise UserError("Give either messages or --input FILE.")
    if output_path and not input_path:
        raise UserError("--output needs --input.")
    if output_path and Path(output_path).is_dir():
        raise UserError(f"--output {output_path} is a folder: name a file.")
    messages = list(_lines(input_path)) if input_path else [_printable(text) for text in texts]
    start_tensorflow()
    from supportnet.savedmodel.load import SavedModel

    loaded = SavedModel(model)
    loaded.warn_if_cut(messages)
    draw = {"temperature": temperature, "top_p": top_p, "seed": seed}
    signature, options = _ask(signature, tag, draw, loaded.signatures)
    answers: Iterable[dict[str, Any]] = _answers(loaded, signature, messages, top_k, options)
    if output_path:
        _write(answers, output_path)
        answers = []
    if as_json:
        print_json(
            {"model": str(loaded.path), "signature": signature, "predictions": list(answers), "output": output_path}
        )
    elif output_path:
        click.echo(f"wrote {len(messages)} answers to {output_path}")
    else:
        _print(answers)


def _ask(
    chosen: str | None, tag: str | None, draw: dict[str, float | None], known: list[str]
) -> tuple[str, dict[str, Any]]:
    """The signature to ask and its options: with a tag, or with what draws a reply, the variant that takes it."""
    drawn = [flag(name) for name, value in draw.items() if value is not None]
    wanted = ["suggest"] if tag is not None else ["reply"] if drawn else list(TASKS)
    tasks = [name for name in wanted if name in known] or wanted
    signature = chosen or (tasks[0] if len(tasks) == 1 else "serving_default")
    if tag is not None and drawn:
        raise UserError(f"Give either --tag or {drawn[0]}: no signature takes both.")
    if tag is not None:
        return _variant(signature, "filtered"), {"tag": tag}
    if signature.endswith("_sample") or drawn:
        given = {name: value for name, value in draw.items() if value is not None}
        return _variant(signature, "sample"), {"temperature": 1.0, "top_p": 1.0, "seed": 0, **given}
    return signature, {}


def _variant(signature: str, name: str) -> str:
    return signature if signature.endswith(f"_{name}") else f"{signature}_{name}"


def _answers(
    model: Any, signature: str, texts: list[str], top_k: int, options: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    """Yield one dictionary a message: the text, and each output of the signature, ranked ones cut to `top_k`."""
    for start in range(0, len(texts), BATCH_SIZE):
        batch = texts[start : start + BATCH_SIZE]
        outputs = model.run(signature, batch, **{name: [value] * len(batch) for name, value in options.items()})
        for row, text in enumerate(batch):
            yield {"text": text} | {name: _values(name, outputs[name][row], top_k) for name in sorted(outputs)}


def _values(name: str, row: Any, top_k: int) -> Any:
    """One value, or a list of them: what JSON can hold."""
    if isinstance(row, bytes):
        return row.decode()
    if row.ndim == 0:
        return row.item()
    values = row[:top_k] if name.startswith(("intent", "suggestion")) else row
    return [value.decode() if isinstance(value, bytes) else value for value in values.tolist()]


def _write(answers: Iterable[dict[str, Any]], path: str) -> None:
    with writing_to(path), written_whole(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(answer, ensure_ascii=False) + "\n" for answer in answers)


def _printable(text: str) -> str:
    """Return an argument of the command line with U+FFFD for what isn't UTF-8, as the model reads it."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _lines(path: str) -> Iterator[str]:
    try:
        data = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    except OSError as error:
        raise UserError(f"--input {path} can't be read: {error.strerror}.") from None
    for number, line in enumerate(data.splitlines(), start=1):
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError:
            raise UserError(f"--input {path} is not UTF-8 in line {number}.") from None


def _print(answers: Iterable[dict[str, Any]]) -> None:
    parts = {"intents": _print_intents, "suggestions": _print_suggestions, "reply": _print_reply}
    for row in answers:
        click.echo(row["text"])
        for name, print_part in parts.items():
            if name in row:
                print_part(row)
        if not parts.keys() & row.keys():
            for name in sorted(set(row) - {"text"}):
                click.echo(f"  {name} {row[name]}")


def _print_intents(row: dict[str, Any]) -> None:
    scope, route = "in scope" if row["in_scope"] else "out of scope", "route" if row["route"] else "don't route"
    click.echo(f"  {scope} ({row['in_scope_score']:.3f}), {route} ({row['route_score']:.3f})")
    listed = zip(row["intents"], row["intent_scores"], strict=True)
    print_table([{"": "", "intent": intent, "score": score} for intent, score in listed])


def _print_reply(row: dict[str, Any]) -> None:
    handed = ", hand it to a person" if row["handoff"] else ""
    click.echo(f"  {row['reply'] or 'no reply'}\n  (score {row['reply_score']:.3f}{handed})")


def _print_suggestions(row: dict[str, Any]) -> None:
    if not row["has_suggestion"]:
        click.echo("  nothing to suggest: no answer is likely enough")
    listed = zip(row["suggestion_ids"], row["suggestion_scores"], row["suggestions"], strict=True)
    # What is empty isn't an answer: there are fewer than were asked for.
    rows = [{"": "", "id": i, "score": score, "answer": one_line(text)} for i, score, text in listed if i]
    if rows:
        print_table(rows)

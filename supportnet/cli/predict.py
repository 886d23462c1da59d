"""`supportnet predict`."""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from supportnet.cli.common import print_result, start_tensorflow, writing_to
from supportnet.cli.options import flag, json_option
from supportnet.errors import UserError
from supportnet.files import written_whole
from supportnet.tasks.registry import all_tasks

#: Outputs that are ranked, best first.
RANKED = frozenset(name for task in all_tasks() for name in task.ranked_outputs)
#: Messages per batch.
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
@click.option("--top-k", type=click.IntRange(min=1), default=3, help="How many intents or answers to list.")
@json_option
def predict(
    model: str, texts: tuple[str, ...], signature: str | None, top_k: int, as_json: bool, **options: Any
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
    input_path, output_path = options.pop("input_path"), options.pop("output_path")
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
    # Whatever their order on the command line, an error names them in this one.
    inputs = {name: options[name] for name in ("tag", "temperature", "top_p", "seed")}
    signature, inputs = _ask(signature, inputs, loaded.signatures)
    answers = predictions(loaded, signature, messages, top_k, inputs)
    lines = _described(answers)
    if output_path:
        _write(answers, output_path)
        lines = iter([f"wrote {len(messages)} answers to {output_path}"])
    # What was written to a file isn't left.
    found = {"predictions": list(answers) if as_json else [], "output": output_path}
    print_result(as_json, {"model": str(loaded.path), "signature": signature, **found}, lines)


def _ask(chosen: str | None, inputs: dict[str, Any], known: list[str]) -> tuple[str, dict[str, Any]]:
    """Return the signature to ask, and its further inputs: those given choose the variant that takes them."""
    given = {name: value for name, value in inputs.items() if value is not None}
    tasks = [task for task in all_tasks() if set(given) <= set(task.variant_inputs)]
    if not tasks:
        first, second, *_ = map(flag, given)
        raise UserError(f"Give either {first} or {second}: no signature takes both.")
    names = [task.name for task in tasks if task.name in known] or [task.name for task in tasks]
    signature = chosen or (names[0] if len(names) == 1 else "serving_default")
    for task in tasks:
        if given or signature == task.variant:
            suffix = task.variant.removeprefix(task.name)
            defaults = {name: value for name, value in task.variant_inputs.items() if value is not None}
            return signature.removesuffix(suffix) + suffix, {**defaults, **given}
    return signature, {}


def predictions(
    model: Any, signature: str, texts: Sequence[str], top_k: int | None = None, options: Mapping[str, Any] | None = None
) -> Iterator[dict[str, Any]]:
    """Yield one dictionary a message: the text, and each output of the signature, ranked ones cut to `top_k`."""
    for start in range(0, len(texts), BATCH_SIZE):
        batch = texts[start : start + BATCH_SIZE]
        outputs = model.run(signature, batch, **{name: [value] * len(batch) for name, value in (options or {}).items()})
        for row, text in enumerate(batch):
            yield {"text": text} | {name: _values(name, outputs[name][row], top_k) for name in sorted(outputs)}


def _values(name: str, row: Any, top_k: int | None) -> Any:
    """One value, or a list of them: what JSON can hold."""
    if isinstance(row, bytes):
        return row.decode()
    if row.ndim == 0:
        return row.item()
    values = row[:top_k] if name in RANKED else row
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


def _described(answers: Iterable[dict[str, Any]]) -> Iterator[str]:
    for row in answers:
        yield row["text"]
        described = [task for task in all_tasks() if task.main_output in row]
        for task in described:
            yield from task.describe_answer(row)
        for name in sorted(set(row) - {"text"}) if not described else ():
            yield f"  {name} {row[name]}"

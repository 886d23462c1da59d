"""`supportnet predict`."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from supportnet.cli.common import json_option, print_json, print_table, start_tensorflow, writing_to
from supportnet.errors import UserError
from supportnet.files import written_whole

#: Messages a batch, and how many are read at once: a file of any size fits in memory.
BATCH_SIZE = 64


@click.command()
@click.argument("model", metavar="MODEL")
@click.argument("texts", nargs=-1, metavar="TEXT...")
@click.option("--input", "input_path", metavar="FILE", help="A text file, one message a line; - for standard input.")
@click.option("--output", "output_path", metavar="FILE", help="Where answers to --input go, one JSON object a line.")
@click.option("--signature", default="classify", show_default=True, help="What to ask the model for.")
@click.option("--top-k", type=click.IntRange(min=1), default=3, show_default=True, help="How many intents to list.")
@json_option
def predict(
    model: str,
    texts: tuple[str, ...],
    input_path: str | None,
    output_path: str | None,
    signature: str,
    top_k: int,
    as_json: bool,
) -> None:
    """Ask an exported model. MODEL is NAME (its highest version) or NAME/VERSION.

    \b
    supportnet predict saved_models/support "where is my parcel?" "I want my money back"
    supportnet predict saved_models/support/1 --input messages.txt --output answers.jsonl
    supportnet predict saved_models/support "hello" --signature embed --json
    """
    if bool(texts) == bool(input_path):
        raise UserError("Give either messages or --input FILE.")
    if output_path and not input_path:
        raise UserError("--output needs --input.")
    messages = list(texts) if texts else list(_lines(input_path or "-"))
    start_tensorflow()
    from supportnet.models.exported_model import ExportedModel

    loaded = ExportedModel(model)
    rows = [
        row
        for start in range(0, len(messages), BATCH_SIZE)
        for row in _answers(loaded, signature, messages[start : start + BATCH_SIZE], top_k)
    ]
    if output_path:
        with writing_to(output_path), written_whole(output_path) as temporary:
            temporary.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
        rows = []
    if as_json:
        print_json({"model": str(loaded.path), "signature": signature, "predictions": rows, "output": output_path})
    elif output_path:
        click.echo(f"wrote {len(messages)} answers to {output_path}")
    else:
        _print(rows)


def _answers(model: Any, signature: str, texts: list[str], top_k: int) -> Iterator[dict[str, Any]]:
    """One dictionary a message: the text, and each output of the signature, ranked ones cut to `top_k`."""
    outputs = model.run(signature, texts)
    for row, text in enumerate(texts):
        answer: dict[str, Any] = {"text": text}
        for name, values in sorted(outputs.items()):
            value = values[row].tolist()
            if name.startswith("intent"):
                value = value[:top_k]
            answer[name] = [v.decode() if isinstance(v, bytes) else v for v in value]
        yield answer


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


def _print(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        click.echo(row["text"])
        if "intents" in row:
            print_table(
                [
                    {"": "", "intent": intent, "score": score}
                    for intent, score in zip(row["intents"], row["intent_scores"], strict=True)
                ]
            )
        else:
            for name in sorted(set(row) - {"text"}):
                click.echo(f"  {name} {row[name]}")

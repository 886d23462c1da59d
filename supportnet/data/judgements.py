"""A user's own queries with the answers of a bank that are right for them."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from supportnet.data.bank import Bank
from supportnet.data.rows import Row
from supportnet.data.tables import check_different, filled_string, find_column, read_table, strings
from supportnet.errors import UserError

_TEXT_COLUMNS = ("query", "text", "message", "question")
_RELEVANT_COLUMNS = ("relevant", "relevant_ids", "ids", "answers")


@dataclass(frozen=True, slots=True)
class Judgement:
    """One query and the answers that are right for it.

    Attributes:
        text: what the customer wrote.
        relevant: ids of the answers that are right; any other is wrong.
        place: file and row that it was read from, as an error message names it.
    """

    text: str
    relevant: tuple[str, ...]
    place: str = ""


def load_judgements(
    path: str | os.PathLike[str],
    *,
    text_column: str | None = None,
    relevant_column: str | None = None,
    delimiter: str | None = None,
    encoding: str = "utf-8",
) -> list[Judgement]:
    """Read a file of queries with the ids of their right answers: CSV, TSV or JSONL, told apart as `load_file` does.

    Args:
        path: the file.
        text_column: column of the queries; by default query, text, message or question.
        relevant_column: column of the ids; by default relevant, relevant_ids, ids or answers. Several ids are a list
            in JSONL, or one string that `|`, `,` or `;` divides.
        delimiter: one character; by default as for `load_file`.
        encoding: the file's encoding. A byte order mark is dropped.

    Returns:
        The judgements, in the file's order.

    Raises:
        UserError: names the file, and the row or line where there is one, and what would be right.

    Example:
        >>> load_judgements("queries.csv")[0]
        Judgement(text='Where is my money?', relevant=('m1', 'm7'), place='queries.csv, row 2')
    """
    path = Path(path)
    table = read_table(path, delimiter, encoding)
    text_column = find_column(table, text_column, _TEXT_COLUMNS, "text_column", path)
    relevant_column = find_column(table, relevant_column, _RELEVANT_COLUMNS, "relevant_column", path)
    check_different({"text_column": text_column, "relevant_column": relevant_column}, path)
    return [_judgement(row, text_column, relevant_column) for row in table.rows]


def check_judged(judgements: Sequence[Judgement], bank: Bank) -> None:
    """Check that `bank` has every answer that `judgements` name.

    Raises:
        UserError: names the first id that the bank lacks, and its place.

    Example:
        >>> check_judged([Judgement("Where is my money?", ("m9",), "queries.csv, row 2")], Bank("macros", []))
        Traceback (most recent call last):
        supportnet.errors.UserError: queries.csv, row 2: there is no answer 'm9' in macros.
    """
    known = {answer.id for answer in bank.answers}
    for number, judgement in enumerate(judgements, start=1):
        for answer_id in judgement.relevant:
            if answer_id not in known:
                place = judgement.place or f"Query {number}"
                raise UserError(f"{place}: there is no answer {answer_id!r} in {bank.name}.")


def _judgement(row: Row, text_column: str, relevant_column: str) -> Judgement:
    relevant = strings(row, relevant_column)
    if not relevant:
        raise UserError(f"{row.place}: {relevant_column!r} is empty; every query needs the id of an answer.")
    return Judgement(filled_string(row, text_column), relevant, row.place)

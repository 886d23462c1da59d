import pytest

from supportnet.data.banking77 import parse
from supportnet.errors import UserError

CATEGORIES = b'["lost_card", "top_up"]'


def test_parse_keeps_order_quotes_and_line_breaks():
    content = b'text,category\n"A ""b"",\n\nc",top_up\nWhere?,lost_card\n'
    assert parse(content, CATEGORIES, "train.csv") == [('A "b",\n\nc', "top_up"), ("Where?", "lost_card")]


@pytest.mark.parametrize(
    ("content", "categories", "problem"),
    [
        (b"", CATEGORIES, r"train\.csv is empty"),
        (
            b"message,category\nHi,top_up\n",
            CATEGORIES,
            r"columns text and category\. It has: message, category\.",
        ),
        (
            b"text,category\nHi,top_down\n",
            CATEGORIES,
            r"train\.csv, row 2: 'top_down' isn't in categories\.json",
        ),
        (b"text,category\nHi,top_up\n", b"[", r"categories\.json isn't JSON"),
        (b"text,category\nHi,top_up\n", b"\xff", r"categories\.json isn't JSON"),
        (b"text,category\nHi,top_up\n", b'{"top_up": 1}', r"categories\.json must be a list of strings"),
        (b"text,category\nHi,top_up\n", b"[1]", r"categories\.json must be a list of strings"),
    ],
)
def test_a_damaged_file_is_named(content, categories, problem):
    with pytest.raises(UserError, match=problem):
        parse(content, categories, "train.csv")

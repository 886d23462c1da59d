"""Messages as a user gives them, checked."""

from collections.abc import Iterable, Mapping

from supportnet.errors import UserError


def checked_texts(texts: Iterable[str]) -> list[str]:
    """Return the messages as a list, or raise a `UserError` that says what is wrong with them."""
    if isinstance(texts, str | bytes):
        raise UserError(f"Messages must be given as a list of strings. Received one string: {texts[:50]!r}")
    # A dictionary or a data frame would give the names of its columns for messages.
    if not isinstance(texts, Iterable) or isinstance(texts, Mapping) or hasattr(texts, "columns"):
        kind = type(texts).__name__
        raise UserError(f"Messages must be given as a list or one column of strings. Received: {kind}")
    texts = list(texts)
    for row, text in enumerate(texts):
        if not isinstance(text, str):
            raise UserError(f"Message {row} (counted from 0) must be a string. Received: {text!r}")
    return texts

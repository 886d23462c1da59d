"""Checks of the numbers and words that layers and models are made from, and of the messages that users give."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from numbers import Integral
from typing import TypeVar

from supportnet.errors import UserError

_String = TypeVar("_String", bound=str | bytes)


def check_integer(name: str, number: int) -> int:
    """Return `number` if it is a whole number, else raise a `UserError`: 2.5 units would fail later, unnamed."""
    if not isinstance(number, Integral) or isinstance(number, bool):
        raise UserError(f"{name} must be a whole number. Received: {name}={number!r}")
    return number


def check_divides(name: str, divisor: int, of: str, number: int) -> int:
    """Return `divisor` if it divides `number`, else raise a `UserError` (a ValueError) that names both."""
    if check_integer(name, divisor) < 1 or number % divisor:
        raise UserError(f"{name} must be at least 1 and divide {of} ({number}). Received: {name}={divisor}")
    return divisor


def check_positive(name: str, number: int) -> int:
    """Return `number` if it is at least 1, else raise a `UserError`."""
    return _at_least(1, name, number)


def check_not_negative(name: str, number: int) -> int:
    """Return `number` if it is at least 0, else raise a `UserError`."""
    return _at_least(0, name, number)


def _at_least(least: int, name: str, number: int) -> int:
    if check_integer(name, number) < least:
        raise UserError(f"{name} must be at least {least}. Received: {name}={number}")
    return number


def check_rate(name: str, rate: float) -> float:
    """Return `rate` if it lies in [0, 1), else raise a `UserError`."""
    return in_range("at least 0 and below 1", lambda number: 0.0 <= number < 1.0)(name, rate)


def in_range(words: str, holds: Callable[[float], bool]) -> Callable[[str, float], float]:
    """Return a check like the others: of a number for which `holds` is true, as its range is said in words.

    Example:
        >>> in_range("above 0", lambda number: number > 0)("scale", -1.0)
        Traceback (most recent call last):
        supportnet.errors.UserError: scale must be above 0. Received: scale=-1.0
    """

    def check(name: str, number: float) -> float:
        if not holds(number):
            raise UserError(f"{name} must be {words}. Received: {name}={number}")
        return number

    return check


def check_choice(name: str, choice: str, choices: Sequence[str]) -> str:
    """Return `choice` if it is one of `choices`, else raise a `UserError`."""
    if choice not in choices:
        raise UserError(f"{name} must be one of {', '.join(choices)}. Received: {name}={choice!r}")
    return choice


def check_many(name: str, what: str, strings: Iterable[_String]) -> Iterable[_String]:
    """Return `strings` unless it is a single string, which would be read letter by letter: then raise a `UserError`."""
    if isinstance(strings, str | bytes):
        raise UserError(f"{name} must be {what}. Received: {name}={strings[:40]!r}")
    return strings


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

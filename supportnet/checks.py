"""Checks of the numbers and words that layers and models are made from."""

from collections.abc import Sequence
from numbers import Integral

from supportnet.errors import UserError


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
    if not 0.0 <= rate < 1.0:
        raise UserError(f"{name} must be at least 0 and below 1. Received: {name}={rate}")
    return rate


def check_choice(name: str, choice: str, choices: Sequence[str]) -> str:
    """Return `choice` if it is one of `choices`, else raise a `UserError`."""
    if choice not in choices:
        raise UserError(f"{name} must be one of {', '.join(choices)}. Received: {name}={choice!r}")
    return choice

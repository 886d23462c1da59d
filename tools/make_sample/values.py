"""Values for slots: everyday words from `resources/words.toml`, and invented personal data.

Nothing here can belong to anybody: phone numbers come from the ranges kept for fiction (555-01xx in North America,
Ofcom's drama numbers in Britain), and `resources/personal.toml` holds reserved domains, test cards, example IBANs.
"""

import random
from collections.abc import Callable
from functools import cache

from .grammar import SLOT, read_resource


@cache
def personal() -> dict[str, list[str]]:
    """Return the lists that personal data is drawn from."""
    return read_resource("personal.toml")


@cache
def words() -> dict[str, list[str]]:
    """Return the everyday words by slot name."""
    return read_resource("words.toml")


def _order_number(rng: random.Random) -> str:
    digits = f"{rng.randrange(10**6, 10**7)}"
    return rng.choice(("WF-{}", "WF{}", "#{}", "{}")).format(digits)


def _tracking_number(rng: random.Random) -> str:
    return rng.choice(("TRK{}", "TRK-{}", "{}XB")).format(rng.randrange(10**8, 10**9))


def _name(rng: random.Random) -> str:
    return f"{rng.choice(personal()['first_name'])} {rng.choice(personal()['last_name'])}"


def _email(rng: random.Random) -> str:
    first, last = _name(rng).lower().split()
    numbered = f"{first}_{last}{rng.randrange(60, 100)}"
    local = rng.choice((f"{first}.{last}", f"{first[0]}{last}", numbered, first))
    return f"{local}@{rng.choice(personal()['mail_domain'])}"


def _phone(rng: random.Random) -> str:
    area, line, drama = rng.choice((212, 303, 415, 617)), rng.randrange(100), rng.randrange(1000)
    american = (f"({area}) 555-01{line:02}", f"{area}-555-01{line:02}", f"+1 {area} 555 01{line:02}")
    british = (f"020 7946 0{drama:03}", f"07700 900{drama:03}", f"+44 7700 900{drama:03}")
    return rng.choice(american + british)


def _address(rng: random.Random) -> str:
    city = rng.choice(words()["city"])
    return f"{rng.randrange(1, 180)} {rng.choice(personal()['street'])}, {rng.randrange(10000, 99999)} {city}"


def _amount(rng: random.Random) -> str:
    units, cents = rng.randrange(5, 190), rng.choice((0, 50, 90, 95, 99))
    form = rng.choice(("£{}.{:02}", "${}.{:02}", "€{}.{:02}", "{}.{:02} EUR", "{}.{:02}"))
    return form.format(units, cents)


def _date(rng: random.Random) -> str:
    day, month = rng.randrange(1, 29), rng.randrange(12)
    name = personal()["month"][month]
    return rng.choice((f"{day} {name}", f"{name} {day}", f"{day:02}/{month + 1:02}"))


def _voucher(rng: random.Random) -> str:
    word = rng.choice(("HELLO", "SPRING", "SAVE", "WELCOME", "SORRY", "FRIEND"))
    return f"{word}{rng.randrange(5, 100)}"


INVENTED: dict[str, Callable[[random.Random], str]] = {
    "order_number": _order_number,
    "tracking_number": _tracking_number,
    "name": _name,
    "email": _email,
    "phone": _phone,
    "card": lambda rng: rng.choice(personal()["card"]),
    "iban": lambda rng: rng.choice(personal()["iban"]),
    "address": _address,
    "amount": _amount,
    "date": _date,
    "voucher": _voucher,
}


def fill(text: str, rng: random.Random, recase: Callable[[str], str] = str) -> str:
    """Put a value into every slot; `{other_item}` gets an item that differs from `{item}`.

    Args:
        text: words with slots.
        rng: the source of chance.
        recase: applied to everyday words (the writer's style), never to personal data, which keeps its form.

    Example:
        >>> fill("i ordered size {size}, not {other_size}", random.Random(0))
        'i ordered size 14, not 36'
    """
    used: set[str] = set()

    def value(slot: str) -> str:
        kind = slot.removeprefix("other_")
        while (chosen := _draw(kind, rng)) in used:
            pass
        used.add(chosen)
        return recase(chosen) if kind in words() else chosen

    return SLOT.sub(lambda found: value(found[1]), text)


def _draw(kind: str, rng: random.Random) -> str:
    return rng.choice(words()[kind]) if kind in words() else INVENTED[kind](rng)

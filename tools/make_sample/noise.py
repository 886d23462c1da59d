"""Slips of the keyboard: what hurried people do to their words. Slots (`{item}`) are left whole."""

import random
from collections.abc import Callable

# The keys beside each key on an English keyboard, in its own row.
_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_NEIGHBOURS = {
    key: [row[at] for at in (place - 1, place + 1) if 0 <= at < len(row)]
    for row in _ROWS
    for place, key in enumerate(row)
}


def swap_letters(word: str, place: int, rng: random.Random) -> str:
    """Exchange the letter at `place` with the one before: order -> oredr."""
    return word[: place - 1] + word[place] + word[place - 1] + word[place + 1 :]


def drop_letter(word: str, place: int, rng: random.Random) -> str:
    """Leave out the letter at `place`: parcel -> parel."""
    return word[:place] + word[place + 1 :]


def double_letter(word: str, place: int, rng: random.Random) -> str:
    """Type the letter at `place` twice: refund -> reffund."""
    return word[: place + 1] + word[place:]


def hit_neighbour(word: str, place: int, rng: random.Random) -> str:
    """Hit the key beside the one at `place`: return -> retirn."""
    key = rng.choice(_NEIGHBOURS.get(word[place], [word[place]]))
    return word[:place] + key + word[place + 1 :]


SLIPS: tuple[Callable[[str, int, random.Random], str], ...] = (
    swap_letters,
    drop_letter,
    double_letter,
    hit_neighbour,
)


def misspell(text: str, rng: random.Random, count: int = 1) -> str:
    """Put a slip into `count` words of four letters or more; the first letter of a word stays.

    Example:
        >>> misspell("where is my parcel", random.Random(0))
        'where is my parecl'
    """
    words = text.split(" ")
    long_words = [at for at, word in enumerate(words) if len(word) > 3 and word.isalpha()]
    for at in rng.sample(long_words, min(count, len(long_words))):
        place = rng.randrange(1, len(words[at]))
        words[at] = rng.choice(SLIPS)(words[at], place, rng)
    return " ".join(words)


def run_on(text: str, rng: random.Random) -> str:
    """Leave out one space between two words: where is my -> whereis my.

    Example:
        >>> run_on("where is", random.Random(0))
        'whereis'
    """
    words = text.split(" ")
    plain = [at for at in range(1, len(words)) if words[at - 1].isalpha() and words[at].isalpha()]
    if plain:
        at = rng.choice(plain)
        words[at - 1 : at + 1] = [words[at - 1] + words[at]]
    return " ".join(words)

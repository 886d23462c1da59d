"""Answers of a bank that say the same are one, so that three suggestions are three different answers."""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

from rapidfuzz.distance import OSA

from supportnet.data.bank import Answer, Bank
from supportnet.data.ticket import same_text
from supportnet.errors import UserError

#: Punctuation of many scripts, but none that can change what is said, such as the # of "press #" or the % of "5 %".
_PUNCTUATION = re.compile(r"""[.,;:!?…'"‘’‚“”„«»‹›()\[\]\-–—¿¡、。，；：！？「」『』（）،؛؟।]""")
_DIGIT = re.compile(r"\d")
#: A word that differs needs this many letters, and this many words around it, to be a mere slip.
_LONG_WORD = 6
_MANY_WORDS = 8


def collapse(answers: Sequence[Answer]) -> list[Answer]:
    """Return `answers` without duplicates.

    Two answers are duplicates if they are in the same language, and what is searched of them is equal but for case,
    white space and punctuation, or, in texts of at least eight words, for a slip in one word. A slip is a letter left
    out or two neighbours swapped, after the first letter of a word of at least six. It is no other letter, which makes
    "charge" of "change", nor one in front, where languages put their "un-", and never in a word with a digit.
    Scripts without capitals are left out, because in some of them a letter is a word.

    Args:
        answers: those of a bank.

    Returns:
        One answer for each group of duplicates: the most used, the first of equals, with the uses and tags of all.
        They stand where the first of each group stood.

    Example:
        >>> refunds = [Answer("a", "We refund it.", uses=2), Answer("b", "WE REFUND IT", uses=3), Answer("c", "No.")]
        >>> [(answer.id, answer.uses) for answer in collapse(refunds)]
        [('b', 5), ('c', 1)]
    """
    texts = [(answer.language, _words(answer.searched)) for answer in answers]
    kept_by_text: dict[tuple[str, tuple[str, ...]], int] = {}
    kept_by_outline: dict[int, list[int]] = defaultdict(list)
    groups: dict[int, list[int]] = defaultdict(list)
    for index in sorted(range(len(answers)), key=lambda index: -answers[index].uses):
        language, words = texts[index]
        if (language, words) not in kept_by_text:
            # Hashes, because the outlines of a large bank would fill the memory.
            outlines = [hash((language, outline)) for outline in _outlines(words)]
            similar = (other for outline in outlines for other in kept_by_outline[outline])
            kept = next((other for other in similar if _differ_by_a_slip(words, texts[other][1])), index)
            kept_by_text[language, words] = kept
            if kept == index:
                for outline in outlines:
                    kept_by_outline[outline].append(index)
        groups[kept_by_text[language, words]].append(index)
    merged = []
    for members, kept in sorted((sorted(group), kept) for kept, group in groups.items()):
        group = [answers[index] for index in members]
        tags = dict.fromkeys(tag for answer in group for tag in answer.tags)
        merged.append(replace(answers[kept], uses=sum(answer.uses for answer in group), tags=tuple(tags)))
    return merged


def different_answers(bank: Bank) -> list[Answer]:
    """Return the answers of a bank without duplicates; a `UserError` if it has none."""
    if not bank.answers:
        raise UserError(f"{bank.name} has no answers.")
    return collapse(bank.answers)


def _words(text: str) -> tuple[str, ...]:
    """Return the words of a text in lower case, without punctuation.

    Inside a word with a digit it stays, because it can be a sign or a decimal point. A text of punctuation alone is
    its own only word.
    """
    text = same_text(text)
    words: list[str] = []
    for word in text.split(" "):
        words += [word.rstrip(".,;:!?")] if _DIGIT.search(word) else _PUNCTUATION.sub(" ", word).split()
    return tuple(words) or (text,)


def _outlines(words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Yield what two texts that differ by a slip share, so that only texts with an equal outline are compared.

    In a word of six letters a slip leaves the first two alone or the last three.
    """
    if len(words) >= _MANY_WORDS:
        yield tuple(word[:2] if len(word) >= _LONG_WORD else word for word in words)
        yield tuple(word[-3:] if len(word) >= _LONG_WORD else word for word in words)


def _differ_by_a_slip(words: tuple[str, ...], others: tuple[str, ...]) -> bool:
    different = [pair for pair in zip(words, others, strict=False) if pair[0] != pair[1]]
    return len(words) == len(others) and len(different) == 1 and _is_slip(*different[0])


def _is_slip(word: str, other: str) -> bool:
    # Letters with capitals: no digits, and no scripts such as Chinese, where one more character can say "not".
    return (
        min(len(word), len(other)) >= _LONG_WORD
        and word[0] == other[0]
        and all(map(str.islower, word + other))
        and OSA.distance(word, other) == 1
        # Of equal length, with equal letters, they are swapped.
        and (len(word) != len(other) or sorted(word) == sorted(other))
    )

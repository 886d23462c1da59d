"""Plain Python twins of what the package does in the graph only, for the tests to compare with."""

import re

from supportnet.text.redaction import find_personal_data
from supportnet.text.slots import SLOT_KINDS
from supportnet.text.special_tokens import SPECIAL_TOKENS
from supportnet.text.tokenizer import BYTES_PER_TOKEN, MAX_LENGTH, to_bytes


def character_ngrams(word: str, min_gram: int = 3, max_gram: int = 5) -> list[str]:
    """Return the n-grams of a word, the shorter ones first: the reference of `ngrams_graph`."""
    if not word or word in SPECIAL_TOKENS:
        return []
    wrapped = f"<{word}>"
    sizes = range(min_gram, max_gram + 1)
    return [wrapped[start : start + size] for size in sizes for start in range(len(wrapped) - size + 1)]


def filled(reply: str, message: str, max_length: int = MAX_LENGTH) -> str:
    """Return a reply with the customer's values in its slots: the reference of `fill_slots`, on one reply."""
    limit, whole = BYTES_PER_TOKEN * max_length, to_bytes(message)
    read = whole[:limit].decode("utf-8", "replace")
    if len(whole) > limit:
        # The text after the last complete line or clause may be half a value.
        read = re.sub(r"(?s)^((?:.*(?:\n|[,;!?] ))?).*$", r"\1", read)
    values: dict[str, str] = {}
    for line in read.split("\n"):
        for span in find_personal_data(re.sub("^(?:agent: .*|customer: )", "", line)):
            values.setdefault(span.kind, span.value)
    slots = rf"\{{({'|'.join(SLOT_KINDS)})\}}"
    return re.sub(slots, lambda slot: values.get(SLOT_KINDS[slot[1]], slot[0]), reply)

"""The special tokens and their ids: the first rows of every vocabulary.

A customer can't type one: `<` and `>` are read as spaces before anything else happens.
"""

from typing import Final

#: Fills a batch's shorter rows. Its id is 0, and the mask is False there.
PAD: Final = "<pad>"
PAD_ID: Final = 0

#: Stands for a token that isn't in the vocabulary.
UNKNOWN: Final = "<unk>"
UNKNOWN_ID: Final = 1

#: Kind of personal data -> the token that takes its place.
PLACEHOLDERS: Final = {kind: f"<{kind}>" for kind in ("email", "url", "phone", "card", "iban", "ip", "number")}

#: Every special token; its index is its id.
SPECIAL_TOKENS: Final = (PAD, UNKNOWN, *PLACEHOLDERS.values())

"""The special tokens and their ids: the first rows of every vocabulary.

A customer can't type one: `<` and `>` are first replaced by spaces.
"""

from typing import Final

#: Padding of a batch's shorter rows. Its id is 0, and the mask is False there.
PAD: Final = "<pad>"
PAD_ID: Final = 0

#: Replaces tokens that aren't in the vocabulary.
UNKNOWN: Final = "<unk>"
UNKNOWN_ID: Final = 1

#: Kind of personal data -> placeholder.
PLACEHOLDERS: Final = {kind: f"<{kind}>" for kind in ("email", "url", "phone", "card", "iban", "ip", "number")}

#: Every special token; its index is its id.
SPECIAL_TOKENS: Final = (PAD, UNKNOWN, *PLACEHOLDERS.values())

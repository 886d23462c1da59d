"""Which messages a model has learned from, as hashes: an evaluation on these very messages would flatter it.

Of a message, redacted, in lower case and with single spaces, 32 bits of a hash are kept: enough to find it again among
those of an evaluation. Who tries out all texts finds a great many with each hash, and can't tell which one was there.
Who has a guess can test it, as on the model itself; numbers are redacted before, so that there are none to guess.
"""

import warnings
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from supportnet.data.ticket import same_text
from supportnet.errors import UserError
from supportnet.files import read_array
from supportnet.text.redaction import redact

Hashes = npt.NDArray[np.uint32]

#: Share of known messages from which on an evaluation is worth a warning: some messages, such as thanks, are common.
MOST_SEEN = 0.1


def message_hashes(texts: Iterable[str]) -> Hashes:
    """Return the hash of each message, uint32 `[N]`.

    Example:
        >>> hashes = message_hashes(["Where is order 123456?", "where is  ORDER 654321?", "Where is it?"])
        >>> int(hashes[0] == hashes[1]), int(hashes[0] == hashes[2])
        (1, 0)
    """
    plain = (same_text(redact(text)) for text in texts)
    digests = (blake2b(text.encode("utf-8", "surrogatepass"), digest_size=4).digest() for text in plain)
    return np.frombuffer(b"".join(digests), dtype="<u4").astype(np.uint32)


def read_seen(path: Path) -> Hashes | None:
    """Read the hashes of a run, sorted; None if it has none, as those before there were any.

    Raises:
        UserError: the file is damaged.
    """
    if not path.exists():
        return None
    seen = read_array(path)
    if seen.dtype != np.uint32 or seen.ndim != 1:
        raise UserError(f"{path} is damaged: it must hold a list of hashes.")
    return seen


def seen_figures(seen: Hashes | None, texts: Sequence[str]) -> dict[str, Any] | None:
    """Count the messages that a model was trained or validated on.

    Args:
        seen: the hashes of those messages; None if they are unknown.
        texts: the messages of an evaluation, at least one.

    Returns:
        `count` and `share` of the messages that are known; None if `seen` is.

    Warns:
        UserWarning: the share is above 10%.

    Example:
        >>> seen_figures(message_hashes(["where is my parcel?"]), ["Where is my parcel?"] + ["refund"] * 19)
        {'count': 1, 'share': 0.05}
    """
    if seen is None:
        return None
    count = int(np.isin(message_hashes(texts), seen).sum())
    share = count / len(texts)
    if share > MOST_SEEN:
        warnings.warn(
            f"{count:,} of {len(texts):,} messages ({share:.0%}) were there in training: what they say is too good. "
            "Take held-out messages.",
            stacklevel=3,
        )
    return {"count": count, "share": share}

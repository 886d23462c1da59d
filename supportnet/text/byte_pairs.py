"""Vocabulary of replies: byte pairs, and slots.

A piece is a sequence of bytes. The first 256 are the single bytes, which can spell any text; each further one joins two
that are often adjacent (Sennrich et al. 2016, Neural Machine Translation of Rare Words with Subword Units; over bytes:
Radford et al. 2019). Case, punctuation and spaces are kept: the concatenated pieces are the text.
"""

import json
import os
import re
from collections.abc import Iterable, Mapping
from functools import cached_property
from itertools import islice, takewhile
from typing import Any, Final

import tensorflow as tf

from supportnet.checks import check_many, check_positive
from supportnet.errors import UserError
from supportnet.files import read_json, write_json
from supportnet.text.tokenizer import to_bytes

#: Padding of a batch's shorter rows: 0, as in the vocabulary of words.
PAD_ID: Final = 0

#: Precedes a reply's first piece.
START_ID: Final = 1

#: Follows a reply's last piece.
END_ID: Final = 2

#: Pattern of a slot: templates of replies have such names in place of values.
SLOT: Final = r"\{[a-z][a-z0-9_]*\}"

_NUM_SPECIAL = 3
# The pattern's group makes `split` return the slots too.
_AROUND_SLOTS = re.compile(f"({SLOT})")
# The library maps bytes to printable characters: those that are printable in Latin-1 to themselves, the others in order
# to the characters from U+0100 on. A space is Ġ.
_PRINTABLE = (*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100))
_OTHERS = [byte for byte in range(256) if byte not in _PRINTABLE]
_CHARACTERS = [chr(byte if byte in _PRINTABLE else 0x100 + _OTHERS.index(byte)) for byte in range(256)]
_BYTES = {character: byte for byte, character in enumerate(_CHARACTERS)}
#: Number of texts that are encoded at once.
_BATCH_SIZE = 1024


class BytePairVocabulary:
    """Vocabulary of the pieces of replies; a piece's index is its id.

    Ids are in this order: `PAD_ID`, `START_ID`, `END_ID`, the slots, the 256 bytes, the result of each merge. The first
    three have no spelling, so no text can contain them.

    Args:
        slots: the slots, such as `{order_number}`; each is one piece.
        merges: pairs of pieces to join, in order of priority, in the library's characters for bytes.
        constants: slot -> constant text that is written in its place; see `supportnet.text.slots.constants_of`.

    Raises:
        UserError: if a slot is misspelled or occurs twice, a constant has no slot, or a merge isn't of two earlier
            pieces.

    Example:
        >>> vocabulary = BytePairVocabulary.train(["Your order {order_number} is on its way."] * 2, num_pieces=300)
        >>> ids = vocabulary.encode(["Your order is {order_number}."])[0]
        >>> [vocabulary.pieces[index] for index in ids]
        [b'Your', b' order', b' is', b' ', b'{order_number}', b'.']
        >>> vocabulary.decode(ids)
        'Your order is {order_number}.'
    """

    def __init__(
        self, slots: Iterable[str], merges: Iterable[tuple[str, str]], constants: Mapping[str, str] | None = None
    ) -> None:
        self.slots, self.merges = list(slots), [(left, right) for left, right in merges]
        self.constants = dict(constants or {})
        self._slot_ids = {slot: _NUM_SPECIAL + index for index, slot in enumerate(self.slots)}
        for slot in self.slots:
            if not re.fullmatch(SLOT, slot):
                raise UserError(f"A slot must be a name in braces, such as {{order_number}}. Received: slot={slot!r}")
        if len(self._slot_ids) != len(self.slots):
            raise UserError(f"Slots must be distinct. Received: slots={self.slots}")
        if unknown := sorted(set(self.constants) - set(self.slots)):
            raise UserError(f"A constant must be that of a slot. Received: {unknown[0]!r}")
        first = _NUM_SPECIAL + len(self.slots)
        self._ids = {character: first + byte for byte, character in enumerate(_CHARACTERS)}
        for left, right in self.merges:
            if left not in self._ids or right not in self._ids:
                raise UserError(f"A merge must be of two pieces made before it. Received: {left!r} and {right!r}")
            # Two merges may make the same piece: ab + c and a + bc.
            self._ids.setdefault(left + right, first + len(self._ids))
        spelled = [bytes(_BYTES[character] for character in piece) for piece in self._ids]
        written = [to_bytes(self.constants.get(slot, slot)) for slot in self.slots]
        self.pieces = [b""] * _NUM_SPECIAL + written + spelled

    @classmethod
    def train(
        cls, texts: Iterable[str], num_pieces: int, min_count: int = 2, constants: Mapping[str, str] | None = None
    ) -> "BytePairVocabulary":
        """Learn a vocabulary from texts; equal texts give equal vocabularies.

        Frequent text becomes part of the vocabulary: pass replies with slots in place of personal data, from
        `supportnet.text.slots.slotted`.

        Args:
            texts: the texts, normally the replies of the training split; all that is spelled like a slot becomes one.
            num_pieces: maximum number of ids; fewer if no more pairs are frequent enough.
            min_count: minimum frequency of a pair to be merged.
            constants: slot -> constant text that is written in its place.

        Raises:
            UserError: if `min_count` isn't positive, or `num_pieces` is too small for the bytes and the slots.
        """
        check_positive("min_count", min_count)
        texts = [_valid(text) for text in check_many("texts", "a list of texts", texts)]
        slots = sorted({slot for text in texts for slot in re.findall(SLOT, text)} | set(constants or {}))
        room = num_pieces - _NUM_SPECIAL - len(slots)
        if room < len(_CHARACTERS):
            least = f"at least {num_pieces - room + len(_CHARACTERS)} for texts with {len(slots)} slots"
            raise UserError(f"num_pieces must be {least}. Received: num_pieces={num_pieces}")
        from tokenizers import trainers

        tokenizer = _tokenizer()
        trainer = trainers.BpeTrainer(
            vocab_size=room, min_frequency=min_count, initial_alphabet=_CHARACTERS, show_progress=False
        )
        tokenizer.train_from_iterator((part for text in texts for part in re.split(SLOT, text)), trainer)
        return cls(slots, json.loads(tokenizer.to_str())["model"]["merges"], constants)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "BytePairVocabulary":
        """Load a vocabulary from `save`; raise UserError if the file is missing or damaged."""
        match read_json(path):
            case {"slots": list(slots), "merges": list(merges), "constants": dict(constants)} if all(
                isinstance(value, str) for value in (*slots, *merges, *constants.values())
            ):
                pairs = [merge.partition(" ") for merge in merges]
            case _:
                problem = "it must hold slots and merges, lists of strings, and their constants."
                raise UserError(f"{path} is no vocabulary of byte pairs: {problem}")
        try:
            return cls(slots, [(left, right) for left, _, right in pairs], constants)
        except UserError as error:
            raise UserError(f"{path} is damaged. {error}") from None

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write slots, constants and merges as JSON, one per line, atomically."""
        merges = [f"{left} {right}" for left, right in self.merges]
        write_json(path, {"slots": self.slots, "constants": self.constants, "merges": merges})

    def encode(self, texts: Iterable[str]) -> list[list[int]]:
        """Return the ids of each text's pieces, without `START_ID` and `END_ID`; none for an empty text.

        Slots that aren't in the vocabulary are ordinary text. `decode` is the inverse, but for lone surrogates, which
        aren't Unicode text and become U+FFFD.

        Raises:
            UserError: if `texts` is one text and not a list of texts.
        """
        encoded: list[list[int]] = []
        iterator = iter(check_many("texts", "a list of texts", texts))
        while batch := list(islice(iterator, _BATCH_SIZE)):
            first = len(encoded)
            encoded += [[] for _ in batch]
            parts = [(row, part) for row, text in enumerate(batch, first) for part in _AROUND_SLOTS.split(_valid(text))]
            encodings = self._tokenizer.encode_batch_fast([part for _, part in parts])
            for (row, part), encoding in zip(parts, encodings, strict=True):
                encoded[row] += [self._slot_ids[part]] if part in self._slot_ids else encoding.ids
        return encoded

    @cached_property
    def _tokenizer(self) -> Any:
        return _tokenizer(vocab=self._ids, merges=self.merges)

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of ids up to the first `END_ID`: the reference of `detokenize`.

        Raises:
            UserError: if an id isn't in the vocabulary.
        """
        spelled = list(takewhile(lambda index: index != END_ID, ids))
        if wrong := [index for index in spelled if not 0 <= index < len(self)]:
            raise UserError(f"An id must be from 0 to {len(self) - 1}. Received: {wrong[0]}")
        return b"".join(self.pieces[index] for index in spelled).decode("utf-8", "ignore")

    def __len__(self) -> int:
        return len(self.pieces)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, BytePairVocabulary):
            return False
        return (self.slots, self.merges, self.constants) == (other.slots, other.merges, other.constants)

    def __hash__(self) -> int:
        return hash((*self.slots, *self.merges))

    def __repr__(self) -> str:
        return f"BytePairVocabulary of {len(self)} pieces, {len(self.slots)} of them slots"


def detokenize(pieces: Any, ids: Any) -> Any:
    """Return the texts of a batch of ids, with core operations: the twin of `BytePairVocabulary.decode`.

    Args:
        pieces: string `[V]`, or a list of bytes: the spelling of each id, empty for `PAD_ID`, `START_ID` and `END_ID`.
        ids: int32 `[B, T]`, each below V; ids after a row's first `END_ID` are ignored. B and T may be 0.

    Returns:
        string `[B]`, valid UTF-8: bytes of incomplete characters are dropped.

    Example:
        >>> detokenize([b"", b"", b"", b"Hel", b"lo"], [[1, 3, 4, 2, 3], [4, 2, 0, 0, 0]])
        <tf.Tensor: shape=(2,), dtype=string, numpy=array([b'Hello', b'lo'], dtype=object)>
    """
    ids = tf.convert_to_tensor(ids, tf.int32)
    ended = tf.cumsum(tf.cast(tf.equal(ids, END_ID), tf.int32), axis=1)
    spelled = tf.gather(pieces, tf.where(tf.equal(ended, 0), ids, PAD_ID))
    return tf.strings.unicode_transcode(tf.strings.reduce_join(spelled, axis=1), "UTF-8", "UTF-8", errors="ignore")


def _valid(text: str) -> str:
    """Return a text with U+FFFD in place of lone surrogates, which the library refuses."""
    return to_bytes(text).decode("utf-8", "replace")


def _tokenizer(**pieces: Any) -> Any:
    """Return the library's byte-level tokenizer: words include the preceding space, and merges stay within words."""
    # Decoding doesn't need the library.
    from tokenizers import Tokenizer, models, pre_tokenizers

    tokenizer = Tokenizer(models.BPE(**pieces))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    return tokenizer

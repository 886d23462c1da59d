"""WordPiece of the BERT family: the rules, read from a `tokenizer.json`, and the reference in Python.

A text is normalized and split into words (`supportnet.text.bert_characters`), and each word is divided into pieces of
a fixed vocabulary: from its start, always the longest piece that fits; pieces inside a word have a prefix, `##`. So
`unaffable` becomes `una`, `##ffa`, `##ble`. A word that can't be divided, or is too long, is `[UNK]`.

References: Schuster and Nakajima 2012, Japanese and Korean Voice Search; Wu et al. 2016, Google's Neural Machine
Translation System; Devlin et al. 2019, BERT: Pre-training of Deep Bidirectional Transformers.

The ids are those of the library `tokenizers`, with these exceptions:

- special tokens in a text, such as `[MASK]`, are read as punctuation and letters: no text contains a special token;
- only the first `64 * max_length` bytes are read, and the word that this limit cuts is left out, unless it is
  too long already;
- invalid bytes are read as U+FFFD;
- letters that came after Unicode 14 keep their case;
- combining marks that aren't deleted keep their order, where the library sorts them (two such marks in a row are rare).
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from supportnet.checks import check_many, check_positive
from supportnet.errors import UserError
from supportnet.files import written_whole
from supportnet.text.bert_characters import Expansion, bert_characters
from supportnet.text.tokenizer import BYTES_PER_TOKEN, MAX_LENGTH, to_bytes
from supportnet.text.tokenizer_json import REMEDY, read_word_piece

_FEWEST: Final = 2


@dataclass(frozen=True)
class WordPiece:
    """A WordPiece tokenizer: its vocabulary and its rules, hashable and comparable.

    `dataclasses.asdict` returns the arguments; they may go through JSON.

    Args:
        pieces: the vocabulary; a piece's index is its id.
        max_length: maximum number of pieces of a text, at least 2, `cls_token` and `sep_token` included.
        lowercase: lower the case.
        strip_accents: delete accents and other nonspacing marks; None: as `lowercase`.
        clean_text: delete control characters.
        handle_chinese_chars: make each Han character a word.
        unk_token: piece of a word that can't be divided.
        cls_token: piece at the start of each text.
        sep_token: piece at the end of each text.
        pad_token: piece of padding.
        continuing_subword_prefix: prefix of pieces inside a word.
        max_input_chars_per_word: a word of more characters is `unk_token`.

    Raises:
        UserError: if pieces aren't distinct or contain line breaks, a special token isn't in the vocabulary, is the
            padding too or could be typed as a word, `max_length` is below 2, or a piece is longer than
            `max_input_chars_per_word`.

    Example:
        >>> rules = WordPiece(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "re", "##fund", "!"])
        >>> rules.encode(["Refund!", "parcel", ""])
        [[2, 4, 5, 6, 3], [2, 1, 3], [2, 3]]
    """

    pieces: tuple[str, ...] = field(repr=False)
    max_length: int = MAX_LENGTH
    lowercase: bool = True
    strip_accents: bool | None = None
    clean_text: bool = True
    handle_chinese_chars: bool = True
    unk_token: str = "[UNK]"
    cls_token: str = "[CLS]"
    sep_token: str = "[SEP]"
    pad_token: str = "[PAD]"
    continuing_subword_prefix: str = "##"
    max_input_chars_per_word: int = 100

    def __post_init__(self) -> None:
        object.__setattr__(self, "pieces", tuple(check_many("pieces", "a list of strings", self.pieces)))
        if check_positive("max_length", self.max_length) < _FEWEST:
            raise UserError(f"max_length must be at least {_FEWEST}. Received: max_length={self.max_length}")
        self._check_pieces()
        self._check_special_tokens()

    def _check_pieces(self) -> None:
        for index, piece in enumerate(self.pieces):
            if self.ids[piece] != index:
                raise UserError(f"Pieces must be distinct. Received: {piece!r} as {self.ids[piece]} and {index}")
            # An export has the vocabulary as a file, one piece per line.
            if "\n" in piece or "\r" in piece:
                raise UserError(f"A piece must not contain a line break. Received: piece {index} = {piece!r}")
        name, limit = "max_input_chars_per_word", self.max_input_chars_per_word
        if check_positive(name, limit) < self.longest:
            problem = f"must be at least {self.longest}, the length of the longest piece"
            raise UserError(f"{name} {problem}. Received: {name}={limit}")

    def _check_special_tokens(self) -> None:
        for name in ("unk_token", "cls_token", "sep_token", "pad_token"):
            token = getattr(self, name)
            if token not in self.ids:
                raise UserError(f"{name} must be in the vocabulary. Received: {name}={token!r}")
            if name == "unk_token":
                continue
            if token.split() != [token] or self.words(token) == [token]:
                raise UserError(f"{name} must not be a word that a text can contain. Received: {name}={token!r}")
        if self.pad_token in (self.unk_token, self.cls_token, self.sep_token):
            raise UserError(f"pad_token must differ from other special tokens. Received: pad_token={self.pad_token!r}")

    @classmethod
    def load(cls, path: str | os.PathLike[str], max_length: int = MAX_LENGTH) -> "WordPiece":
        """Load the WordPiece of a `tokenizer.json` of the library `tokenizers`.

        Truncation and padding that the file states aren't used.

        Args:
            path: the file.
            max_length: maximum number of pieces of a text.

        Raises:
            UserError: if the file is missing or no JSON; or its model isn't a WordPiece, a normalizer, a pre-tokenizer
                or a post-processor isn't supported, or the vocabulary has holes, duplicates or no special tokens.
        """
        arguments = read_word_piece(path)
        try:
            return cls(**arguments, max_length=max_length)
        except UserError as error:
            raise UserError(f"{path} can't be used: {error} {REMEDY}") from None

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write one piece per line, UTF-8, in the order of the ids, atomically."""
        with written_whole(path) as temporary:
            temporary.write_bytes("".join(f"{piece}\n" for piece in self.pieces).encode("utf-8"))

    @cached_property
    def ids(self) -> dict[str, int]:
        """Piece -> id."""
        ids: dict[str, int] = {}
        for index, piece in enumerate(self.pieces):
            ids.setdefault(piece, index)
        return ids

    @cached_property
    def longest(self) -> int:
        """Length of the longest piece, in characters, without the prefix."""
        return max((len(piece.removeprefix(self.continuing_subword_prefix)) for piece in self.pieces), default=0)

    @property
    def characters(self) -> Expansion:
        """What each character becomes."""
        strips = self.lowercase if self.strip_accents is None else self.strip_accents
        return bert_characters(self.lowercase, strips, self.clean_text, self.handle_chinese_chars)

    @property
    def num_bytes(self) -> int:
        """Number of bytes of a text that are read."""
        return BYTES_PER_TOKEN * self.max_length

    def words(self, text: str | bytes) -> list[str]:
        """Return the normalized words of a text, as far as it is read.

        Example:
            >>> WordPiece(["[PAD]", "[UNK]", "[CLS]", "[SEP]"]).words("Où est 退款?")
            ['ou', 'est', '退', '款', '?']
        """
        whole = to_bytes(text)
        words = whole[: self.num_bytes].decode("utf-8", "replace").translate(self.characters).split(" ")
        # The last word may go on beyond the limit. If it is too long already, it is the unknown token in any case.
        if len(whole) > self.num_bytes and len(words[-1]) <= self.max_input_chars_per_word:
            words.pop()
        return [word for word in words if word]

    def encode(self, texts: Iterable[str | bytes]) -> list[list[int]]:
        """Return the ids of each text's pieces: the reference of `supportnet.text.word_piece_graph.word_pieces`.

        Args:
            texts: texts, or their UTF-8 bytes; they may be empty or invalid.

        Raises:
            UserError: if `texts` is one text and not a list of texts.
        """
        first, last = self.ids[self.cls_token], self.ids[self.sep_token]
        encoded = []
        for text in check_many("texts", "a list of texts", texts):
            ids = [self.ids[piece] for word in self.words(text) for piece in self._divided(word)]
            encoded.append([first, *ids[: self.max_length - _FEWEST], last])
        return encoded

    def _divided(self, word: str) -> list[str]:
        """Return the pieces of a word."""
        if len(word) > self.max_input_chars_per_word:
            return [self.unk_token]
        pieces: list[str] = []
        start = 0
        while start < len(word):
            prefix = self.continuing_subword_prefix if start else ""
            ends = range(min(len(word), start + self.longest), start, -1)
            end = next((end for end in ends if prefix + word[start:end] in self.ids), None)
            if end is None:
                return [self.unk_token]
            pieces.append(prefix + word[start:end])
            start = end
        return pieces

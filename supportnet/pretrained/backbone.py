"""A pretrained encoder as the backbone of a network: all that a folder brings along."""

import os
import warnings
from dataclasses import dataclass
from typing import Any

from supportnet.pretrained.encoder import PretrainedEncoder
from supportnet.pretrained.folder import PretrainedFolder, read_folder
from supportnet.pretrained.licence import read_licence
from supportnet.pretrained.tensors import Array, read_weights, weights_digest
from supportnet.pretrained.weights import LICENCE_FILE, check_weights, weights_folder
from supportnet.text.tokenizer_json import read_word_piece
from supportnet.text.word_piece import WordPiece


@dataclass(frozen=True)
class PretrainedBackbone:
    """What a folder brings along.

    Attributes:
        folder: what it says of its encoder.
        pieces: its tokenizer.
        weights: see `read_weights`.
        digest: SHA-256 of the weights, as hexadecimal digits.
        licence: file -> text of what goes along with the weights; see `read_licence`.
    """

    folder: PretrainedFolder
    pieces: WordPiece
    weights: dict[str, Array]
    digest: str
    licence: dict[str, str]

    @classmethod
    def read(cls, name_or_path: str | os.PathLike[str]) -> "PretrainedBackbone":
        """Read the weights of a name, such as `minilm`, or of a folder of one's own.

        Raises:
            UserError: as for `weights_folder`, `read_folder`, `read_word_piece` and `read_weights`, or weights of a
                known name aren't the recorded ones.

        Warns:
            UserWarning: the folder holds no licence.

        Example (needs weights):
            >>> PretrainedBackbone.read("minilm").folder.sizes["num_layers"]
            6
        """
        folder = read_folder(weights_folder(name_or_path))
        weights, digest = read_weights(folder), weights_digest(folder)
        check_weights(name_or_path, digest)
        pieces = WordPiece(**read_word_piece(folder.tokenizer_file), max_length=folder.sizes["max_length"])
        licence = read_licence(folder.path, digest)
        if LICENCE_FILE not in licence:
            warnings.warn(
                f"{folder.path} holds no licence of its weights. Put its text there as {LICENCE_FILE}: an export "
                "without it isn't verified.",
                stacklevel=3,
            )
        return cls(folder, pieces, weights, digest, licence)

    @property
    def network_options(self) -> dict[str, Any]:
        """The fields of `NetworkConfig` that it decides."""
        folder = self.folder
        pooling = {"pooling": folder.pooling, "unit_length": folder.unit_length}
        stated = {"name": folder.path.resolve().name, "sha256": self.digest}
        pretrained = {"encoder": folder.sizes, "pooling": pooling, "prompt": folder.prompt, "source": stated}
        # Maps of its vectors are square.
        return {"architecture": "pretrained", "pretrained": pretrained, "vector_dim": folder.sizes["embedding_dim"]}

    def initialize(self, encoder: PretrainedEncoder) -> None:
        """Give an encoder of the same sizes the weights."""
        encoder.set_pretrained(self.weights)

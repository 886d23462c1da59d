"""What a network starts from: random weights, a pre-trained encoder, or word vectors."""

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from supportnet.embeddings import (
    METHODS,
    Coverage,
    check_embedding_dim,
    embedding_matrix,
    load_word_embeddings,
    train_word_embeddings,
)
from supportnet.errors import UserError
from supportnet.files import file_sha256
from supportnet.layers import TokenEmbedding
from supportnet.models.config import NetworkConfig
from supportnet.models.intent_classifier import IntentClassifier
from supportnet.models.replier import Replier
from supportnet.models.suggester import Suggester
from supportnet.text.vocabulary import Vocabulary, count_tokens
from supportnet.training.encoder import Encoder, check_same_sizes, load_encoder

if TYPE_CHECKING:
    from gensim.models import KeyedVectors


@dataclass(frozen=True)
class Start:
    """Where the weights of a network begin.

    Attributes:
        encoder: a pre-trained one, or None.
        embeddings: a file of word vectors, `word2vec` or `fasttext` to train some, or None.
        require_coverage: share of the vocabulary that the word vectors must hold, or None.
    """

    encoder: Encoder | None = None
    embeddings: str | None = None
    require_coverage: float | None = None

    @classmethod
    def of(
        cls,
        init: str | os.PathLike[str] | None,
        embeddings: str | os.PathLike[str] | None = None,
        require_coverage: float | None = None,
    ) -> "Start":
        """Read what the arguments of `train` or `pretrain` name.

        Raises:
            UserError: there is no whole encoder at `init`; both it and `embeddings` are given; or there are no word
                vectors to require a coverage of.
        """
        if init is not None and embeddings is not None:
            raise UserError("embeddings must not be given with init, which brings its own. Received: both")
        if require_coverage is not None and embeddings is None:
            raise UserError(f"require_coverage must come with embeddings. Received: {require_coverage=}, no embeddings")
        encoder = None if init is None else load_encoder(init)
        return cls(encoder, None if embeddings is None else os.fspath(embeddings), require_coverage)

    @property
    def network_options(self) -> dict[str, Any]:
        """The fields of `NetworkConfig` that the encoder decides."""
        return {} if self.encoder is None else asdict(self.encoder.config)

    @property
    def vocabulary(self) -> Vocabulary | None:
        """The encoder's vocabulary."""
        return None if self.encoder is None else self.encoder.vocabulary

    @property
    def facts(self) -> dict[str, Any]:
        """What tells one start from another: a run goes on only with the same."""
        embeddings = self.embeddings
        if embeddings is not None and embeddings not in METHODS and Path(embeddings).is_file():
            embeddings = file_sha256(embeddings)
        return {
            "init": None if self.encoder is None else self.encoder.digest,
            "embeddings": embeddings,
            "require_coverage": self.require_coverage,
        }

    def check(self, network: NetworkConfig) -> None:
        """Raise a `UserError` that names a field of `network` in which the encoder is another."""
        if self.encoder is not None:
            check_same_sizes(network, self.encoder.config)

    def apply(
        self, model: IntentClassifier | Suggester | Replier, texts: Sequence[str], seed: int, progress_bar: bool = True
    ) -> Coverage | None:
        """Set the weights of a fresh model.

        Args:
            model: its network starts there.
            texts: what word vectors are trained on, and what their coverage is counted in.
            seed: of what is random about word vectors.
            progress_bar: show one on standard error where there is much to read or to train.

        Returns:
            How much of the vocabulary the word vectors hold; None where there are none.
        """
        if self.encoder is not None:
            self.encoder.start(model)
        if self.embeddings is None:
            return None
        config = model.config
        vectors = self._vectors(model, texts, seed, progress_bar)
        check_embedding_dim(config.embedding_dim, vectors)
        counts = count_tokens(texts, config.text_mode, config.max_length)
        matrix, coverage = embedding_matrix(model.vocabulary, vectors, seed, counts, self.require_coverage)
        start_from_vectors(model.network.get_layer("embed"), matrix)
        return coverage

    def _vectors(
        self, model: IntentClassifier | Suggester | Replier, texts: Sequence[str], seed: int, progress_bar: bool
    ) -> "KeyedVectors":
        assert self.embeddings is not None
        if self.embeddings not in METHODS:
            return load_word_embeddings(self.embeddings, words=model.vocabulary, progress_bar=progress_bar)
        dim, mode = model.config.embedding_dim, model.config.text_mode
        return train_word_embeddings(texts, self.embeddings, dim, mode=mode, seed=seed, progress_bar=progress_bar)


def start_from_vectors(embed: TokenEmbedding, matrix: npt.NDArray[np.float32]) -> None:
    """Let every tower's word vectors begin as the rows of a matrix.

    The rows are scaled, all by the same factor, to the mean length that a random start would give them: the learning
    rate suits that.

    Args:
        embed: the embedding of one or more towers.
        matrix: float32 `[V, D]`, where D is the depth of one tower.

    Example (needs a trained model):
        >>> start_from_vectors(network.get_layer("embed"), matrix)
    """
    towers = embed.embedding_dim // matrix.shape[1]
    length = float(np.linalg.norm(matrix, axis=1).mean())
    scaled = matrix / (max(length, np.finfo("float32").tiny) * towers**0.5)
    embed.word_embeddings.assign(np.tile(scaled, (1, towers)))

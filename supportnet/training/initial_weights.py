"""The initial weights of a network: random ones, a pre-trained encoder, or word vectors."""

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from supportnet.backbones.backbone import TaskModel
from supportnet.backbones.masked_lm import MaskedLanguageModel
from supportnet.config import BACKBONE_FIELDS, NetworkConfig
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
from supportnet.pretrained.backbone import PretrainedBackbone
from supportnet.text.vocabulary import Vocabulary, count_tokens
from supportnet.training.run_folder import CONFIG, VOCABULARY, WEIGHTS, finished_run, load_weights
from supportnet.training.splits import build_vocabulary

#: What config.json names as the task of a pre-trained encoder.
PRETRAINING = "pretrain"


@dataclass(frozen=True)
class Encoder:
    """A pre-trained backbone.

    Attributes:
        config: what the network was built from.
        vocabulary: words with an id of their own.
        network: the network that was pre-trained.
        digest: SHA-256 of its weights' file, as hexadecimal digits; empty where it wasn't read from one.
    """

    config: NetworkConfig
    vocabulary: Vocabulary
    network: MaskedLanguageModel
    digest: str = ""

    @classmethod
    def fresh(cls, config: NetworkConfig, vocabulary: Vocabulary) -> "Encoder":
        """Make an untrained one."""
        network = MaskedLanguageModel(config, len(vocabulary), name="masked_language_model")
        network.build()
        return cls(config, vocabulary, network)

    def initialize(self, model: TaskModel) -> None:
        """Give a model, which must have the same sizes and vocabulary, the pre-trained weights."""
        check_same_sizes(model.config, self.config)
        if model.vocabulary != self.vocabulary:
            raise UserError("vocabulary must be the pre-trained encoder's. Received: another one")
        model.backbone.set_weights(self.network.backbone.get_weights())


def load_encoder(path: str | os.PathLike[str]) -> Encoder:
    """Load the encoder that `pretrain` wrote.

    Args:
        path: its folder.

    Raises:
        UserError: no such folder, pre-training hasn't finished, a file is missing or damaged (it is named), or the
            folder holds a run of another task.

    Example (needs a run folder):
        >>> encoder = load_encoder("runs/encoder")
        >>> len(encoder.vocabulary)
        2309
    """
    folder, config = finished_run(path, PRETRAINING)
    fresh = Encoder.fresh(config, Vocabulary.load(folder / VOCABULARY))
    load_weights(folder / WEIGHTS, fresh.network, f"{CONFIG} and {VOCABULARY}")
    return replace(fresh, digest=file_sha256(folder / WEIGHTS))


def check_same_sizes(config: NetworkConfig, pretrained: NetworkConfig) -> None:
    """Check that a network with one configuration can start from an encoder with the other.

    Raises:
        UserError: names the first field that differs.
    """
    for name in BACKBONE_FIELDS:
        value, known = getattr(config, name), getattr(pretrained, name)
        if value != known:
            raise UserError(f"{name} must be that of the pre-trained encoder, {known}. Received: {name}={value}")


@dataclass(frozen=True)
class InitialWeights:
    """The initial weights of a network: random, pre-trained, or word vectors.

    Attributes:
        encoder: a pre-trained one, or None.
        embeddings: a file of word vectors, `word2vec` or `fasttext` to train some, or None.
        require_coverage: share of the vocabulary that the word vectors must hold, or None.
        backbone: a pretrained encoder with word pieces of its own, or None.
    """

    encoder: Encoder | None = None
    embeddings: str | None = None
    require_coverage: float | None = None
    backbone: PretrainedBackbone | None = None

    @classmethod
    def of(
        cls,
        init: str | os.PathLike[str] | None,
        embeddings: str | os.PathLike[str] | None = None,
        require_coverage: float | None = None,
        backbone: str | os.PathLike[str] | None = None,
    ) -> "InitialWeights":
        """Read what the arguments of `train` or `pretrain` name.

        Raises:
            UserError: there is no whole encoder at `init`; two of it, `embeddings` and `backbone` are given; there are
                no word vectors to require a coverage of; or as for `PretrainedBackbone.read`.
        """
        if backbone is not None and (init is not None or embeddings is not None):
            raise UserError("backbone must not be given with init or embeddings. Received: both")
        if init is not None and embeddings is not None:
            raise UserError("embeddings must not be given with init, which brings its own. Received: both")
        if require_coverage is not None and embeddings is None:
            raise UserError(f"require_coverage must come with embeddings. Received: {require_coverage=}, no embeddings")
        encoder = None if init is None else load_encoder(init)
        read = None if backbone is None else PretrainedBackbone.read(backbone)
        return cls(encoder, None if embeddings is None else os.fspath(embeddings), require_coverage, read)

    @property
    def network_options(self) -> dict[str, Any]:
        """The fields of `NetworkConfig` that the encoder decides."""
        if self.backbone is not None:
            return self.backbone.network_options
        return {} if self.encoder is None else asdict(self.encoder.config)

    def vocabulary(self, network: NetworkConfig, texts: Sequence[str], min_count: int) -> Vocabulary:
        """Return the encoder's vocabulary, or make that of the texts, with the pieces that a backbone reads."""
        if self.encoder is not None:
            return self.encoder.vocabulary
        words = build_vocabulary(texts, network, min_count)
        return words if self.backbone is None else Vocabulary(words, self.backbone.pieces)

    @property
    def facts(self) -> dict[str, Any]:
        """The facts that tell one start from another: a run is resumed only with the same."""
        embeddings = self.embeddings
        if embeddings is not None and embeddings not in METHODS and Path(embeddings).is_file():
            embeddings = file_sha256(embeddings)
        return {
            "init": None if self.encoder is None else self.encoder.digest,
            "embeddings": embeddings,
            "require_coverage": self.require_coverage,
            "backbone": None if self.backbone is None else self.backbone.digest,
        }

    def check(self, network: NetworkConfig) -> None:
        """Raise a `UserError` that names a field of `network` in which the encoder is another, or can't follow."""
        if self.backbone is not None and network.max_length > (most := self.backbone.folder.sizes["max_length"]):
            raise UserError(
                f"max_length must be at most {most}, the positions of the pretrained encoder. "
                f"Received: max_length={network.max_length}"
            )
        if self.backbone is not None and network.vector_dim != (depth := self.backbone.folder.sizes["embedding_dim"]):
            raise UserError(
                f"vector_dim must be that of the pretrained encoder, {depth}. Received: vector_dim={network.vector_dim}"
            )
        if self.encoder is not None:
            check_same_sizes(network, self.encoder.config)

    def apply(self, model: TaskModel, texts: Sequence[str], seed: int, progress_bar: bool = True) -> Coverage | None:
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
            self.encoder.initialize(model)
        if self.backbone is not None:
            self.backbone.initialize(model.backbone.encoder)
            model.licence = self.backbone.licence
        if self.embeddings is None:
            return None
        config = model.config
        if self.embeddings in METHODS:
            dim, mode = config.embedding_dim, config.text_mode
            vectors = train_word_embeddings(
                texts, self.embeddings, dim, mode=mode, seed=seed, progress_bar=progress_bar
            )
        else:
            vectors = load_word_embeddings(self.embeddings, words=model.vocabulary, progress_bar=progress_bar)
        check_embedding_dim(config.embedding_dim, vectors)
        counts = count_tokens(texts, config.text_mode, config.max_length)
        matrix, coverage = embedding_matrix(model.vocabulary, vectors, seed, counts, self.require_coverage)
        start_from_vectors(model.backbone.embed, matrix)
        return coverage


def start_from_vectors(embed: TokenEmbedding, matrix: npt.NDArray[np.float32]) -> None:
    """Let every branch's word vectors begin as the rows of a matrix.

    The rows are scaled, all by the same factor, to the mean length that a random start would give them: the learning
    rate suits that.

    Args:
        embed: the embedding of one or more branches.
        matrix: float32 `[V, D]`, where D is the depth of one branch.

    Example (needs a trained model):
        >>> start_from_vectors(network.get_layer("backbone").embed, matrix)
    """
    branches = embed.embedding_dim // matrix.shape[1]
    length = float(np.linalg.norm(matrix, axis=1).mean())
    scaled = matrix / (max(length, np.finfo("float32").tiny) * branches**0.5)
    embed.word_embeddings.assign(np.tile(scaled, (1, branches)))

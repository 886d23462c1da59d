"""The numbers that the networks are built from, in the article's words."""

from dataclasses import dataclass

from supportnet.backbones.encoders import DECODER_ONLY, ENCODERS
from supportnet.checks import check_divides, check_not_negative, check_positive, check_rate
from supportnet.errors import UserError
from supportnet.text.tokenizer import get_mode

#: Fields of `NetworkConfig` that decide how a message is read, and what the towers' weights mean: tasks that share an
#: encoder have the same.
READING = (
    *("architecture", "embedding_dim", "hidden_dim", "num_layers", "num_heads"),
    *("num_buckets", "max_length", "text_mode"),
)


@dataclass(frozen=True)
class NetworkConfig:
    """Everything that decides the shape of the network, but the vocabulary and the intents or labels.

    Attributes:
        architecture: name of the encoder: a key of `supportnet.backbones.encoders.ENCODERS`; or `gpt`, which writes
            replies without one.
        embedding_dim: depth D of the token vectors.
        hidden_dim: units of the encoder's inner layers: of the feed-forward ones, and of `bilstm_attention`'s LSTM
            in each direction.
        num_layers: attention blocks of the encoder, 0 or more, and of the decoder; `gpt` has as many as both.
        num_heads: attention heads; must divide `embedding_dim`.
        dropout_rate: dropout inside the encoder.
        head_dropout_rate: dropout on the pooled message, before the head of the task.
        word_dropout: share of words dropped in training.
        num_buckets: buckets that character n-grams are hashed to.
        num_pairs: buckets that pairs of words are hashed to.
        num_filters: filters over two and over three words each, whose maxima and means take the place of the word
            vectors' own beside the encoder; it pays where there are many labelled messages. 0 has none.
        vector_dim: depth of the vectors that a suggestion network compares messages and replies by.
        num_pieces: pieces that replies are written in, at most.
        max_reply_length: pieces of a reply, at most.
        max_length: tokens T that are read of a message; the rest is cut.
        text_mode: how text becomes tokens, `unicode` or `article`.

    Raises:
        UserError: a value out of its range.

    Example:
        >>> NetworkConfig(embedding_dim=64, num_heads=5)
        Traceback (most recent call last):
        supportnet.errors.UserError: num_heads must be at least 1 and divide embedding_dim (64). Received: num_heads=5
    """

    architecture: str = "bilstm_attention"
    embedding_dim: int = 128
    hidden_dim: int = 96
    num_layers: int = 1
    num_heads: int = 4
    dropout_rate: float = 0.1
    head_dropout_rate: float = 0.4
    word_dropout: float = 0.1
    num_buckets: int = 12_000
    num_pairs: int = 16_384
    num_filters: int = 0
    vector_dim: int = 128
    num_pieces: int = 2000
    max_reply_length: int = 64
    max_length: int = 128
    text_mode: str = "unicode"

    def __post_init__(self) -> None:
        architectures = (*ENCODERS, DECODER_ONLY)
        if self.architecture not in architectures:
            known = ", ".join(architectures)
            raise UserError(f"architecture must be one of {known}. Received: architecture={self.architecture!r}")
        for name in ("embedding_dim", "hidden_dim", "num_buckets", "num_pairs", "vector_dim", "num_pieces"):
            check_positive(name, getattr(self, name))
        for name in ("max_reply_length", "max_length"):
            check_positive(name, getattr(self, name))
        for name in ("dropout_rate", "head_dropout_rate", "word_dropout"):
            check_rate(name, getattr(self, name))
        check_not_negative("num_layers", self.num_layers)
        check_not_negative("num_filters", self.num_filters)
        get_mode(self.text_mode)
        check_divides("num_heads", self.num_heads, "embedding_dim", self.embedding_dim)

"""The network of the reply task: an encoder that reads a message, and a decoder that writes a reply piece by piece."""

from typing import Any

import keras
from keras import ops

from supportnet.backbones.backbone import Towers, front_end_inputs
from supportnet.backbones.decoders import build_decoder
from supportnet.backbones.encoders import DECODER_ONLY, build_embedding
from supportnet.checks import check_positive
from supportnet.config import NetworkConfig


def build_reply_network(
    config: NetworkConfig, vocab_size: int, num_pieces: int, towers: Towers | None = None
) -> keras.Model:
    """Build the encoder and the decoder over what the text front end returns for messages, and pieces of replies.

    The decoder looks at every token of the message as the encoder understood it, and at the token's own vectors beside
    that: names and numbers get through unchanged. `gpt` has no encoder: its decoder reads the tokens' own vectors,
    which are as deep as all towers' of the others. Scores of the pieces are products with the vectors that the pieces
    are read by (Press & Wolf 2017, Using the Output Embedding).

    Args:
        config: sizes and rates; its architecture decides both halves.
        vocab_size: number of token ids V of messages.
        num_pieces: number of pieces P of replies.
        towers: those of another task's network, to share their weights; new ones, if not given. `gpt` has none.

    Returns:
        A functional model. Input: the front end's dictionary (see `TokenEmbedding`) and `pieces` int32 `[B, T]`: what
        stands before each piece that is asked for, so that the first one is `START_ID`. Output: a dictionary of
        `logits` float32 `[B, T, P]`, and `memory` float `[B, S, D]`, what the decoder looks at.

    Raises:
        UserError: `vocab_size` or `num_pieces` is below 1.

    Example:
        >>> from supportnet.text.front_end import TextFrontEnd
        >>> network = build_reply_network(NetworkConfig(), vocab_size=2000, num_pieces=500)
        >>> features = TextFrontEnd(["where", "parcel"])(["where is my parcel?"])
        >>> keras.ops.shape(network({**features, "pieces": keras.ops.array([[1, 17, 200]])})["logits"])
        (1, 3, 500)
    """
    check_positive("num_pieces", num_pieces)
    message, pieces = front_end_inputs(), keras.Input((None,), dtype="int32", name="pieces")
    seen, given = _seen(config, vocab_size, message, towers)
    memory = keras.layers.Dense(config.embedding_dim, name="memory")(seen)
    spread = keras.initializers.RandomNormal(stddev=config.embedding_dim**-0.5)
    table = keras.layers.ReversibleEmbedding(
        num_pieces, config.embedding_dim, embeddings_initializer=spread, reverse_dtype="float32", name="piece_embedding"
    )
    written = build_decoder(config)(table(pieces), memory, memory_mask=message["mask"])
    outputs = {"logits": table(written, reverse=True), "memory": memory}
    return keras.Model({**message, **given, "pieces": pieces}, outputs, name="reply_network")


def _seen(
    config: NetworkConfig, vocab_size: int, message: dict[str, Any], towers: Towers | None
) -> tuple[Any, dict[str, Any]]:
    """What is made of each token of a message before the decoder sees it, and what is given beside the message."""
    if config.architecture == DECODER_ONLY:
        return build_embedding(config, vocab_size)(message), {}
    shared = towers or Towers(config, vocab_size)
    read = shared.read(message)
    return ops.concatenate([read[name] for name in ("encoded", "words") if name in read], axis=-1), shared.inputs

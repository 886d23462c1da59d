"""The network of the task reply: a backbone that reads a message, and a decoder that writes a reply piece by piece."""

import keras
from keras import ops

from supportnet.backbones.backbone import Backbone, build_decoder, compose, feature_inputs, token_inputs
from supportnet.checks import check_positive
from supportnet.config import NetworkConfig


def build_network(config: NetworkConfig, backbone: Backbone, num_pieces: int) -> keras.Model:
    """Build the network over the preprocessor's features of messages, and pieces of replies.

    Returns:
        A functional model with two parts, `backbone` and `head`. Input: the features and `pieces` int32 `[B, T]`, the
        piece before each one that is asked for, so that the first one is `START_ID`. Output: that of the head.

    Raises:
        UserError: `num_pieces` is below 1.

    Example:
        >>> from supportnet.text.preprocessor import TextFrontEnd
        >>> network = build_network(NetworkConfig(), Backbone(NetworkConfig(), vocab_size=2000), num_pieces=500)
        >>> features = TextFrontEnd(["where", "parcel"])(["where is my parcel?"])
        >>> keras.ops.shape(network({**features, "pieces": keras.ops.array([[1, 17, 200]])})["logits"])
        (1, 3, 500)
    """
    pieces = keras.Input((None,), dtype="int32", name="pieces")
    head = build_head(config, backbone, num_pieces)
    return compose(backbone, head, feature_inputs(backbone.config), "reply_network", pieces=pieces)


def build_head(config: NetworkConfig, backbone: Backbone, num_pieces: int) -> keras.Model:
    """Build the decoder, which attends to every token of the message.

    It sees the encoder's output, and the token's own vectors beside it: names and numbers get through unchanged. A
    decoder that reads the message itself sees the tokens' own vectors alone. Scores of the pieces are products with the
    vectors that the pieces are read by (Press & Wolf 2017, Using the Output Embedding).

    Args:
        config: sizes and rates; its architecture decides both halves.
        backbone: whose vectors it takes.
        num_pieces: size of the subword vocabulary P of replies.

    Returns:
        A functional model. Input: the features, the backbone's vectors, and `pieces`. Output: a dictionary of `logits`
        float32 `[B, T, P]`, and `memory` float `[B, S, D]`, what the decoder attends to.

    Raises:
        UserError: `num_pieces` is below 1, or the architecture has no decoder.
    """
    check_positive("num_pieces", num_pieces)
    decoder = build_decoder(config)
    inputs, pieces = token_inputs(backbone), keras.Input((None,), dtype="int32", name="pieces")
    seen = ops.concatenate([inputs[name] for name in ("encoded", "words") if name in inputs], axis=-1)
    memory = keras.layers.Dense(config.embedding_dim, name="memory")(seen)
    spread = keras.initializers.RandomNormal(stddev=config.embedding_dim**-0.5)
    table = keras.layers.ReversibleEmbedding(
        num_pieces, config.embedding_dim, embeddings_initializer=spread, reverse_dtype="float32", name="piece_embedding"
    )
    written = decoder(table(pieces), memory, memory_mask=inputs["mask"])
    outputs = {"logits": table(written, reverse=True), "memory": memory}
    return keras.Model({**inputs, "pieces": pieces}, outputs, name="head")

"""The network of the suggest task: a dual encoder, one side for messages and one for the replies to them."""

from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from supportnet.layers import ScaledCosine
from supportnet.models.config import NetworkConfig
from supportnet.models.towers import Towers, front_end_inputs


def build_suggestion_network(config: NetworkConfig, vocab_size: int, num_labels: int = 0) -> keras.Model:
    """Build the dual encoder over what the text front end returns for messages and for replies.

    Both sides share the embedding and the encoder, and end in a projection of their own to vectors of length 1: a
    message's vector is near those of the replies that answer it, not near those that look like it (Henderson et al.
    2017, Efficient Natural Language Response Suggestion; Gillick et al. 2019, Learning Dense Representations for Entity
    Retrieval). The sides meet in one product only, so that replies are read once and kept.

    Args:
        config: sizes and rates; `vector_dim` is the depth of the vectors.
        vocab_size: number of token ids V.
        num_labels: number of labels K that a second objective learns to tell from the vectors of either side; 0 does
            without.

    Returns:
        A functional model. Input: the front end's dictionaries (see `TokenEmbedding`) of B messages and of C replies in
        one, see `of_side`. Output: a dictionary of `message` float32 `[B, D]` and `reply` float32 `[C, D]`,
        vectors of length 1, and `scores` float32 `[B, C]`, their products on a learned scale. With labels, also
        `message_labels` float32 `[B, K]` and `reply_labels` float32 `[C, K]`, logits.

    Raises:
        UserError: `vocab_size` is below 1.

    Example:
        >>> from supportnet.text.front_end import TextFrontEnd
        >>> network = build_suggestion_network(NetworkConfig(), vocab_size=2000)
        >>> read = TextFrontEnd(["where", "parcel"])
        >>> message, replies = read(["where is my parcel?"]), read(["On its way.", "Goodbye."])
        >>> outputs = network({**of_side("message", message), **of_side("reply", replies)})
        >>> keras.ops.shape(outputs["scores"])
        (1, 2)
    """
    towers = Towers(config, vocab_size)
    inputs = {side: front_end_inputs(f"{side}_") for side in SIDES}
    vectors = {side: _vector(towers(inputs[side]), config, side) for side in SIDES}
    outputs = {**vectors, "scores": ScaledCosine(dtype="float32", name="scores")(vectors["message"], vectors["reply"])}
    if num_labels:
        # Both sides see the same labels' vectors: what is said with a label comes near what is answered with it.
        labels = keras.layers.Dense(num_labels, dtype="float32", name="labels")
        outputs |= {f"{side}_labels": labels(LABEL_SCALE * vectors[side]) for side in SIDES}
    flat = {name: tensor for side in SIDES for name, tensor in of_side(side, inputs[side]).items()}
    return keras.Model(flat, outputs, name="suggestion_network")


#: What is compared.
SIDES = ("message", "reply")
#: Vectors of length 1 would take long to grow weights that tell labels apart.
LABEL_SCALE = 10.0


def of_side(side: str, features: Mapping[str, Any]) -> dict[str, Any]:
    """Name what the front end returns as the input of one side of the network.

    Example:
        >>> of_side("reply", {"mask": 1})
        {'reply_mask': 1}
    """
    return {f"{side}_{name}": value for name, value in features.items()}


def _vector(pooled: dict[str, Any], config: NetworkConfig, side: str) -> Any:
    """The head of one side: dropout, a projection, and length 1 in float32 under every policy."""
    joined = ops.concatenate(list(pooled.values()), axis=-1)
    joined = keras.layers.Dropout(config.head_dropout_rate, name=f"{side}_dropout")(joined)
    projected = keras.layers.Dense(config.vector_dim, dtype="float32", name=f"{side}_projection")(joined)
    return keras.layers.UnitNormalization(dtype="float32", name=f"{side}_vector")(projected)

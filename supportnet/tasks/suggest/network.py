"""The network of the suggest task: a dual encoder, one side for messages and one for the replies to them."""

from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from supportnet.backbones.backbone import Towers, front_end_inputs
from supportnet.config import NetworkConfig
from supportnet.layers import MaskedPooling, PairEmbedding, ScaledCosine


def build_suggestion_network(
    config: NetworkConfig, vocab_size: int, num_labels: int = 0, towers: Towers | None = None
) -> keras.Model:
    """Build the dual encoder over what the text front end returns for messages and for replies.

    Both sides share the embedding and the encoder, and end in projections of their own to vectors of length 1: a
    message's vector is near those of the replies that answer it, not near those that look like it (Henderson et al.
    2017, Efficient Natural Language Response Suggestion; Gillick et al. 2019, Learning Dense Representations for Entity
    Retrieval). The sides meet in one product only, so that replies are read once and kept.

    Up to three towers read each side, and their mean score counts: the two of `Towers`, and one of pairs of words.
    Each has vectors of its own and is trained with a loss of its own: a common one would let the words, which are
    learned first, starve the others. How much each counts is learned as well, and fitted anew to validation data after
    training, as is how much each tower's labels do; see `supportnet.tasks.suggest.scales`.

    Args:
        config: sizes and rates; `vector_dim` is the depth of each tower's vectors.
        vocab_size: number of token ids V.
        num_labels: number of labels K that a second objective learns to tell from the vectors of either side; 0 does
            without.
        towers: those of another task's network, to share their weights; new ones, if not given.

    Returns:
        A functional model. Input: the front end's dictionaries (see `TokenEmbedding`) of B messages and of C replies in
        one, see `of_side`. Output, with N towers: a dictionary of `message` float32 `[B, N, D]` and `reply` float32
        `[C, N, D]`, vectors of length 1, and `scores` float32 `[N, B, C]`, their products on learned scales. With
        labels, also `message_labels` float32 `[B, N, K]` and `reply_labels` float32 `[C, N, K]`, logits.

    Raises:
        UserError: `vocab_size` is below 1.

    Example:
        >>> from supportnet.text.front_end import TextFrontEnd
        >>> network = build_suggestion_network(NetworkConfig(), vocab_size=2000)
        >>> read = TextFrontEnd(["where", "parcel"])
        >>> message, replies = read(["where is my parcel?"]), read(["On its way.", "Goodbye."])
        >>> outputs = network({**of_side("message", message), **of_side("reply", replies)})
        >>> keras.ops.shape(outputs["scores"])
        (3, 1, 2)
    """
    inputs = {side: front_end_inputs(f"{side}_") for side in SIDES}
    shared = towers or Towers(config, vocab_size)
    pooled = _pooled(config, shared, inputs)
    vectors = {side: {tower: _vector(config, side, tower, x) for tower, x in pooled[side].items()} for side in SIDES}
    outputs = {side: ops.stack(list(vectors[side].values()), axis=1) for side in SIDES}
    cosine = ScaledCosine(len(vectors["reply"]), dtype="float32", name="scores")
    outputs["scores"] = cosine(outputs["message"], outputs["reply"])
    if num_labels:
        outputs |= _labels(outputs, num_labels)
    flat = {name: tensor for side in SIDES for name, tensor in of_side(side, inputs[side]).items()}
    return keras.Model({**flat, **shared.inputs}, outputs, name="suggestion_network")


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


def _pooled(config: NetworkConfig, towers: Towers, inputs: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """What each tower makes of the texts of each side, one vector a text."""
    embed_pairs = PairEmbedding(config.num_pairs, config.embedding_dim, name="pairs")
    pool = MaskedPooling(name="pool_pairs")
    pooled = {}
    for side, features in inputs.items():
        followed = ops.pad(features["mask"][:, 1:], ((0, 0), (0, 1)))
        pooled[side] = {**towers(features), "pairs": pool(embed_pairs(features["token_ids"]), mask=followed)}
    return pooled


def _vector(config: NetworkConfig, side: str, tower: str, pooled: Any) -> Any:
    """The head of one tower: dropout, a projection, and length 1 in float32 under every policy."""
    name = f"{side}_{tower}"
    pooled = keras.layers.Dropout(config.head_dropout_rate, name=f"{name}_dropout")(pooled)
    projected = keras.layers.Dense(config.vector_dim, dtype="float32", name=f"{name}_projection")(pooled)
    return keras.layers.UnitNormalization(dtype="float32", name=f"{name}_vector")(projected)


def _labels(vectors: dict[str, Any], num_labels: int) -> dict[str, Any]:
    """The logits of the labels, by each tower for itself."""
    # Both sides see the same labels' vectors: what is said with a label comes near what is answered with it.
    shape = (vectors["reply"].shape[1], num_labels)
    heads = keras.layers.EinsumDense("bnd,ndk->bnk", shape, bias_axes="nk", dtype="float32", name="labels")
    return {f"{side}_labels": heads(LABEL_SCALE * vectors[side]) for side in SIDES}

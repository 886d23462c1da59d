"""The network of the task suggest: a dual encoder, one side for messages and one for the replies to them."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import keras
from keras import ops

from supportnet.backbones.backbone import Backbone, feature_inputs, token_inputs
from supportnet.backbones.heads import MessagePooling
from supportnet.config import NetworkConfig
from supportnet.layers import MaskedPooling, PairEmbedding, ScaledCosine

#: The two texts that are compared.
SIDES = ("message", "reply")
#: Vectors of length 1 would take long to grow weights that tell labels apart.
LABEL_SCALE = 10.0


def build_network(config: NetworkConfig, backbone: Backbone, num_labels: int = 0) -> keras.Model:
    """Build the dual encoder over the preprocessor's features of messages and of replies.

    Both sides share the backbone, and end in projections of their own to vectors of length 1: a message's vector is
    near those of the replies that answer it, not near those that look like it (Henderson et al. 2017, Efficient Natural
    Language Response Suggestion; Gillick et al. 2019, Learning Dense Representations for Entity Retrieval). The sides
    meet in one product only, so that replies are read once and kept.

    Up to three branches read each side, and their mean score counts: the two of `MessagePooling`, and one of pairs of
    words. Each has vectors of its own and is trained with a loss of its own: a common one would let the words, which
    are learned first, starve the others. The weight of each is learned as well, and fitted anew to validation data
    after training, as is that of each branch's labels; see `supportnet.tasks.suggest.calibrate`.

    On a pretrained encoder there is one branch, its vector of the text, and the projections start as the identity: an
    untrained network ranks by the encoder's own cosine. With another `vector_dim` than the encoder's depth, the first
    numbers of its vectors would count alone.

    Args:
        config: sizes and rates; `vector_dim` is the depth of each branch's vectors.
        backbone: reads both sides.
        num_labels: number of labels K that a second objective predicts from the vectors of either side; 0 for none.

    Returns:
        A functional model with the parts `backbone`, `message_head`, `reply_head` and `scores`. Input: the features of
        B messages and of C replies in one dictionary, see `of_side`. Output, with N branches: a dictionary of `message`
        float32 `[B, N, D]` and `reply` float32 `[C, N, D]`, vectors of length 1, and `scores` float32 `[N, B, C]`,
        their products on learned scales. With labels, also `message_labels` float32 `[B, N, K]` and `reply_labels`
        float32 `[C, N, K]`, logits.

    Example:
        >>> from supportnet.text.preprocessor import TextFrontEnd
        >>> network = build_network(NetworkConfig(), Backbone(NetworkConfig(), vocab_size=2000))
        >>> read = TextFrontEnd(["where", "parcel"])
        >>> message, replies = read(["where is my parcel?"]), read(["On its way.", "Goodbye."])
        >>> outputs = network({**of_side("message", message), **of_side("reply", replies)})
        >>> keras.ops.shape(outputs["scores"])
        (3, 1, 2)
    """
    return DualEncoder(config, backbone, num_labels, name="suggestion_network")


@keras.saving.register_keras_serializable(package="supportnet")
class DualEncoder(keras.Model):
    """The network of `build_network`, with its arguments.

    Its configuration is what it is built from: in that of a functional model, Keras would write the layers that both
    heads share twice, and read two of each.
    """

    def __init__(self, config: NetworkConfig, backbone: Backbone, num_labels: int = 0, **kwargs: Any) -> None:
        inputs = {side: feature_inputs(config, f"{side}_") for side in SIDES}
        heads = build_heads(config, backbone, num_labels)
        found = {side: heads[side]({**inputs[side], **backbone(inputs[side])}) for side in SIDES}
        num_branches = found["reply"]["vectors"].shape[1]
        outputs = _joined(found, ScaledCosine(num_branches, dtype="float32", name="scores"))
        flat = {name: tensor for side in SIDES for name, tensor in of_side(side, inputs[side]).items()}
        super().__init__(flat, outputs, **kwargs)
        self.config = config
        self.num_labels = num_labels

    def get_config(self) -> dict[str, Any]:
        backbone = keras.saving.serialize_keras_object(self.get_layer("backbone"))
        return {"config": asdict(self.config), "backbone": backbone, "num_labels": self.num_labels, "name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> "DualEncoder":
        backbone = keras.saving.deserialize_keras_object(config["backbone"], custom_objects)
        return cls(**{**config, "config": NetworkConfig(**config["config"]), "backbone": backbone})


def build_heads(config: NetworkConfig, backbone: Backbone, num_labels: int = 0) -> dict[str, keras.Model]:
    """Build the head of each side: the features, and the backbone's vectors -> `vectors`, and `labels`; see above."""
    inputs = {side: token_inputs(backbone) for side in SIDES}
    pool = MessagePooling(config) if config.pretrained else _PairPooling(config)
    vectors = {
        side: ops.stack([_vector(config, side, branch, vector) for branch, vector in pool(given).items()], axis=1)
        for side, given in inputs.items()
    }
    outputs: dict[str, dict[str, Any]] = {side: {"vectors": vectors[side]} for side in SIDES}
    if num_labels:
        # Both sides see the same labels' vectors: what is said with a label comes near what is answered with it.
        shape = (vectors["reply"].shape[1], num_labels)
        labels = keras.layers.EinsumDense("bnd,ndk->bnk", shape, bias_axes="nk", dtype="float32", name="labels")
        for side in SIDES:
            outputs[side]["labels"] = labels(LABEL_SCALE * vectors[side])
    return {side: keras.Model(inputs[side], outputs[side], name=f"{side}_head") for side in SIDES}


def from_sentences(network: keras.Model) -> keras.Model:
    """Return the part of a network behind a pretrained encoder: its vectors of texts in place of their features.

    The layers are those of the network. While the encoder is frozen, to train this part is to train the network.

    Args:
        network: see `build_network`; on a pretrained encoder.

    Returns:
        A functional model. Input: `message_sentence` float32 `[B, D]` and `reply_sentence` float32 `[C, D]`. Output:
        that of the network.

    Example (needs a trained model):
        >>> sentences = {f"{side}_sentence": encode(model, ["Thank you!"], progress_bar=False) for side in SIDES}
        >>> from_sentences(model.network)(sentences)["scores"].shape
        TensorShape([1, 1, 1])
    """
    inputs, found = {}, {}
    for side in SIDES:
        head = network.get_layer(f"{side}_head")
        sentence = head.input["sentence"]
        inputs[side] = keras.Input(sentence.shape[1:], name=f"{side}_sentence")
        found[side] = keras.Model(sentence, head.output, name=head.name)(inputs[side])
    outputs = _joined(found, network.get_layer("scores"))
    return keras.Model({tensor.name: tensor for tensor in inputs.values()}, outputs, name="sentence_network")


def of_side(side: str, features: Mapping[str, Any]) -> dict[str, Any]:
    """Name the features of a text as the input of one side of the network.

    Example:
        >>> of_side("reply", {"mask": 1})
        {'reply_mask': 1}
    """
    return {f"{side}_{name}": value for name, value in features.items()}


def _joined(found: Mapping[str, Mapping[str, Any]], cosine: ScaledCosine) -> dict[str, Any]:
    """The outputs of the network, of those of its heads."""
    vectors = {side: found[side]["vectors"] for side in SIDES}
    labels = {f"{side}_labels": own["labels"] for side, own in found.items() if "labels" in own}
    return {**vectors, "scores": cosine(vectors["message"], vectors["reply"]), **labels}


class _PairPooling(MessagePooling):
    """Pools pairs of words as well."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__(config)
        self.pool_pairs = MaskedPooling(name="pool_pairs")
        self.pairs = PairEmbedding(config.num_pairs, config.embedding_dim, name="pairs")

    def __call__(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        followed = ops.pad(inputs["mask"][:, 1:], ((0, 0), (0, 1)))
        return {**super().__call__(inputs), "pairs": self.pool_pairs(self.pairs(inputs["token_ids"]), mask=followed)}


def _vector(config: NetworkConfig, side: str, branch: str, pooled: Any) -> Any:
    """The head of one branch: dropout, a projection, and length 1 in float32 under every policy."""
    name = f"{side}_{branch}"
    pooled = keras.layers.Dropout(config.head_dropout_rate, name=f"{name}_dropout")(pooled)
    options = {"kernel_initializer": "identity"} if config.pretrained else {}
    projected = keras.layers.Dense(config.vector_dim, dtype="float32", name=f"{name}_projection", **options)(pooled)
    return keras.layers.UnitNormalization(dtype="float32", name=f"{name}_vector")(projected)

"""The network of the task attributes: backbone -> pooling -> the values of each attribute."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from supportnet.backbones.backbone import Backbone, compose, feature_inputs, token_inputs
from supportnet.backbones.heads import MessagePooling, vote
from supportnet.checks import check_positive
from supportnet.config import NetworkConfig
from supportnet.layers import NgramScores
from supportnet.text.preprocessor import TextFrontEnd


def build_network(config: NetworkConfig, backbone: Backbone, num_values: Sequence[int]) -> keras.Model:
    """Build the network over the preprocessor's features: a backbone, and `build_head` on it.

    Returns:
        A functional model with two parts, `backbone` and `head`. Input: the features. Output: that of the head.

    Raises:
        UserError: an attribute has no value.

    Example:
        >>> from supportnet.text.preprocessor import TextFrontEnd
        >>> network = build_network(NetworkConfig(), Backbone(NetworkConfig(), vocab_size=2000), num_values=[3, 2])
        >>> outputs = network(TextFrontEnd(["where", "parcel"])(["where is my parcel?"]))
        >>> [keras.ops.shape(outputs[f"logits_{i}"]) for i in range(2)]
        [(1, 3), (1, 2)]
    """
    return compose(
        backbone, build_head(config, backbone, num_values), feature_inputs(backbone.config), "attribute_network"
    )


def build_head(config: NetworkConfig, backbone: Backbone, num_values: Sequence[int]) -> keras.Model:
    """Build the head: for each attribute three branches that vote.

    They are the two of `MessagePooling`, and a linear classifier of n-grams, which is fitted and not trained (see
    `NgramScores`). Each is trained with a loss of its own.

    Args:
        config: sizes and rates.
        backbone: whose vectors it takes.
        num_values: number of values K of each attribute.

    Returns:
        A functional model. Input: the features, and the backbone's vectors. Output: a dictionary of, for attribute i,
        `logits_i` float32 `[B, K]`, the branches' vote, and `branch_logits_i` float32 `[B, N, K]`; and `embedding`
        float `[B, D]`, the pooled message.
    """
    inputs = token_inputs(backbone)
    features = {name: inputs[name] for name in TextFrontEnd.specs}
    pooled = MessagePooling(config)(inputs)
    dropped = {
        branch: keras.layers.Dropout(config.head_dropout_rate, name=f"{branch}_dropout")(vector)
        for branch, vector in pooled.items()
    }
    outputs: dict[str, Any] = {"embedding": ops.concatenate(list(pooled.values()), axis=-1)}
    for i, count in enumerate(num_values):
        sizes = (check_positive("num_values", count), backbone.vocab_size, config.num_pairs, config.num_buckets)
        ngram_scores = NgramScores(*sizes, dtype="float32", name=f"ngrams_{i}")(features)["scores"]
        trained = [
            keras.layers.Dense(count, dtype="float32", name=f"{branch}_values_{i}")(vector)
            for branch, vector in dropped.items()
        ]
        branch_logits = ops.stack([*trained, ngram_scores], axis=1)
        outputs |= {f"logits_{i}": vote(branch_logits), f"branch_logits_{i}": branch_logits}
    return keras.Model(inputs, outputs, name="head")

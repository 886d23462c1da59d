"""The network of the task classify: backbone -> pooling -> intents."""

from typing import Any

import keras
from keras import ops

from supportnet.backbones.backbone import Backbone, compose, feature_inputs, token_inputs
from supportnet.backbones.heads import MessagePooling, Vote
from supportnet.checks import check_positive
from supportnet.config import NetworkConfig
from supportnet.layers import MeanSimilarity, NgramScores
from supportnet.text.preprocessor import TextFrontEnd


def build_network(config: NetworkConfig, backbone: Backbone, num_intents: int) -> keras.Model:
    """Build the classifier over the preprocessor's features: a backbone, and `build_head` on it.

    Returns:
        A functional model with two parts, `backbone` and `head`. Input: the features. Output: that of the head.

    Raises:
        UserError: `num_intents` is below 1.

    Example:
        >>> from supportnet.text.preprocessor import TextFrontEnd
        >>> network = build_network(NetworkConfig(), Backbone(NetworkConfig(), vocab_size=2000), num_intents=77)
        >>> outputs = network(TextFrontEnd(["where", "parcel"])(["where is my parcel?"]))
        >>> keras.ops.shape(outputs["logits"])
        (1, 77)
    """
    return compose(
        backbone, build_head(config, backbone, num_intents), feature_inputs(backbone.config), "intent_network"
    )


def build_head(config: NetworkConfig, backbone: Backbone, num_intents: int) -> keras.Model:
    """Build the head: three branches that vote.

    They are the two of `MessagePooling`, and a linear classifier of words, pairs of words and character n-grams, which
    is fitted and not trained (see `NgramScores`). They err on different messages, and their vote (see `Vote`) errs on
    fewer than any. Each is trained with a loss of its own: a common one would let the words, which are learned first,
    starve the encoder.

    Args:
        config: sizes and rates.
        backbone: whose vectors it takes.
        num_intents: number of intents K.

    Returns:
        A functional model. Input: the features, and the backbone's vectors. Output: a dictionary of `logits` float32
        `[B, K]`, the branches' vote; `branch_logits` float32 `[B, N, K]`, the linear classifier's last; its `margins`
        float32 `[B, K]`; `coverage` float32 `[B, K]`, the share of the message's character n-grams that training saw
        with an intent; `known_words` float32 `[B]`, the number of words of the vocabulary; and `embedding` float
        `[B, 6 D]`, the pooled message. With the architecture `none`, N is 2 and the embedding `[B, 2 D]`. With F
        filters, 4 F of its numbers replace 2 D.

        On a pretrained encoder, the branches are its vector of the message and the linear classifier; the embedding is
        that vector, and `similarity` float32 `[B, K]` says how near it is to each intent's (see `MeanSimilarity`).
    """
    check_positive("num_intents", num_intents)
    inputs = token_inputs(backbone)
    pooled = MessagePooling(config)(inputs)
    sizes = (num_intents, backbone.vocab_size, config.num_pairs, config.num_buckets)
    linear = NgramScores(*sizes, dtype="float32", name="ngrams")({name: inputs[name] for name in TextFrontEnd.specs})
    scores = [_scores(vector, num_intents, config, branch) for branch, vector in pooled.items()]
    branch_logits = ops.stack([*scores, linear["scores"]], axis=1)
    outputs = {
        "logits": Vote(dtype="float32", name="vote")(branch_logits),
        "branch_logits": branch_logits,
        **{name: linear[name] for name in ("margins", "coverage", "known_words")},
        "embedding": ops.concatenate(list(pooled.values()), axis=-1),
    }
    if "sentence" in pooled:
        outputs["similarity"] = MeanSimilarity(num_intents, dtype="float32", name="similarity")(pooled["sentence"])
    return keras.Model(inputs, outputs, name="head")


def _scores(pooled: Any, num_intents: int, config: NetworkConfig, branch: str) -> Any:
    """Return a score for each intent, in float32 under every policy."""
    pooled = keras.layers.Dropout(config.head_dropout_rate, name=f"{branch}_dropout")(pooled)
    return keras.layers.Dense(num_intents, dtype="float32", name=f"{branch}_intents")(pooled)

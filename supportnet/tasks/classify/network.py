"""The network of the classify task: token embedding -> encoder -> pooling -> intents."""

from typing import Any

import keras
from keras import ops

from supportnet.backbones.backbone import Towers, front_end_inputs
from supportnet.checks import check_positive
from supportnet.config import NetworkConfig
from supportnet.layers import NgramScores


def build_intent_network(
    config: NetworkConfig, vocab_size: int, num_intents: int, towers: Towers | None = None
) -> keras.Model:
    """Build the classifier over what the text front end returns.

    Three towers vote: the two of `Towers`, and a linear classifier of words, pairs of words and character n-grams,
    which is fitted and not trained (see `NgramScores`). They err on different messages, and their vote (see `vote`)
    errs on fewer than any. Each is trained with a loss of its own: a common one would let the words, which are learned
    first, starve the encoder.

    Args:
        config: sizes and rates.
        vocab_size: number of token ids V.
        num_intents: number of intents K.
        towers: those of another task's network, to share their weights; new ones, if not given.

    Returns:
        A functional model. Input: the front end's dictionary (see `TokenEmbedding`). Output: a dictionary of
        `logits` float32 `[B, K]`, the towers' vote; `tower_logits` float32 `[B, N, K]`; `coverage` float32 `[B, K]`,
        the share of the message's character n-grams that training saw with an intent; and `embedding` float
        `[B, 6 D]`, the pooled message. With the architecture `none`, N is 2 and the embedding `[B, 2 D]`. With F
        filters, 4 F of its numbers stand in the place of 2 D.

    Raises:
        UserError: `vocab_size` or `num_intents` is below 1.

    Example:
        >>> from supportnet.text.front_end import TextFrontEnd
        >>> network = build_intent_network(NetworkConfig(), vocab_size=2000, num_intents=77)
        >>> outputs = network(TextFrontEnd(["where", "parcel"])(["where is my parcel?"]))
        >>> keras.ops.shape(outputs["logits"])
        (1, 77)
    """
    check_positive("num_intents", num_intents)
    inputs, shared = front_end_inputs(), towers or Towers(config, vocab_size)
    pooled = shared(inputs)
    ngrams = NgramScores(num_intents, vocab_size, config.num_pairs, config.num_buckets, dtype="float32", name="ngrams")
    ngram_scores, coverage = ngrams(inputs)
    scores = [*(_scores(vector, num_intents, config, tower) for tower, vector in pooled.items()), ngram_scores]
    tower_logits = ops.stack(scores, axis=1)
    outputs = {
        "logits": vote(tower_logits),
        "tower_logits": tower_logits,
        "coverage": coverage,
        "embedding": ops.concatenate(list(pooled.values()), axis=-1),
    }
    return keras.Model({**inputs, **shared.inputs}, outputs, name="intent_network")


#: Of the towers' power mean; chosen on validation data. See benchmarks/README.md.
VOTE_EXPONENT = 0.2


def vote(tower_logits: Any) -> Any:
    """Return the logarithm of the power mean of the towers' probabilities, with the exponent 1/5.

    It lies between the geometric mean (exponent 0), which is right most often, and the arithmetic one (1), whose
    probabilities are the most honest.

    Args:
        tower_logits: float `[B, N, K]` of N towers.

    Returns:
        Logits `[B, K]`.

    Example:
        >>> logits = vote(ops.log(ops.array([[[0.9, 0.1], [0.5, 0.5]]])))
        >>> keras.ops.convert_to_numpy(ops.softmax(logits)).round(3)
        array([[0.739, 0.261]], dtype=float32)
    """
    powers = ops.multiply(ops.log_softmax(tower_logits, axis=-1), VOTE_EXPONENT)
    return ops.logsumexp(powers, axis=1) / VOTE_EXPONENT


def _scores(pooled: Any, num_intents: int, config: NetworkConfig, tower: str) -> Any:
    """The head of one tower: dropout, and a score for each intent, in float32 under every policy."""
    pooled = keras.layers.Dropout(config.head_dropout_rate, name=f"{tower}_dropout")(pooled)
    return keras.layers.Dense(num_intents, dtype="float32", name=f"{tower}_intents")(pooled)

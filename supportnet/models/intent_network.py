"""The network of the classify task: token embedding -> encoder -> pooling -> intents."""

import math
from typing import Any

import keras
from keras import ops

from supportnet.layers import MaskedPooling, TokenEmbedding
from supportnet.layers.checks import check_positive
from supportnet.models.config import NetworkConfig
from supportnet.models.encoders import build_encoder


def build_intent_network(config: NetworkConfig, vocab_size: int, num_intents: int) -> keras.Model:
    """Build the classifier over what the text front end returns.

    Two towers vote. In one, the encoder reads the tokens in their order, and its output and its input are pooled
    side by side. The other pools word vectors of its own, as fastText does (Joulin et al. 2017), blind to order.
    They err on different messages, and the mean of their probabilities errs on fewer than either. Each is trained
    with a loss of its own: a common one would let the words, which are learned first, starve the encoder.

    Args:
        config: sizes and rates.
        vocab_size: number of token ids V.
        num_intents: number of intents K.

    Returns:
        A functional model. Input: the front end's dictionary (see `TokenEmbedding`). Output: a dictionary of
        `logits` float32 `[B, K]`, the towers' vote; `tower_logits` float32 `[B, 2, K]`, what training fits; and
        `embedding` float `[B, 6 D]`, the pooled message.

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
    inputs = {
        "token_ids": keras.Input((None,), dtype="int32", name="token_ids"),
        "mask": keras.Input((None,), dtype="bool", name="mask"),
        "word_index": keras.Input((None,), dtype="int32", name="word_index"),
        "subword_ids": keras.Input((), dtype="int32", name="subword_ids"),
        "subword_segments": keras.Input((), dtype="int32", name="subword_segments"),
    }
    mask = inputs["mask"]
    # One lookup for both towers: the first half of each vector is the encoder's, the second the words'.
    embed = TokenEmbedding(vocab_size, 2 * config.embedding_dim, config.num_buckets, config.word_dropout, name="embed")
    tokens, words = ops.split(embed(inputs), 2, axis=-1)
    encoder = build_encoder(config)
    context = keras.layers.Concatenate(name="context")(
        [
            MaskedPooling(name="pool_encoded")(encoder(tokens, mask=mask), mask=mask),
            MaskedPooling(name="pool_tokens")(tokens, mask=mask),
        ]
    )
    bag = MaskedPooling(name="pool_words")(words, mask=mask)
    towers = ops.stack(
        [_intents(context, num_intents, config, "context"), _intents(bag, num_intents, config, "words")], 1
    )
    outputs = {
        # The logarithm of the towers' mean probability.
        "logits": ops.logsumexp(ops.log_softmax(towers, axis=-1), axis=1) - math.log(2.0),
        "tower_logits": towers,
        "embedding": keras.layers.Concatenate(name="embedding")([context, bag]),
    }
    return keras.Model(inputs, outputs, name="intent_network")


def _intents(pooled: Any, num_intents: int, config: NetworkConfig, tower: str) -> Any:
    """The head of one tower: dropout, and a score for each intent, in float32 under every policy."""
    pooled = keras.layers.Dropout(config.head_dropout_rate, name=f"{tower}_dropout")(pooled)
    return keras.layers.Dense(num_intents, dtype="float32", name=f"{tower}_intents")(pooled)

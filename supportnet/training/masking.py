"""Hide some words of a batch and keep what they were: the exercise of masked-language-model training."""

from typing import Any

import tensorflow as tf

#: Of the chosen words, the share that is hidden, and the share that another word of the batch takes the place of; the
#: rest stays, but is asked for as well (Devlin et al. 2019, BERT).
HIDDEN_SHARE = 0.8
REPLACED_SHARE = 0.1


def mask_words(features: dict[str, tf.Tensor], share: float, seed: Any) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
    """Choose words of every message and hide most of them, whole: with their character n-grams.

    Of a message with n words, `share` times n are chosen, rounded up: never none, so that a short message asks for
    something as well.

    Args:
        features: what the text front end returns, see `TextFrontEnd`, of messages with at least one word in all.
        share: of the words, in (0, 1).
        seed: int `[2]`; the same seed chooses the same words.

    Returns:
        The features, in which the replaced words are others of the batch, with two more:
            `hidden` bool `[B, T]`, True where the network must not see the word;
            `chosen` bool `[B, T]`, True where it shall say what the word was;
        and the ids of the chosen words, int32 `[N]`, message by message.

    Example:
        >>> from supportnet.text.preprocessor import TextFrontEnd
        >>> features = TextFrontEnd(["where", "parcel"])(["where is my parcel?"])
        >>> masked, targets = mask_words(features, share=0.2, seed=[0, 0])
        >>> int(masked["chosen"].numpy().sum()), len(targets)
        (1, 1)
    """
    mask = features["mask"]
    seeds = tf.random.experimental.stateless_split(seed, 3)
    order = _random_order(mask, seeds[0])
    length = tf.reduce_sum(tf.cast(mask, tf.float32), axis=1, keepdims=True)
    # Less than what float32 leaves of 0.2 * 5, which would be rounded up to 2.
    chosen = mask & (tf.cast(order, tf.float32) < tf.math.ceil(share * length - 1e-4))
    fate = tf.random.stateless_uniform(tf.shape(mask), seeds[1])
    hidden = chosen & (fate < HIDDEN_SHARE)
    replaced = chosen & ~hidden & (fate < HIDDEN_SHARE + REPLACED_SHARE)
    others = _another_word_each(mask, seeds[2])
    masked = {
        **features,
        "token_ids": tf.where(replaced, _take(features["token_ids"], others), features["token_ids"]),
        "word_index": tf.where(replaced, _take(features["word_index"], others), features["word_index"]),
        "hidden": hidden,
        "chosen": chosen,
    }
    return masked, tf.boolean_mask(features["token_ids"], chosen)


def _random_order(mask: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """The place of each word in a random order of its message's, int32 `[B, T]`; padding comes last."""
    draws = tf.where(mask, tf.random.stateless_uniform(tf.shape(mask), seed), 2.0)
    return tf.argsort(tf.argsort(draws, axis=1), axis=1)


def _another_word_each(mask: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """For every position, the flat index of a random real word of the batch, int32 `[B, T]`."""
    words = tf.where(tf.reshape(mask, [-1]))[:, 0]
    return tf.gather(words, tf.random.stateless_uniform(tf.shape(mask), seed, 0, tf.size(words), tf.int32))


def _take(values: tf.Tensor, flat_index: tf.Tensor) -> tf.Tensor:
    return tf.gather(tf.reshape(values, [-1]), flat_index)

"""A model with every kind of signature, made of a few core operations: what it answers is plain to see.

`python tests/serving/toy_model.py /models/toy` writes versions 1 and 2, for a TensorFlow Serving that the contract
tests are run against. A version gives its number as `version`.
"""

import sys
from pathlib import Path
from typing import Any

import tensorflow as tf

INTENTS = ["refund", "track_order", "退款"]
TEXT, TAG = (tf.TensorSpec([None], tf.string, name=name) for name in ("text", "tag"))
EXAMPLES = tf.TensorSpec([None], tf.string, name="inputs")
TEMPERATURE = tf.TensorSpec([None], tf.float32, name="temperature")
SEED = tf.TensorSpec([None], tf.int32, name="seed")
STEPS = tf.TensorSpec([None], tf.int32, name="steps")


class Toy(tf.Module):
    """The signatures; `weight` is there so that a version has a variable to restore."""

    def __init__(self, version: int) -> None:
        super().__init__()
        self.version = tf.constant(version)
        self.weight = tf.Variable([0.5, 1 / 3, 1 / 6])

    def _like(self, text: tf.Tensor, value: Any) -> tf.Tensor:
        return tf.repeat(tf.expand_dims(tf.constant(value), 0), tf.size(text), axis=0)

    def _scores(self, text: tf.Tensor) -> tf.Tensor:
        return tf.repeat(tf.expand_dims(self.weight, 0), tf.size(text), axis=0)

    @tf.function(input_signature=[TEXT])
    def classify(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        """A message is in scope if it has a letter, and can be routed if it has ten."""
        length = tf.strings.length(tf.strings.regex_replace(text, "[^a-z]", ""))
        return {
            "intents": self._like(text, INTENTS),
            "intent_scores": self._scores(text),
            "in_scope": length > 0,
            "in_scope_score": tf.cast(length, tf.float32) / 10,
            "route": length >= 10,
            "version": tf.fill([tf.size(text)], self.version),
        }

    @tf.function(input_signature=[EXAMPLES])
    def classify_examples(self, inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        """The Classify API: the feature `text` of tf.train.Examples."""
        text = tf.io.parse_example(inputs, {"text": tf.io.FixedLenFeature([], tf.string, "")})["text"]
        classes = tf.strings.join([tf.expand_dims(text, 1), "!"])
        return {"classes": tf.concat([classes, self._like(text, INTENTS[:1])], 1), "scores": self._scores(text)[:, :2]}

    @tf.function(input_signature=[EXAMPLES])
    def regress(self, inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        """The Regress API: the feature `text`'s length."""
        text = tf.io.parse_example(inputs, {"text": tf.io.FixedLenFeature([], tf.string, "")})["text"]
        return {"outputs": tf.cast(tf.strings.length(text), tf.float32)}

    @tf.function(input_signature=[TEXT])
    def suggest(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        """Two answers, and an empty one; none to an empty message."""
        return {
            "suggestion_ids": self._like(text, ["a1", "a2", ""]),
            "suggestions": self._like(text, ["Your parcel left today.", "Write to us.", ""]),
            "suggestion_scores": self._scores(text),
            "has_suggestion": text != "",
        }

    @tf.function(input_signature=[TEXT, TAG])
    def suggest_filtered(self, text: tf.Tensor, tag: tf.Tensor) -> dict[str, tf.Tensor]:
        """One answer, which is the tag."""
        return {
            "suggestion_ids": tf.expand_dims(tag, 1),
            "suggestions": tf.expand_dims(tag, 1),
            "suggestion_scores": self._scores(text)[:, :1],
            "has_suggestion": text != "",
        }

    @tf.function(input_signature=[TEXT])
    def reply(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        """The message, and handed off if it asks."""
        return {
            "reply": tf.strings.join(["You say: ", text]),
            "reply_score": tf.fill([tf.size(text)], -0.25),
            "handoff": tf.strings.regex_full_match(text, r"(?s).*\?.*"),
        }

    @tf.function(input_signature=[TEXT, TEMPERATURE, SEED])
    def reply_sample(self, text: tf.Tensor, temperature: tf.Tensor, seed: tf.Tensor) -> dict[str, tf.Tensor]:
        """The options, as they came."""
        return {"reply": text, "reply_score": temperature, "seed": seed}

    @tf.function(input_signature=[TEXT])
    def redact(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        """Digits become placeholders."""
        return {"redacted": tf.strings.regex_replace(text, "[0-9]+", "{number}")}

    @tf.function(input_signature=[TEXT])
    def embed(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        """The weights."""
        return {"embedding": self._scores(text)}

    @tf.function(input_signature=[TEXT])
    def numbers(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        """Numbers that JSON has trouble with."""
        floats = [0.1, 1 / 3, 2.0, 9e6, 3e-5, float("nan"), float("inf"), -float("inf")]
        return {"floats": self._like(text, floats), "raw_bytes": text, "long": self._like(text, [2**53 + 1])}

    @tf.function(input_signature=[TEXT, STEPS])
    def slow(self, text: tf.Tensor, steps: tf.Tensor) -> dict[str, tf.Tensor]:
        """Keeps a core busy for as many steps."""
        matrix = tf.while_loop(
            lambda step, _: step < tf.reduce_max(steps),
            lambda step, m: (step + 1, tf.matmul(m, m) * 1e-3),
            [0, tf.eye(256)],
        )[1]
        return {"sum": tf.fill([tf.size(text)], tf.reduce_sum(matrix))}


def write_toy(folder: Path, version: int) -> Path:
    """Write a version as `folder`/`version`."""
    toy = Toy(version)
    names = ["classify", "classify_examples", "regress", "suggest", "suggest_filtered", "reply", "reply_sample"]
    names += ["redact", "embed", "numbers", "slow"]
    signatures = {name: getattr(toy, name) for name in names}
    target = folder / str(version)
    tf.saved_model.save(toy, str(target), signatures={"serving_default": toy.classify, **signatures})
    return target


if __name__ == "__main__":
    for number in (1, 2):
        print(write_toy(Path(sys.argv[1]), number))

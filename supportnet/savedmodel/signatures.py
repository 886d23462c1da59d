"""Inputs of the signatures of an export."""

import tensorflow as tf

#: Messages, string `[B]`.
TEXT = tf.TensorSpec([None], tf.string, name="text")
#: Tags or languages, one a message: TensorFlow Serving has no optional inputs.
TAG = tf.TensorSpec([None], tf.string, name="tag")
#: Options of a reply that is drawn, one a message.
TEMPERATURE, TOP_P = (tf.TensorSpec([None], tf.float32, name=name) for name in ("temperature", "top_p"))
SEED = tf.TensorSpec([None], tf.int32, name="seed")
#: Serialized `tf.train.Example`, with a feature `text` of one string: what TensorFlow Serving's Classify API sends.
EXAMPLES = tf.TensorSpec([None], tf.string, name="inputs")

#: All of them.
INPUTS = (TEXT, TAG, TEMPERATURE, TOP_P, SEED, EXAMPLES)

#: The name that TensorFlow Serving's Classify API wants a signature's method to have.
CLASSIFY_METHOD = "tensorflow/serving/classify"
#: Suffix of the signatures that answer the Classify API.
EXAMPLES_SUFFIX = "_examples"

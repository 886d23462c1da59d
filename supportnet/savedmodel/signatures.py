"""The signatures of an export: what each takes, and the order of the tasks that share one."""

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

#: Task -> its signatures with what they take; the first one, of the task's own name, is its part of `serving_default`.
SIGNATURES = {
    "classify": {"classify": [TEXT], "classify_examples": [EXAMPLES], "embed": [TEXT]},
    "suggest": {
        "suggest": [TEXT],
        "suggest_filtered": [TEXT, TAG],
        "embed": [TEXT],
        "embed_message": [TEXT],
        "embed_answer": [TEXT],
    },
    "reply": {"reply": [TEXT], "reply_sample": [TEXT, TEMPERATURE, TOP_P, SEED], "embed": [TEXT]},
}

#: The name that TensorFlow Serving's Classify API wants a signature's method to have.
CLASSIFY_METHOD = "tensorflow/serving/classify"

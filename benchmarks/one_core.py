"""Time an exported model on one core: `python one_core.py MODEL CORE < texts.json`; prints JSON.

A process of its own, because TensorFlow sizes its thread pools when it starts.
"""

import json
import os
import sys

if __name__ == "__main__":
    os.sched_setaffinity(0, {int(sys.argv[2])})
    import tensorflow as tf
    from intents import speed

    loaded = tf.saved_model.load(sys.argv[1])
    classify = loaded.signatures["classify"]
    print(json.dumps(speed(lambda texts: classify(text=tf.constant(texts)), json.load(sys.stdin))))

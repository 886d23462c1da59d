"""One run of the benchmark: `python one_run.py SPEC`, where SPEC is JSON; the last line printed is JSON.

A process of its own for each run, because TensorFlow sizes its thread pools when it starts, and because training seeds
the random generators of the whole process. The function `measured` of the module that SPEC names does the run, and says
what SPEC holds; `core` is the processor that the run is held on, or null for all of them.
"""

import importlib
import json
import os
import sys

if __name__ == "__main__":
    spec = json.loads(sys.argv[1])
    if spec["core"] is not None:
        os.sched_setaffinity(0, {spec["core"]})
    import tensorflow as tf

    if spec["core"] is not None:
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    module = importlib.import_module(spec.get("module", "intent_models"))

    print(json.dumps(module.measured(spec)))

"""TensorFlow, started without noise."""

import os
import sys
import tempfile


def start_tensorflow() -> None:
    """Import TensorFlow without its lines about GPUs that aren't there, which come before any log level counts.

    For the first cell of a notebook: later imports say nothing. What TensorFlow writes when it fails is shown.

    Example:
        >>> import supportnet
        >>> supportnet.start_tensorflow()
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as swallowed:
        os.dup2(swallowed.fileno(), 2)
        try:
            import tensorflow as tf

            tf.constant(0)
            # Where a person types, such as in a notebook, it is INFO: a line for every export.
            tf.get_logger().setLevel("WARNING")
        except BaseException:
            swallowed.seek(0)
            os.write(kept, swallowed.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)

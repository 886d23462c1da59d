"""One run of a comparison, in a process of its own: `python -m supportnet.compare.one_run SPEC OUT`.

Of its own, because TensorFlow sizes its thread pools when it starts, because training seeds the random generators of
the whole process, and because the most memory that a process held is only known of all of it. SPEC is a file of two
pickles: the processor that the run is held on (None: all) with the run, and the architectures by name, those among them
that a user registered. OUT is written at the end, whole.
"""

import os
import pickle
import sys
import threading
from pathlib import Path

from supportnet.architectures import ARCHITECTURES, register_encoder
from supportnet.errors import UserError
from supportnet.files import write_json


def main(spec_path: str, out: str) -> None:
    """Do a run and write what it gave."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with Path(spec_path).open("rb") as file:
        core, run = pickle.load(file)
        _hold_on(core)
        for name, architecture in pickle.load(file).items():
            if name not in ARCHITECTURES:
                register_encoder(name, architecture.encoder, architecture.decoder)
    from supportnet.compare.measured import measured

    write_json(out, measured(run))


def _end_with_parent() -> None:
    """Wait for the end of standard input, which comes when the process that started this one is gone."""
    sys.stdin.read()
    os._exit(1)


def _hold_on(core: int | None) -> None:
    if core is None:
        return
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {core})
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except UserError as error:
        sys.exit(f"UserError: {error}")

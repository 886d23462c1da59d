"""One run of a comparison, in a process of its own: `python -m supportnet.compare.one_run SPEC OUT`.

Of its own, because TensorFlow sizes its thread pools when it starts, because training seeds the random generators of
the whole process, and because the most memory that a process held is only known of all of it. SPEC is a JSON file that
holds `run` and `core`, the processor that the run is held on (null: all). OUT is written at the end, whole.
"""

import json
import os
import sys
import threading
from pathlib import Path

from supportnet.compare.run import Run
from supportnet.errors import UserError
from supportnet.files import write_json


def main(spec_path: str, out: str) -> None:
    """Do a run and write what it gave."""
    spec = json.loads(Path(spec_path).read_text(encoding="utf-8"))
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _hold_on(spec["core"])
    from supportnet.compare.measured import measured

    write_json(out, measured(Run(**spec["run"])))


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

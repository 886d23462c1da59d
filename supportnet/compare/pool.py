"""Runs side by side, each in a process of its own that is held on a core of its own.

Of its own, because TensorFlow sizes its thread pools when it starts, because training seeds the random generators of
the whole process, and because the most memory that a process held is only known of all of it. The process is
`python -m supportnet.compare.pool SPEC OUT`. SPEC is a file of two pickles: the processor that the run is held on
(None: all) with the run, and the architectures by name, those among them that a user registered. OUT is written at the
end, whole.
"""

import os
import pickle
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from queue import SimpleQueue

from tqdm import tqdm

from supportnet.architectures import ARCHITECTURES, register_encoder
from supportnet.compare.plan import Run
from supportnet.errors import UserError
from supportnet.files import write_json

#: What of an error is kept, in characters.
ERROR_LENGTH = 500


def cores() -> list[int | None]:
    """Return the processors that this process may use; None for each, where a process can't be held on one."""
    if hasattr(os, "sched_getaffinity"):
        return [*sorted(os.sched_getaffinity(0))]
    return [None] * (os.cpu_count() or 1)


def do_runs(
    runs: Sequence[Run], folder: Path, jobs: int, progress_bar: bool = True
) -> Iterator[tuple[Run, str | None]]:
    """Do all runs, `jobs` at a time, and yield each as it ends, with the error that ended it, if one did.

    Args:
        runs: what is done, in this order.
        folder: where `KEY.json` is written for each.
        jobs: runs at a time.
        progress_bar: show on standard error what is running and how long it will take.
    """
    free: SimpleQueue[int | None] = SimpleQueue()
    for core in (cores() * jobs)[:jobs]:
        free.put(core)
    running: dict[str, Run] = {}

    def on_a_core(run: Run) -> str | None:
        core = free.get()
        running[run.key] = run
        try:
            return _do(run, folder, core)
        finally:
            del running[run.key]
            free.put(core)

    pool = ThreadPoolExecutor(jobs)
    waiting: dict[Future[str | None], Run] = {pool.submit(on_a_core, run): run for run in runs}
    try:
        with tqdm(total=len(runs), disable=not progress_bar, unit="run", desc="comparing") as bar:
            while waiting:
                # A bar that stood still while a run takes a minute would say nothing of the time left.
                ended, _ = wait(waiting, timeout=1, return_when=FIRST_COMPLETED)
                bar.set_postfix_str("; ".join(map(str, list(running.values()))), refresh=True)
                for future in ended:
                    bar.update()
                    yield waiting.pop(future), future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _do(run: Run, folder: Path, core: int | None) -> str | None:
    environment = {"TF_CPP_MIN_LOG_LEVEL": "3", **os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with tempfile.TemporaryDirectory() as temporary:
        spec = Path(temporary) / "run.pickle"
        try:
            # Two parts: what the first says must be done before the second is read, which may import TensorFlow.
            spec.write_bytes(pickle.dumps((core, run)) + pickle.dumps(dict(ARCHITECTURES)))
        except (AttributeError, pickle.PicklingError) as error:
            return f"{type(error).__name__}: {error}"
        command = [sys.executable, "-m", "supportnet.compare.pool", str(spec), str(folder / f"{run.key}.json")]
        # The run ends when its standard input does, with this process at the latest.
        with (
            (Path(temporary) / "log").open("w+", encoding="utf-8", errors="replace") as log,
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=log, env=environment) as process,
        ):
            code = process.wait()
            log.seek(0)
            return None if code == 0 else _error(code, log.read())


def _error(code: int, log: str) -> str:
    """The last line that says something, which is the exception's; or the signal."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    if code < 0:
        return f"ended by signal {-code}"
    return lines[-1][-ERROR_LENGTH:] if lines else f"exit code {code}"


def do_run(spec_path: str, out: str) -> None:
    """Do a run and write what it gave."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with Path(spec_path).open("rb") as file:
        core, run = pickle.load(file)
        if core is not None:
            _hold_on(core)
        for name, architecture in pickle.load(file).items():
            if name not in ARCHITECTURES:
                register_encoder(name, architecture.encoder, architecture.decoder)
    from supportnet.compare.measure import measured

    write_json(out, measured(run))


def _end_with_parent() -> None:
    """Wait for the end of standard input, which comes when the process that started this one is gone."""
    sys.stdin.read()
    os._exit(1)


def _hold_on(core: int) -> None:
    os.sched_setaffinity(0, {core})
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)


if __name__ == "__main__":
    try:
        do_run(*sys.argv[1:])
    except UserError as error:
        sys.exit(f"UserError: {error}")

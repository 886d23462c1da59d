"""Carry the weights of a run of supportnet 0.1 over to the format of 0.2: the same model, as one that 0.2 loads.

python tools/carry_weights.py OLD_RUN NEW_RUN

Networks have had a backbone and heads since 0.2, so that weights have other names in their file; a few numbers have
other names too. A run of several tasks is carried over task by task. Nothing is trained.
"""

import re
import shutil
import sys
from pathlib import Path

import h5py

from supportnet.errors import UserError
from supportnet.files import read_json, write_json, written_whole
from supportnet.tasks import get_task
from supportnet.text.vocabulary import Vocabulary
from supportnet.training.run_folder import CARD, CONFIG, FORMAT, VOCABULARY, WEIGHTS

#: Old name of a fitted number -> its name.
NUMBERS = {"sharpness": "inverse_temperature", "nothing": "null_logit"}
#: Kept neither: the state of an old training, which can't be resumed.
LEFT = ("checkpoint.npz", "logs")


def carry(old: Path, new: Path) -> None:
    """Write the run in `old` to `new`, which must not be there.

    Raises:
        UserError: `new` is there, or `old` holds no run of 0.1.
    """
    if new.exists():
        raise UserError(f"{new} is there already: choose another folder.")
    config = read_json(old / CONFIG)
    if "format" in config:
        raise UserError(f"{old} is no run of supportnet 0.1.")
    with written_whole(new) as temporary:
        tasks = config["task"].split(",")
        shutil.copytree(old, temporary, ignore=shutil.ignore_patterns(*LEFT, ".incomplete-*"))
        write_json(temporary / CONFIG, {"format": FORMAT, **config})
        for task in tasks:
            _carry_task(task, temporary / task if len(tasks) > 1 else temporary)


def _carry_task(name: str, folder: Path) -> None:
    config = read_json(folder / CONFIG)
    write_json(folder / CONFIG, {"format": FORMAT, **config})
    task = get_task(name)
    fitted = {NUMBERS.get(key, key): value for key, value in read_json(task.fitted_file(folder)).items()}
    write_json(task.fitted_file(folder), fitted)
    network, _ = task.configs(config["network"])
    model = task.read(folder, network, Vocabulary.load(folder / VOCABULARY))
    fresh = folder / "fresh.weights.h5"
    model.network.save_weights(fresh)
    with h5py.File(folder / WEIGHTS) as old, h5py.File(fresh, "r+") as new:
        paths = _datasets(new)
        dense = {path.split("/")[3] for path in paths if path.startswith("layers/functional/layers/dense")}
        names = {_old_name(path, len(dense)): path for path in paths}
        if set(names) != set(_datasets(old)):
            raise UserError(f"{folder / WEIGHTS} holds other weights than {folder / CONFIG} says.")
        for old_path, path in names.items():
            new[path][...] = old[old_path][...]
    fresh.replace(folder / WEIGHTS)
    (folder / CARD).unlink(missing_ok=True)


def _datasets(file: h5py.File) -> list[str]:
    found: list[str] = []
    file.visititems(lambda name, item: found.append(name) if isinstance(item, h5py.Dataset) else None)
    return found


def _old_name(path: str, dense_per_head: int) -> str:
    """Return the name that a weight had before there were parts of a network.

    Example:
        >>> _old_name("layers/functional_1/layers/dense_1/vars/0", dense_per_head=3)
        'layers/dense_4/vars/0'
    """
    second = re.match(r"layers/functional_1/layers/dense(?:_(\d+))?/(.*)", path)
    if second:
        # The dense layers of both heads were counted on.
        return f"layers/dense_{int(second[1] or 0) + dense_per_head}/{second[2]}"
    return re.sub(r"^layers/(backbone|functional)/", "", path)


if __name__ == "__main__":
    try:
        carry(*map(Path, sys.argv[1:]))
    except UserError as error:
        sys.exit(f"carry_weights: error: {error}")

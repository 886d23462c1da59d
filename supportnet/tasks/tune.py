"""Search the options of a training that give the best model on validation data, with KerasTuner.

What is searched and what was found are TOML files.
"""

import json
import os
import sys
import tomllib
from collections.abc import Mapping
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import keras_tuner

from supportnet.checks import check_choice
from supportnet.data.ticket import TicketDataset
from supportnet.errors import UserError
from supportnet.files import read_json, write_json, written_whole
from supportnet.tasks.registry import DEFAULT, get_task
from supportnet.tasks.train import train
from supportnet.training.run_folder import ticket_fingerprint

#: What is searched if nothing is said: option -> its values, or the lowest and the highest one.
SPACE: Mapping[str, Any] = {
    "learning_rate": {"low": 5e-4, "high": 8e-3, "log": True},
    "hidden_dim": [64, 96, 128, 192],
    "num_layers": [1, 2, 3],
    "dropout_rate": [0.0, 0.1, 0.2],
    "word_dropout": [0.0, 0.1, 0.2],
}


#: The best options, for `supportnet train --config`; and what was searched, so that only the same search goes on.
BEST, SEARCH = "best.toml", "search.json"
METHODS: Mapping[str, type[keras_tuner.Tuner]] = {
    "random": keras_tuner.RandomSearch,
    "bayesian": keras_tuner.BayesianOptimization,
    "hyperband": keras_tuner.Hyperband,
}


def load_space(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read a space from a TOML file: option = [values], or option = {low = 1e-4, high = 1e-2, log = true}."""
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path} can't be read: {error}") from None


def as_toml(task: str, options: Mapping[str, Any]) -> str:
    """Return options as TOML.

    Example:
        >>> print(as_toml("classify", {"epochs": 3, "class_weights": True}), end="")
        task = "classify"
        epochs = 3
        class_weights = true
    """
    values = {"task": task, **options}
    # Numbers, truth values and strings are written alike in both.
    return "".join(f"{name} = {json.dumps(value, ensure_ascii=False, default=str)}\n" for name, value in values.items())


def parameters_of(space: Mapping[str, Any]) -> keras_tuner.HyperParameters:
    """Return a space as KerasTuner has it; one that can't be is a `UserError` that names the option."""
    parameters = keras_tuner.HyperParameters()
    for name, values in space.items():
        try:
            if isinstance(values, Mapping):
                _range(parameters, name, **values)
            else:
                parameters.Choice(name, list(values))
        except (TypeError, ValueError) as error:
            raise UserError(f"The space of {name} must be a list of values, or low and high: {error}") from None
    if not space:
        raise UserError("There is nothing to search: the space is empty.")
    return parameters


def _range(
    parameters: keras_tuner.HyperParameters,
    name: str,
    low: float,
    high: float,
    step: float | None = None,
    log: bool = False,
) -> None:
    kind = parameters.Int if isinstance(low, int) and isinstance(high, int) else parameters.Float
    kind(name, low, high, step=step, sampling="log" if log else "linear")


def options_of(parameters: keras_tuner.HyperParameters, space: keras_tuner.HyperParameters) -> dict[str, Any]:
    """Return the options that a trial chose in a space."""
    return {name: parameters.values[name] for name in space.values}


def tune(
    dataset: TicketDataset,
    out: str | os.PathLike[str],
    *,
    task: str = DEFAULT,
    method: str = "random",
    trials: int = 10,
    space: Mapping[str, Any] = SPACE,
    options: Mapping[str, Any] | None = None,
    progress_bar: bool = True,
) -> dict[str, Any]:
    """Train with different options, and keep those whose best epoch has the highest accuracy on validation data.

    The test split is never read. The search that stands in `out` goes on, if it is this very one.

    Args:
        dataset: what is trained on. Without a validation split, training cuts one off, the same for every trial.
        out: the folder. `best.toml` is what `supportnet train --config` takes.
        task: name of a task.
        method: `random`; `bayesian`, a Gaussian process over what was found; `hyperband`, many short trainings, of
            which the better ones are done again for longer (Li et al. 2018, https://arxiv.org/abs/1603.06560).
        trials: trainings at most; `hyperband` decides for itself.
        space: option -> a list of values, or `low`, `high` and perhaps `step` or `log`.
        options: options of every training.
        progress_bar: show one for each training on standard error.

    Returns:
        `best`, the options; `score`, their validation accuracy; `trials`, `options` and `score` of each, the best
        first.

    Raises:
        UserError: a space or a name that can't be, another search in the folder, or no trial succeeded.

    Example (needs a training run):
        >>> tune(supportnet.load("sample"), "search", trials=5)["best"]
    """
    fixed = dict(options or {})
    kind = get_task(task)
    check_choice("method", method, list(METHODS))
    parameters = parameters_of(space)
    tickets = (ticket for name, split in dataset.splits.items() if name != "test" for ticket in split)
    made = {
        **{"task": task, "method": method, "space": dict(space), "options": fixed},
        "fingerprint": ticket_fingerprint(tickets),
    }
    # Before a folder is made of a search that can't be.
    kind.configs({**fixed, **parameters.values})
    folder = Path(out)
    _check_same(folder, made)

    errors: list[UserError] = []
    base: Any = METHODS[method]

    class Search(base):
        """Trains as this package does, where KerasTuner would call `fit` of a model."""

        def run_trial(self, trial: Any, *_: Any, **__: Any) -> float:
            values = {**fixed, **options_of(trial.hyperparameters, parameters)}
            if "tuner/epochs" in trial.hyperparameters.values:
                values["epochs"] = trial.hyperparameters.values["tuner/epochs"]
            try:
                trained = train(dataset, task=task, progress_bar=progress_bar, baseline=False, **values)
                if trained.metrics["accuracy"] is None:
                    raise UserError("Tuning needs validation data: there are none (--validation-share).")
            except UserError as error:
                errors.append(error)
                raise
            return float(trained.metrics["accuracy"])

    hyperband = method == "hyperband"
    try:
        # What KerasTuner prints isn't what a command is asked for.
        with redirect_stdout(sys.stderr):
            tuner = Search(
                hypermodel=lambda _: None,
                objective=keras_tuner.Objective("score", "max"),
                hyperparameters=parameters,
                tune_new_entries=False,
                **({"max_epochs": fixed.get("epochs", 20)} if hyperband else {"max_trials": trials}),
                seed=fixed.get("seed", 0),
                directory=folder,
                project_name="trials",
                overwrite=False,
                # A training that fails (it diverged, say) is a trial without a score, unless so many do that something
                # is wrong.
                max_consecutive_failed_trials=3,
            )
            tuner.search(verbose=0)
    except RuntimeError:
        # KerasTuner gives up; it has printed the errors, and kept none.
        raise errors[-1] if errors else UserError("No training succeeded.") from None
    found: list[dict[str, Any]] = [
        {"options": options_of(trial.hyperparameters, parameters), "score": float(trial.score)}
        for trial in tuner.oracle.get_best_trials(len(tuner.oracle.trials))
        if trial.score is not None
    ]
    best: dict[str, Any] = {**fixed, **found[0]["options"]}
    with written_whole(folder / BEST) as temporary:
        temporary.write_text(as_toml(task, best), encoding="utf-8")
    return {"best": best, "score": found[0]["score"], "trials": found}


def _check_same(folder: Path, made: dict[str, Any]) -> None:
    path = folder / SEARCH
    if not path.exists():
        if folder.exists() and any(folder.iterdir()):
            raise UserError(f"{folder} is there and holds no search (no {SEARCH}): choose another --out.")
        write_json(path, made)
    elif read_json(path) != made:
        raise UserError(f"{folder} holds a search of other data, options or another space: choose another --out.")

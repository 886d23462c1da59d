"""The package in a notebook: one object from training to export, for every task."""

import inspect
import json
import os
import warnings
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import keras

from supportnet.data.bank import Bank
from supportnet.data.ticket import Ticket
from supportnet.embeddings import Coverage
from supportnet.errors import UserError
from supportnet.serving.saved_models import export
from supportnet.tasks.options import training_options
from supportnet.tasks.registry import DEFAULT, NAMES, get_task
from supportnet.tasks.train import Trained, load, save
from supportnet.tasks.train import train as train_models
from supportnet.training.run_folder import begin, tasks_of

#: Names of the networks of tasks, which have had a `Backbone` since 0.2.
OLD_NETWORKS = ("intent_network", "suggestion_network", "reply_network")


class SupportModel:
    """A trained model with everything that is done with one; of several tasks, if they were trained together.

    The methods of its models are its own too: `classify` and `embed` of an `IntentClassifier`, `index` and `suggest` of
    a `Suggester`, `reply` and `sample` of a `Replier`. So are their attributes: `model.confidence = ...` sets that of
    the classifier.

    Args:
        models: a model, or models of different tasks.
        trained: the training, if there was one.

    Attributes:
        models: task -> its model.
        metrics: validation metrics of the training; of several tasks, by task. None for a model that was loaded.
        history: one dictionary of metrics per epoch; None for a model that was loaded.
        coverage: how much of the vocabulary the given word vectors hold; None where none were given.

    Example (needs a training run):
        >>> model = supportnet.train("sample")
        >>> model.classify(["where is my parcel?"])[0].intent
        'track_order'
        >>> model.evaluate(supportnet.load("sample")["test"])["accuracy"]
        >>> model.export("saved_models/support")
    """

    models: dict[str, Any]
    metrics: dict[str, Any] | None = None
    history: list[dict[str, float]] | None = None
    coverage: Coverage | None = None

    def __init__(self, models: Any, trained: Trained | None = None) -> None:
        self.models = {model.task: model for model in (models if isinstance(models, list | tuple) else [models])}
        if trained is not None:
            self.metrics, self.history, self.coverage = trained.metrics, trained.history, trained.coverage

    @property
    def model(self) -> Any:
        """The model of the only task, or of the first one."""
        return next(iter(self.models.values()))

    @property
    def task(self) -> str:
        """The task; several with commas between them."""
        return ",".join(self.models)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model_with(name), name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("_") or name in (*SupportModel.__annotations__, *dir(type(self))):
            super().__setattr__(name, value)
        else:
            setattr(self._model_with(name), name, value)

    def _model_with(self, name: str) -> Any:
        """Return the first model that has a public attribute."""
        # A copy is asked for attributes before it has models.
        models = self.__dict__.get("models", {})
        for model in models.values():
            if not name.startswith("_") and hasattr(model, name):
                return model
        raise AttributeError(f"A model of the task {','.join(models)} has no attribute {name!r}")

    def __dir__(self) -> list[str]:
        own = (name for model in self.models.values() for name in dir(model) if not name.startswith("_"))
        return sorted({*super().__dir__(), *own})

    def of(self, task: str | None) -> Any:
        """Return the model of a task; of the only one, if none is named."""
        if task is None and len(self.models) > 1:
            raise UserError(f"task must be named for a model of several: {' or '.join(self.models)}.")
        if task is not None and task not in self.models:
            raise UserError(f"task must be {' or '.join(self.models)} for this model. Received: task={task!r}")
        return self.model if task is None else self.models[task]

    def evaluate(self, test_data: Sequence[Ticket], *, task: str | None = None, **options: Any) -> dict[str, Any]:
        """Score the model on tickets.

        Args:
            test_data: labelled messages, or messages with replies, as the task has it.
            task: which, of a model of several tasks.
            **options: of the task: `plots`, a folder to draw into, and `baseline`, training messages for baselines
                (classify); `bank`, the answers to search (suggest); `beam` (reply).

        Returns:
            Metrics that JSON can hold; see the task's `evaluate` module.
        """
        model = self.of(task)
        return dict(get_task(model.task).evaluate(model, test_data, **options))

    def export(
        self,
        path: str | os.PathLike[str],
        version: int | None = None,
        overwrite: bool = False,
        *,
        bank: Bank | None = None,
        **options: Any,
    ) -> Path:
        """Write a SavedModel for TensorFlow Serving; see `supportnet.serving.export`, also for further options."""
        return export(list(self.models.values()), path, version, overwrite, bank=bank, **options)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the model as a run folder, without its training's checkpoint; `supportnet.load_model` reads it.

        Raises:
            UserError: the folder is there and isn't empty.
        """
        folder = Path(path)
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise UserError(f"{folder} is there already: choose another folder.")
        begin(folder, {**_configuration(self.model), "task": self.task})
        for task, model in self.models.items():
            own = folder if len(self.models) == 1 else folder / task
            begin(own, _configuration(model))
            save(own, model)
        return folder

    def __repr__(self) -> str:
        names = ((getattr(model, get_task(task).names), get_task(task).names) for task, model in self.models.items())
        parts = [f"{len(own)} {kind}" for own, kind in names]
        accuracy = (self.metrics or {}).get("accuracy")
        parts += [] if accuracy is None else [f"validation accuracy {accuracy:.3f}"]
        return f"SupportModel({', '.join([self.task, self.model.config.architecture, *parts])})"


def _configuration(model: Any) -> dict[str, Any]:
    return {"task": model.task, "network": asdict(model.config), "data": model.origin.get("data", {})}


def train(
    data: Any, out: str | os.PathLike[str] | None = None, *, task: str | Sequence[str] = DEFAULT, **options: Any
) -> SupportModel:
    """Train as `supportnet.tasks.train.train` does, whose description stands before this example in `help`.

    Example (needs a training run):
        >>> model = supportnet.train("tickets.csv", out="runs/tickets", data_options={"text_column": "body"}, epochs=10)
        >>> model.metrics["accuracy"]
    """
    trained = train_models(data, out, task=task, **options)
    return SupportModel(list(trained.models.values()), trained)


def _with_options(function: Callable[..., Any]) -> inspect.Signature:
    """Return the signature of a training with every option of every task in place of `**options`."""
    signature = inspect.signature(function)
    stated = [one for one in signature.parameters.values() if one.kind is not inspect.Parameter.VAR_KEYWORD]
    options = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=one.option.default, annotation=one.option.kind)
        for name, one in training_options().items()
    ]
    return signature.replace(parameters=[*stated, *options], return_annotation=SupportModel)


train.__signature__ = _with_options(train_models)  # type: ignore[attr-defined]
_EXAMPLE = "    Example"
train.__doc__ = (
    (train_models.__doc__ or "").partition(_EXAMPLE)[0]
    + "".join((train.__doc__ or "").partition(_EXAMPLE)[1:])
    + "\n    Options:\n"
    + "".join(f"        {name}: {one.help}\n" for name, one in training_options().items())
)


def load_model(path: str | os.PathLike[str]) -> Any:
    """Load what was saved: a run folder of any task, or a `.keras` file of a network.

    Args:
        path: a run folder, or a file that a network's `save` wrote.

    Returns:
        The `SupportModel` of a run; of a `.keras` file, the `keras.Model`.

    Raises:
        UserError: there is no such folder or file, training hasn't finished, a file is missing or damaged, or it was
            written by an earlier version.

    Example (needs a run folder):
        >>> model = supportnet.load_model("runs/tickets")
    """
    if Path(path).suffix == ".keras":
        return _load_network(Path(path))
    return SupportModel([load(path, task) for task in tasks_of(path) or (DEFAULT,)])


def _load_network(path: Path) -> keras.Model:
    import supportnet.backbones
    import supportnet.layers  # noqa: F401

    try:
        with zipfile.ZipFile(path) as archive:
            written = json.loads(archive.read("config.json"))
        if written["config"].get("name") in OLD_NETWORKS and "supportnet>Backbone" not in json.dumps(written):
            raise UserError(
                f"{path} was written by a supportnet before 0.2: build the network anew, or train it again."
            )
        return keras.saving.load_model(path, compile=False)
    except (OSError, KeyError, TypeError, ValueError, zipfile.BadZipFile) as error:
        if isinstance(error, UserError):
            raise
        # Of an unknown layer, the last line names the class.
        reason = str(error).strip().rpartition("\n")[2]
        raise UserError(f"{path} can't be read: it is missing, damaged, or no .keras file ({reason}).") from None


def deprecated(name: str, replacement: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function under an old name that warns; it goes with the next version."""

    def warned(*arguments: Any, **options: Any) -> Any:
        warnings.warn(f"supportnet.{name} is now supportnet.{replacement}", DeprecationWarning, stacklevel=2)
        return function(*arguments, **options)

    warned.__doc__ = f"Call `supportnet.{replacement}`, of which this is an old name."
    return warned


def _train(task: str | Sequence[str]) -> Callable[..., SupportModel]:
    return lambda data, out=None, *, tasks=task, **options: train(data, out, task=tasks, **options)


_second, _third = NAMES[1:3]
train_suggester = deprecated("train_suggester", f'train(..., task="{_second}")', _train(_second))
train_replier = deprecated("train_replier", f'train(..., task="{_third}")', _train(_third))
train_tasks = deprecated("train_tasks", "train(..., task=(...))", _train(NAMES[:3]))
load_suggester = deprecated("load_suggester", "load_model", load_model)
load_replier = deprecated("load_replier", "load_model", load_model)

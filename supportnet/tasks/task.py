"""The contract of a task: what a folder of `supportnet/tasks/` provides. Loads neither Keras nor NumPy.

A task is one object, `TASK` in its package, and a name in `supportnet.tasks.NAMES`. What needs Keras or TensorFlow
lives in other modules of the folder, which have the same names in every task, and is imported when it is first used.
What these have in common is here too, as far as it needs no Keras: `TaskSplit`, the messages that a task trains on, and
`Fitted`, numbers that are fitted on validation data. The rest is in `model`, `fit` and `comparison` beside it.
"""

import math
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar

from supportnet.config import NetworkConfig, RunConfig, split_options
from supportnet.data.ticket import Ticket, TicketDataset
from supportnet.errors import UserError
from supportnet.files import read_json, write_json
from supportnet.startup import start_tensorflow
from supportnet.training.run_folder import read_names, ticket_fingerprint

if TYPE_CHECKING:
    from supportnet.data.bank import Bank

Made = TypeVar("Made")

#: What a task may learn from -> whether a message has it.
LEARNED_FROM: Mapping[str, Callable[[Ticket], bool]] = {
    "intents": lambda ticket: ticket.intent is not None,
    "replies": lambda ticket: bool(ticket.reply),
    "attributes": lambda ticket: bool(ticket.labels),
}


class Hook:
    """An attribute of a task that stands in another module of its folder, `module:name`, imported on first use."""

    def __init__(self, where: str) -> None:
        self.module, _, self.name = where.partition(":")

    def __get__(self, task: "Task | None", owner: "type[Task]") -> Any:
        return getattr(import_module(f"{owner.__module__}.{self.module}"), self.name)


@dataclass(frozen=True)
class ExportOptions:
    """Options of an export that only some tasks have a use for.

    Attributes:
        bank: the answers to suggest.
        min_score: the least score of a first suggestion.
        beam: how many beginnings of a reply are followed at a time.
    """

    bank: "Bank | None" = None
    min_score: float = 0.1
    beam: int = 1


@dataclass(frozen=True)
class TaskSplit:
    """Messages of one task; the base of each task's `Split`.

    Attributes:
        tickets: the training messages.
        validation: the validation messages; may be empty.
        facts: the data's description in the run's files, with a `fingerprint` by which a resumed run recognizes them.
    """

    tickets: Sequence[Ticket]
    validation: Sequence[Ticket]
    facts: dict[str, Any]

    @property
    def texts(self) -> list[str]:
        """The texts that the vocabulary is counted in."""
        return [ticket.text for ticket in self.tickets]

    @classmethod
    def of(cls, dataset: TicketDataset, tickets: Sequence[Ticket], validation: Sequence[Ticket], **own: Any) -> Self:
        """Describe the messages, beside the task's `own` fields, `unlabelled` where it reads such messages."""
        unlabelled: Sequence[str] | None = own.get("unlabelled")
        facts = {
            "name": str(dataset.name),
            "source": dataset.source,
            "licence": dataset.licence,
            "train_messages": len(tickets),
            "validation_messages": len(validation),
            **({} if unlabelled is None else {"unlabelled_messages": len(unlabelled)}),
            "fingerprint": ticket_fingerprint((*tickets, *validation), unlabelled or ()),
            **({"labelled_fingerprint": ticket_fingerprint((*tickets, *validation))} if unlabelled else {}),
        }
        return cls(tickets, validation, facts, **own)


@dataclass(frozen=True)
class Fitted:
    """A dataclass of finite numbers, some of which may be None; written as JSON.

    Attributes:
        retired: names that files of earlier exports hold, whose numbers are part of the graph there.

    Raises:
        UserError: a number that isn't finite.
    """

    retired: ClassVar[frozenset[str]] = frozenset()

    def __post_init__(self) -> None:
        for name, value in ((field.name, getattr(self, field.name)) for field in fields(self)):
            if value is not None and not math.isfinite(value):
                raise UserError(f"{name} must be a finite number. Received: {name}={value}")

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write it as JSON, whole or not at all."""
        write_json(path, asdict(self))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read what `save` wrote.

        Raises:
            UserError: the file is missing or damaged; it is named.
        """
        return read_fields(path, cls, cls.retired)


def read_fields(
    path: str | os.PathLike[str], kind: Callable[..., Made], left_out: Collection[str] = frozenset()
) -> Made:
    """Make an object of the fields that a JSON file holds by name, but for those that are left out.

    Raises:
        UserError: the file is missing, damaged or of another version; it is named.
    """
    values: Any = read_json(path)
    try:
        return kind(**{name: value for name, value in values.items() if name not in left_out})
    except (AttributeError, TypeError, ValueError, UserError) as error:
        raise UserError(f"{path} is damaged or of another version of supportnet ({error}).") from None


class Task(ABC):
    """A task: its options, data, model, training, evaluation, export, and how all of it is printed.

    Attributes:
        name: of the task, of its signature, and of its part of an export.
        learns: what a model of the task learns, for `--help`.
        config: class of the options of its training.
        network_defaults: fields of `NetworkConfig` with defaults of its own.
        architecture_defaults: the same of one architecture, of either configuration.
        head_options: fields of `NetworkConfig` that only some tasks read, of which this one does.
        alone_options: options that only a training of this task alone has: their schedule is their own.
        loss_weight: weight of its loss beside those of other tasks.
        names: attribute of its models, and of its `Split`, that lists the names, labels or pieces of their outputs; and
            stem of their file.
        least_names: how many of them a model has at least.
        fitted: attribute of its models that holds the numbers fitted on validation data, and stem of their file.
        learns_from: what a message must have to be learned from, of `LEARNED_FROM`.
        reads_conversations: messages may be whole conversations, so that truncation deserves a warning.
        takes_backbone: a pretrained encoder can read the messages, frozen or tuned.
        takes_bank: an export or an evaluation needs a bank of answers.
        exports_are_evaluated: exports can be evaluated, not runs alone; see `exported`.
        export_options: names of the fields of `ExportOptions` that it has a use for, `bank` aside.
        evaluate_options: names of the options of `evaluate` that it has a use for.
        baseline_names: what its baselines are, by their names in figures.
        recalibrates: its fitted numbers can be fitted anew on recent messages, without training; see `recalibrate`.
        finds_drift: recent messages can be compared with those of a training; see `drift`.
        main_output: output of its signature by which an answer of it is recognized.
        ranked_outputs: outputs that are ranked, best first, of which callers take as many as they show.
        variant: a signature of its own that takes further inputs; empty for none.
        variant_inputs: these inputs, with their defaults; None for one that must be given.
        next_command: what to do with a run, for the command line, with `{run}`, and `{data}` for held-out messages.
        unvalidated: what a model that wasn't validated does, for the end of the sentence that says so.
        quick: options that are quick and good enough for `supportnet quickstart`; None leaves the task out.
        quick_comparison: the same for `supportnet compare --quick`.
    """

    name: ClassVar[str]
    learns: ClassVar[str]
    config: ClassVar[type[RunConfig]]
    network_defaults: ClassVar[Mapping[str, Any]] = {}
    architecture_defaults: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    head_options: ClassVar[frozenset[str]] = frozenset()
    alone_options: ClassVar[tuple[str, ...]] = ()
    loss_weight: ClassVar[float] = 1.0
    names: ClassVar[str]
    least_names: ClassVar[int] = 0
    fitted: ClassVar[str]
    learns_from: ClassVar[str]
    reads_conversations: ClassVar[bool] = False
    takes_backbone: ClassVar[bool] = False
    takes_bank: ClassVar[bool] = False
    exports_are_evaluated: ClassVar[bool] = False
    export_options: ClassVar[frozenset[str]] = frozenset()
    evaluate_options: ClassVar[frozenset[str]] = frozenset()
    baseline_names: ClassVar[Mapping[str, str]] = {}
    recalibrates: ClassVar[bool] = False
    finds_drift: ClassVar[bool] = False
    main_output: ClassVar[str]
    ranked_outputs: ClassVar[frozenset[str]] = frozenset()
    variant: ClassVar[str] = ""
    variant_inputs: ClassVar[Mapping[str, Any]] = {}
    next_command: ClassVar[str] = "supportnet export {run} saved_models/NAME"
    unvalidated: ClassVar[str] = ""
    quick: ClassVar[Mapping[str, Any] | None] = None
    quick_comparison: ClassVar[Mapping[str, Any] | None] = None

    # Training. `split(dataset, config, unlabelled) -> TaskSplit`.
    split: ClassVar[Any] = Hook("data:split")
    # The class of its models, a `supportnet.backbones.backbone.TaskModel`; each task names its own.
    model_class: ClassVar[Any]
    # `objective(model, split, config) -> Objective`: what a model is trained on.
    objective: ClassVar[Any] = Hook("fit:objective")
    # The class of the numbers that are fitted on validation data, a `Fitted`; each task names its own.
    fitted_config: ClassVar[Any]
    # `calibrate(model, split, config, history)`: fits them, in place.
    calibrate: ClassVar[Any] = Hook("calibrate:calibrate")
    # Evaluation. `evaluate(model, tickets, **options) -> dict` that JSON can hold.
    evaluate: ClassVar[Any] = Hook("evaluate:evaluate")
    # Export. The class of its part, a `supportnet.tasks.model.ServedPart`; each task names its own.
    served: ClassVar[Any]
    # Answers. `record(text, row, top_k)` makes a record, such as the model's own method returns, from a row of outputs.
    record: ClassVar[Any] = Hook("answers:record")
    # Comparison of architectures: a `supportnet.tasks.comparison.Compared`.
    compared: ClassVar[Any] = Hook("comparison:COMPARED")

    @property
    def needs_replies(self) -> bool:
        """Messages count only with a reply; in a file, its column `reply` is read by default."""
        return self.learns_from == "replies"

    def options(self) -> set[str]:
        """Return the names of the options of its training, those of the network included."""
        return {field.name for kind in (NetworkConfig, self.config) for field in fields(kind)}

    def defaults(self, architecture: str | None = None) -> dict[str, Any]:
        """Return its defaults that differ from those of the configurations."""
        return {**self.network_defaults, **self.architecture_defaults.get(architecture or "", {})}

    def configs(self, options: Mapping[str, Any], more: Mapping[str, Any] = {}) -> tuple[NetworkConfig, RunConfig]:
        """Return both configurations of a training by options, `preset` among them; `more` are further defaults.

        See `supportnet.config.split_options`.
        """
        named = {name: value for name, value in options.items() if name != "preset"}
        defaults = {**self.defaults(named.get("architecture", more.get("architecture"))), **more}
        return split_options(named, self.config, defaults, options.get("preset"))

    def data_defaults(self, dataset: TicketDataset, given: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return defaults that suit a data set, of either configuration; the options that are given take precedence."""
        return {}

    def load_data(self, data: Any, **reading: Any) -> TicketDataset:
        """Load a data set by name or path, with the labels that the task learns from; see `supportnet.load`."""
        from supportnet.data import is_source, load

        if self.needs_replies and not is_source(data) and reading.get("reply_column") is None:
            reading["reply_column"] = "reply"
        return load(data, **reading)

    def check_data(self, dataset: TicketDataset) -> None:
        """Raise a `UserError` where the task can't be learned or scored from the splits train and test."""
        for split in ("train", "test"):
            if not any(map(LEARNED_FROM[self.learns_from], dataset[split])):
                raise UserError(
                    f"{dataset.name} has no {self.learns_from} in its split {split}: the task {self.name} needs them."
                )

    def build(self, network: NetworkConfig, vocabulary: Any, split: Any, backbone: Any = None) -> Any:
        """Make a model with fresh weights for the names in the training messages; a `TaskModel`."""
        return self.model_class(network, vocabulary, getattr(split, self.names), backbone=backbone)

    def fit(self, model: Any, split: Any, config: Any, loop: Any) -> Any:
        """Train `model.network` alone, in place, to the weights of the best epoch, and return the `History`.

        Raises:
            UserError: the checkpoint is damaged or of another model, or training diverges.
        """
        return loop.fit(self.objective(model, split, config), config)

    def write(self, folder: Path, model: Any) -> None:
        """Write the names that the outputs of a model stand for."""
        write_json(self.names_file(folder), getattr(model, self.names))

    def write_traffic(  # noqa: B027  (most tasks write none)
        self, folder: Path, model: Any, split: Any, history: Any
    ) -> None:
        """Write a summary of the messages of a training, without their words, for `drift`; nothing by default."""

    def read(self, folder: Path, config: NetworkConfig, vocabulary: Any) -> Any:
        """Make the model of a run folder, with fresh weights."""
        return self.model_class(config, vocabulary, self.read_names(self.names_file(folder)))

    def read_names(self, path: Path) -> Any:
        """Read what `write` wrote; a damaged file is a `UserError` that names it."""
        return read_names(path, self.least_names)

    def load(self, path: str) -> Any:
        """Load a run of the task, or an export of it, whichever is at `path`."""
        from supportnet.tasks.train import load
        from supportnet.training.run_folder import is_run

        damaged = self.names_file(Path(path)).exists()
        return load(path, self.name) if damaged or is_run(path) else self.exported(path)

    def exported(self, path: str) -> Any:
        """Load an export, for the evaluation; a `UserError` where only runs can be evaluated."""
        raise UserError(f"There is no run folder at {path}.")

    def evaluation(
        self, model: str, data: str | None, split: str, reading: Mapping[str, Any], **options: Any
    ) -> dict[str, Any]:
        """Score a run or an export on a data set, both named by path.

        Args:
            model: path of a run folder or of an export.
            data: name or path of the data set.
            split: which split to score; a data set without splits is scored whole.
            reading: arguments of `supportnet.load`.
            **options: of `evaluate_options`.

        Raises:
            UserError: there is no data set, or as for loading and evaluating.
        """
        tickets = self.evaluated(data, split, reading)
        start_tensorflow()
        return dict(self.evaluate(self.load(model), tickets, **options))

    def evaluated(self, data: str | None, split: str, reading: Mapping[str, Any]) -> Sequence[Ticket]:
        """Load the messages that `evaluation` is asked for."""
        if data is None:
            raise UserError("--data is missing: name the labelled messages.")
        dataset = self.load_data(data, **reading)
        return dataset["all" if "all" in dataset.splits else split]

    def baselines(self, model: Any, split: Any, history: Any) -> dict[str, dict[str, Any]]:
        """Score what a user would pick instead of a model as the model was validated, by a split or by folds.

        Returns:
            Name, of `baseline_names` -> its figures by name, and `difference`: the 95% interval of what the model has
            more of the first one, message by message. Empty where a task has no baselines, or nothing validates.
        """
        return {}

    def recalibrate(self, model: Any, tickets: Sequence[Ticket], **options: Any) -> Any:
        """Fit the numbers of a trained or an exported model anew, where the task `recalibrates`; return them."""
        raise NotImplementedError

    def drift(
        self, model: str, data: str, reference: str | None, reading: Mapping[str, Any], **options: Any
    ) -> dict[str, Any]:
        """Compare recent messages with those of the training, where the task `finds_drift`.

        Args:
            model: path of a run folder; with a `reference`, of an export too.
            data: name or path of the recent messages, which need no labels.
            reference: that of messages to compare with; None for those of the training.
            reading: arguments of `supportnet.data.load_unlabelled`.
            **options: `most`, messages to list, and `plots`, a folder to draw into.

        Returns:
            A dictionary that JSON can hold.

        Raises:
            UserError: as for loading, or the run has no summary of its messages.
        """
        raise NotImplementedError

    def metrics(self, model: Any, history: Any) -> dict[str, Any]:
        """Return the validation metrics of the best epoch of a `History`; see `History.best_metrics`."""
        return dict(history.best_metrics())

    def report(self, model: Any, metrics: Mapping[str, Any]) -> dict[str, Any]:
        """Return what `train --json` prints of a model: its validation metrics and fitted numbers."""
        return {"validation": dict(metrics), self.fitted: asdict(getattr(model, self.fitted))}

    def card(self, model: Any) -> dict[str, Any]:
        """Describe a model for whoever finds it later: what it is, and what it was trained on; JSON can hold it."""
        import keras

        from supportnet.version import __version__

        return {
            "task": self.name,
            "supportnet": __version__,
            "keras": keras.__version__,
            "architecture": model.config.architecture,
            "parameters": model.network.count_params(),
            "vocabulary": len(model.vocabulary),
            self.names: len(getattr(model, self.names)),
            "network": asdict(model.config),
            "reads_conversations": self.reads_conversations,
            **model.origin,
            self.fitted: asdict(getattr(model, self.fitted)),
            "personal_data": "Redacted by pattern before the vocabulary is built; see supportnet.text.redaction.",
        }

    def names_file(self, folder: Path) -> Path:
        """Return the path of the names in a folder."""
        return folder / f"{self.names}.json"

    def fitted_file(self, folder: Path) -> Path:
        """Return the path of the fitted numbers in a folder."""
        return folder / f"{self.fitted}.json"

    def signatures(self) -> Mapping[str, Any]:
        """Return the signatures of an export by name, with the specs of their inputs, that of the task first."""
        return dict(self.served.signatures)

    def serve(self, model: Any, reader: Any, options: ExportOptions) -> Any:
        """Make the part of an export."""
        return self.served.of(model, reader, options)

    def write_facts(self, folder: Path, model: Any, part: Any, options: ExportOptions) -> None:
        """Write what no server reads, and people do, into the folder of an export."""
        part.write_facts(folder, model, options)

    def describe(self, metrics: Mapping[str, Any], fitted: Mapping[str, Any]) -> Iterator[str]:
        """Yield lines about a training: its validation metrics, and the numbers fitted there."""
        if metrics["accuracy"] is None:
            yield f"not validated (epoch {metrics['best_epoch']}){self.unvalidated}"
        else:
            yield from self.describe_validated(metrics, fitted)

    def describe_baselines(self, baselines: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
        """Yield a line about each baseline, as `baselines` returns them."""
        for name, figures in baselines.items():
            low, high = (100 * end for end in figures["difference"])
            value = next(iter(figures.values()))
            yield f"{self.baseline_names[name]:<26}{value:.4f} (difference {low:+.1f} to {high:+.1f} points)"

    def describe_against(self, figures: Mapping[str, Any]) -> Iterator[str]:
        """Yield lines about a comparison with another model, where `against` is an option of its `evaluate`."""
        raise NotImplementedError

    def describe_fitted(self, fitted: Mapping[str, Any]) -> Iterator[str]:
        """Yield lines about the fitted numbers alone, where the task `recalibrates`."""
        raise NotImplementedError

    @abstractmethod
    def describe_validated(self, metrics: Mapping[str, Any], fitted: Mapping[str, Any]) -> Iterator[str]:
        """Yield these lines where there were validation data."""

    @abstractmethod
    def describe_evaluation(self, figures: Mapping[str, Any]) -> Iterator[str]:
        """Yield lines about what `evaluate` returned."""

    def describe_drift(self, report: Mapping[str, Any]) -> Iterator[str]:
        """Yield lines about what `drift` returned."""
        raise NotImplementedError

    @abstractmethod
    def describe_answer(self, row: Mapping[str, Any]) -> Iterator[str]:
        """Yield lines about the answer to one message: a row of its signature's outputs."""

    @abstractmethod
    def headline(self, figures: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
        """Return a sentence about what `evaluate` returned, and the names of the figures that matter most."""

    @abstractmethod
    def brief(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return the answer to one message in a few values, from a row of its signature's outputs."""

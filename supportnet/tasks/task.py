"""The contract of a task: what a folder of `supportnet/tasks/` provides. Loads no Keras.

A task is one object, `TASK` in its package, and one line in `supportnet.tasks.REGISTRY`. What needs Keras or TensorFlow
lives in other modules of the folder, which have the same names in every task, and is imported when it is first used.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from supportnet.config import NetworkConfig, RunConfig, split_options
from supportnet.errors import UserError
from supportnet.startup import start_tensorflow

if TYPE_CHECKING:
    from supportnet.data.bank import Bank
    from supportnet.data.ticket import TicketDataset

#: Suffix of the file of a model's fitted numbers.
_JSON = ".json"


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
        names: attribute of its models that lists the names, labels or pieces of their outputs.
        fitted: attribute of its models that holds the numbers fitted on validation data, and stem of their file.
        fitted_config: class of these numbers.
        needs_replies: messages count only with a reply; in a file, its column `reply` is read by default.
        reads_conversations: messages may be whole conversations, so that truncation deserves a warning.
        takes_bank: an export or an evaluation needs a bank of answers.
        exports_are_evaluated: exports can be evaluated, not runs alone; see `exported`.
        export_options: names of the fields of `ExportOptions` that it has a use for, `bank` aside.
        evaluate_options: names of the options of `evaluate` that it has a use for.
        main_output: output of its signature by which an answer of it is recognized.
        ranked_outputs: outputs that are ranked, best first, of which callers take as many as they show.
        variant: a signature of its own that takes further inputs; empty for none.
        variant_inputs: these inputs, with their defaults; None for one that must be given.
        next_command: what to do with a run, for the command line, with `{run}`.
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
    fitted: ClassVar[str]
    fitted_config: ClassVar[Any]
    needs_replies: ClassVar[bool] = False
    reads_conversations: ClassVar[bool] = False
    takes_bank: ClassVar[bool] = False
    exports_are_evaluated: ClassVar[bool] = False
    export_options: ClassVar[frozenset[str]] = frozenset()
    evaluate_options: ClassVar[frozenset[str]] = frozenset()
    main_output: ClassVar[str]
    ranked_outputs: ClassVar[frozenset[str]] = frozenset()
    variant: ClassVar[str] = ""
    variant_inputs: ClassVar[Mapping[str, Any]] = {}
    next_command: ClassVar[str]
    quick: ClassVar[Mapping[str, Any] | None] = None
    quick_comparison: ClassVar[Mapping[str, Any] | None] = None

    # Training. `split(dataset, config, unlabelled) -> TaskSplit`.
    split: ClassVar[Any] = Hook("data:split")
    # `build(network_config, vocabulary, split, backbone=None) -> model`, with fresh weights; a `TaskModel`.
    build: ClassVar[Any] = Hook("model:build")
    # `objective(model, split, config) -> Objective`, beside other tasks.
    objective: ClassVar[Any] = Hook("fit:objective")
    # `fit(model, split, config, loop) -> History`, alone.
    fit: ClassVar[Any] = Hook("fit:fit")
    # `calibrate(model, split, config)`: fits the model's numbers on validation data, in place.
    calibrate: ClassVar[Any] = Hook("calibrate:calibrate")
    # Files. `write(folder, model)` and `read(folder, config, vocabulary) -> model`: the parts of its own.
    write: ClassVar[Any] = Hook("model:write")
    read: ClassVar[Any] = Hook("model:read")
    # Evaluation. `evaluate(model, tickets, **options) -> dict` that JSON can hold.
    evaluate: ClassVar[Any] = Hook("evaluate:evaluate")
    # Export. `signatures() -> {name: input specs}`, the first one of the task's own name;
    # `serve(model, reader, options) -> tf.Module` with a function for each, `answer(text, read)` for `serving_default`,
    # and `reader`; and
    # `write_facts(folder, model, part, options)` for people.
    signatures: ClassVar[Any] = Hook("serve:signatures")
    serve: ClassVar[Any] = Hook("serve:serve")
    write_facts: ClassVar[Any] = Hook("serve:write_facts")
    # Answers. `record(text, row, top_k)` makes a record, such as the model's own method returns, from a row of outputs.
    record: ClassVar[Any] = Hook("answers:record")
    # Comparison of architectures: a `supportnet.tasks.comparison.Compared`.
    compared: ClassVar[Any] = Hook("comparison:COMPARED")

    def options(self) -> set[str]:
        """Return the names of the options of its training, those of the network included."""
        return {field.name for kind in (NetworkConfig, self.config) for field in fields(kind)}

    def defaults(self, architecture: str | None = None) -> dict[str, Any]:
        """Return its defaults that differ from those of the configurations."""
        return {**self.network_defaults, **self.architecture_defaults.get(architecture or "", {})}

    def configs(self, options: Mapping[str, Any]) -> tuple[NetworkConfig, RunConfig]:
        """Return both configurations of a training by options, `preset` among them; see `split_options`."""
        named = {name: value for name, value in options.items() if name != "preset"}
        defaults = self.defaults(named.get("architecture"))
        return split_options(named, self.config, defaults, options.get("preset"))

    def load_data(self, data: Any, **reading: Any) -> "TicketDataset":
        """Load a data set by name or path, with the labels that the task learns from; see `supportnet.load`."""
        from supportnet.data import is_source, load

        if self.needs_replies and not is_source(data) and reading.get("reply_column") is None:
            reading["reply_column"] = "reply"
        return load(data, **reading)

    def check_data(self, dataset: "TicketDataset") -> None:
        """Raise a `UserError` where the task can't be learned or scored from the splits train and test."""
        for split in ("train", "test"):
            tickets = dataset[split]
            if self.needs_replies and not any(ticket.reply for ticket in tickets):
                raise UserError(f"{dataset.name} has no replies in its split {split}: the task {self.name} needs them.")
            if not self.needs_replies and all(ticket.intent is None for ticket in tickets):
                raise UserError(f"{dataset.name} has no intents in its split {split}: the task {self.name} needs them.")

    def load(self, path: str) -> Any:
        """Load a run of the task, or an export of it, whichever is at `path`."""
        from supportnet.tasks.train import load
        from supportnet.training.run_folder import is_run

        damaged = (Path(path) / f"{self.names}{_JSON}").exists()
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
        if data is None:
            raise UserError("--data is missing: name the labelled messages.")
        dataset = self.load_data(data, **reading)
        tickets = dataset["all" if "all" in dataset.splits else split]
        start_tensorflow()
        return dict(self.evaluate(self.load(model), tickets, **options))

    def metrics(self, model: Any, history: Any) -> dict[str, Any]:
        """Return the validation metrics of the best epoch of a `History`; see `History.best_metrics`."""
        return dict(history.best_metrics())

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

    def fitted_file(self, folder: Path) -> Path:
        """Return the path of the fitted numbers in a folder."""
        return folder / f"{self.fitted}{_JSON}"

    @abstractmethod
    def describe(self, metrics: Mapping[str, Any], fitted: Mapping[str, Any]) -> Iterator[str]:
        """Yield lines about a training: its validation metrics, and the numbers fitted there."""

    @abstractmethod
    def describe_evaluation(self, figures: Mapping[str, Any]) -> Iterator[str]:
        """Yield lines about what `evaluate` returned."""

    @abstractmethod
    def describe_answer(self, row: Mapping[str, Any]) -> Iterator[str]:
        """Yield lines about the answer to one message: a row of its signature's outputs."""

    @abstractmethod
    def headline(self, figures: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
        """Return a sentence about what `evaluate` returned, and the names of the figures that matter most."""

    @abstractmethod
    def brief(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return the answer to one message in a few values, from a row of its signature's outputs."""

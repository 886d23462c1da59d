"""What is compared: data x tasks x architectures x seeds, from a file or from flags, and the runs that it takes."""

import hashlib
import json
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from supportnet.architectures import encoder_names
from supportnet.errors import UserError
from supportnet.files import read_toml
from supportnet.tasks.classify.config import TUNED_BLOCKS
from supportnet.tasks.registry import DEFAULT, NAMES, all_tasks
from supportnet.tasks.task import Task
from supportnet.version import __version__

#: What `Run.model` says of a baseline.
BASELINE = "baseline"

#: The architecture of pretrained encoders.
PRETRAINED = "pretrained"
#: Recurrent against Transformer.
ARCHITECTURES = tuple(encoder_names()[:2])
MATCHES = ("parameters", "time", "none")
STUDIES = ("length", "size", "gradients")
#: Shares of the training messages in the study `size`; the comparison's own runs have all.
SHARES = (0.01, 0.03, 0.1, 0.3)
#: Tokens of every message in the study `length`.
LENGTHS = (4, 8, 16, 32, 64, 128, 256, 512)
#: Training messages where messages may be long, at most.
LONG_MESSAGES = 1000

_QUICK = {task.name: task.quick_comparison for task in all_tasks() if task.quick_comparison is not None}
#: A comparison of all tasks in some minutes on two cores.
QUICK: Mapping[str, Any] = {"tasks": tuple(_QUICK), "messages": 1000, "options": {"preset": "tiny", **_QUICK}}


@dataclass(frozen=True)
class Plan:
    """A comparison.

    Attributes:
        data: what `supportnet.load` is given for each data set, by name: `name_or_path` and options.
        tasks: names of tasks.
        architectures: names of encoders (see `supportnet.architectures`). The first one that has an encoder is
            what the others are matched with.
        backbones: weights of pretrained encoders, by name or folder (see `supportnet.train`), beside the architectures:
            each frozen and, where the task can, tuned. Nothing is matched with them: they have read much more.
        seeds: of training; every model has the same.
        match: `parameters`, the others get the `hidden_dim` that gives them as many weights; `time`, as many epochs as
            fit in the same time; or `none`.
        options: fields of the training's and the network's configuration, and `preset`; those below the name of a task
            or of an architecture, or of both, count there only.
        messages: training messages at most, and half as many for validation and for the test; None takes all.
        baselines: whether what a user would pick instead is measured as well.
        studies: of `STUDIES`, on the first data set.

    Raises:
        UserError: a name or a number that can't be.

    Example:
        >>> Plan(data=("sample",), tasks=("classify",)).architectures
        ('bilstm_attention', 'transformer')
    """

    data: Sequence[Any] = ("sample",)
    tasks: Sequence[str] = (DEFAULT,)
    architectures: Sequence[str] = ARCHITECTURES
    backbones: Sequence[str] = ()
    seeds: Sequence[int] = (0, 1, 2)
    match: str = "parameters"
    options: Mapping[str, Any] = field(default_factory=dict)
    messages: int | None = None
    baselines: bool = True
    studies: Sequence[str] = ()

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "data", [_source(entry) for entry in _listed("data", self.data)])
        put(self, "seeds", range(self.seeds) if isinstance(self.seeds, int) else self.seeds)
        known = {"tasks": NAMES, "studies": STUDIES}
        for name in ("tasks", "studies", "architectures", "backbones", "seeds"):
            values = tuple(_listed(name, getattr(self, name)))
            put(self, name, values)
            _check(name, values, known.get(name))
        _check("match", (self.match,), MATCHES)
        if not self.data or not self.tasks or not self.architectures or not self.seeds:
            raise UserError("A comparison must have at least one data set, task, architecture and seed.")
        if any(not isinstance(seed, int) or seed < 0 for seed in self.seeds):
            raise UserError(f"seeds must be whole numbers, 0 or more. Received: seeds={list(self.seeds)}")
        if self.messages is not None and (not isinstance(self.messages, int) or self.messages < 1):
            raise UserError(f"messages must be at least 1. Received: messages={self.messages}")

    def warn_of_few_seeds(self) -> None:
        """Warn where chance can't be judged."""
        if len(self.seeds) == 1:
            warnings.warn("One seed only: no interval can be given, no difference be told from chance.", stacklevel=2)
        elif len(self.seeds) < 3:
            warnings.warn("Fewer than three seeds: intervals say little of how much the seeds differ.", stacklevel=2)

    def options_of(self, task: str, architecture: str) -> dict[str, Any]:
        """Return the options of one kind of run, the most particular ones last.

        Example:
            >>> plan = Plan(options={"epochs": 3, "reply": {"epochs": 5, "transformer": {"num_layers": 2}}})
            >>> plan.options_of("reply", "transformer")
            {'epochs': 5, 'num_layers': 2}
        """
        own = self.options.get(task, {})
        levels = (self.options, self.options.get(architecture, {}), own, own.get(architecture, {}))
        return {name: value for level in levels for name, value in level.items() if not isinstance(value, Mapping)}

    def pretrained_options(self, task: Task) -> dict[str, dict[str, Any]]:
        """Return the options of the runs on pretrained encoders, by what tables call them.

        What the task has defaults of its own for with such an encoder, such as epochs, is taken from the options below
        `pretrained` alone: a network that starts from nothing needs others.

        Example:
            >>> from supportnet.tasks.registry import get_task
            >>> plan = Plan(backbones=("minilm",), options={"epochs": 30, "precision": 0.9})
            >>> plan.pretrained_options(get_task("classify"))["minilm frozen"]
            {'precision': 0.9, 'tuned_blocks': 0, 'backbone': 'minilm'}
        """
        own = self.options.get(PRETRAINED, {}) | self.options.get(task.name, {}).get(PRETRAINED, {})
        common = self.options_of(task.name, "")
        suited = {name: common[name] for name in common if name not in {*task.defaults(PRETRAINED), "preset"}}
        found = {}
        for backbone in self.backbones if task.takes_backbone else ():
            name = Path(backbone).name
            for kind, blocks in (("frozen", 0), ("tuned", TUNED_BLOCKS)):
                found[f"{name} {kind}"] = {**suited, **own, "tuned_blocks": blocks, "backbone": backbone}
        return found


def plan_of(values: Mapping[str, Any], where: str = "The plan") -> Plan:
    """Make a plan of its attributes by name; one that there isn't is a `UserError` that names it."""
    known = [attribute.name for attribute in fields(Plan)]
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise UserError(f"{where} has a key {unknown[0]!r} that there isn't. The keys are: {', '.join(known)}.")
    return Plan(**values)


def load_plan(path: str | os.PathLike[str], **overrides: Any) -> Plan:
    """Read a plan from a TOML file.

    Args:
        path: its keys are the attributes of `Plan`; `data` is a name or path, or a list of such, or of tables with
            `name` and options of `supportnet.load`; `seeds` a list, or how many.
        **overrides: attributes that count instead of what the file says.

    Raises:
        UserError: the file is missing, isn't TOML, or has a key that there isn't.

    Example:
        >>> load_plan("compare.toml", seeds=(0,)).seeds
        (0,)
    """
    return plan_of({**read_toml(path), **overrides}, str(path))


def _source(entry: Any) -> dict[str, Any]:
    options = {"name": entry} if isinstance(entry, str) else dict(entry if isinstance(entry, Mapping) else {})
    path = options.pop("name_or_path", None)
    name = options.pop("name", path)
    if not isinstance(name, str):
        raise UserError(f"data must be names or paths, or tables with a name. Received: {entry!r}")
    return {"name_or_path": name, **options}


def _listed(name: str, value: Any) -> list[Any]:
    if isinstance(value, str | Mapping):
        return [value]
    if not isinstance(value, Sequence):
        raise UserError(f"{name} must be a list. Received: {name}={value!r}")
    return list(value)


def _check(name: str, values: Sequence[Any], known: Sequence[str] | None) -> None:
    for value in values:
        if known is not None and value not in known:
            raise UserError(f"{name} must be of {', '.join(known)}. Received: {value!r}")
    if len(set(values)) < len(values):
        raise UserError(f"{name} must name each once. Received: {', '.join(map(str, values))}")


@dataclass(frozen=True)
class Run:
    """One model that is trained and measured.

    Attributes:
        data: arguments of `supportnet.load`.
        fingerprint: of the messages, see `supportnet.compare.messages.fingerprint_of`.
        task: name of a task.
        model: an architecture, what a pretrained encoder is called (see `Plan.pretrained_options`), or `BASELINE`.
        seed: of training; 0 for a baseline, which has none.
        options: of the training.
        messages: see `supportnet.compare.messages.prepare`.
        weights: how many the network shall have (see `supportnet.compare.matching`); None where nothing is promised.
        study: of `STUDIES`; `timing`, where only an epoch's time is wanted; or empty.
        share: share of the training messages, for the study `size`.
        length: tokens of every message, for the study `length`.
    """

    data: Mapping[str, Any]
    fingerprint: str
    task: str
    model: str
    seed: int = 0
    options: Mapping[str, Any] = field(default_factory=dict)
    messages: int | None = None
    weights: int | None = None
    study: str = ""
    share: float = 1.0
    length: int | None = None

    @property
    def is_pretrained(self) -> bool:
        """Whether a pretrained encoder reads the messages."""
        return "backbone" in self.options

    @property
    def name(self) -> str:
        """The data set, as the user named it."""
        return str(self.data["name_or_path"])

    @property
    def key(self) -> str:
        """A hash of all that makes the run, and of the package's version."""
        # Where the data lie changes nothing: the fingerprint tells them.
        made = {**asdict(self), "data": self.name, "supportnet": __version__}
        return hashlib.sha256(json.dumps(made, sort_keys=True).encode()).hexdigest()[:16]

    def __str__(self) -> str:
        seed = "" if self.model == BASELINE else f" seed {self.seed}"
        length = "" if self.length is None else f" {self.length}"
        share = f" {self.share:.0%}" if self.study == "size" else ""
        study = f" ({self.study}{length}{share})" if self.study else ""
        return f"{self.task} {self.model}{seed} on {self.name}{study}"


def study_runs(plan: Plan, runs: Sequence[Run], num_messages: int) -> list[Run]:
    """Return the runs of a plan's studies: those of its first data set and first task, changed.

    Args:
        plan: names the studies.
        runs: the comparison's.
        num_messages: training messages of the first data set.
    """
    first = [run for run in runs if _is_first(run, plan)]
    return [changed for study in plan.studies for run in first for changed in _changed(run, study, plan, num_messages)]


def in_study(run: Run, study: str, plan: Plan) -> bool:
    """Tell whether a study shows a run: its own, and of the size of the data also the comparison's with all of them."""
    return run.study == study or (study == "size" and not run.study and _is_first(run, plan))


def _is_first(run: Run, plan: Plan) -> bool:
    return (run.name, run.task) == (plan.data[0]["name_or_path"], plan.tasks[0])


def _changed(run: Run, study: str, plan: Plan, num_messages: int) -> Iterator[Run]:
    if study == "size":
        yield from (replace(run, study=study, share=share) for share in SHARES)
    elif study == "length":
        share = min(1.0, LONG_MESSAGES / num_messages)
        for length in LENGTHS:
            yield replace(run, study=study, share=share, length=length, options={**run.options, "max_length": length})
    elif run.model != BASELINE and run.seed == plan.seeds[0]:
        yield replace(run, study=study)

"""From tickets to a trained model of one task, or of several that share a backbone, in a run folder."""

import os
import shutil
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import reduce
from pathlib import Path
from typing import Any

import keras
import numpy as np

from supportnet.config import NetworkConfig, RunConfig
from supportnet.data import is_source
from supportnet.data import load as load_data
from supportnet.data.splits import corrected
from supportnet.data.ticket import Ticket, TicketDataset
from supportnet.embeddings import Coverage
from supportnet.errors import UserError
from supportnet.files import remove_incomplete, write_array, write_json, written_whole
from supportnet.pretrained.licence import read_licences, write_licence
from supportnet.tasks.joint import joint_objective
from supportnet.tasks.options import BACKBONE, UNLABELLED, check_not_alone, check_options, task_configs, tasks_with
from supportnet.tasks.registry import DEFAULT, get_task, in_order
from supportnet.tasks.task import Task, TaskSplit
from supportnet.text.vocabulary import Vocabulary
from supportnet.training import run_folder
from supportnet.training.initial_weights import InitialWeights
from supportnet.training.loop import CHECKPOINT, History, Loop
from supportnet.training.optimizer import optimizer_facts
from supportnet.training.seen import message_hashes, read_seen
from supportnet.training.splits import Sources, texts_of, unlabelled_sets, with_validation


@dataclass(frozen=True)
class Trained:
    """What `train` returns.

    Attributes:
        models: task -> its model, with the weights of the best epoch and its numbers fitted on validation data.
        metrics: validation metrics of the best epoch (None without validation), such as `accuracy`, `loss` and
            `best_epoch`, counted from 1, and those of the task's `baselines`; of several tasks, by task.
        history: one dictionary of metrics per epoch.
        coverage: how much of the vocabulary the given word vectors hold; None where none were given.
    """

    models: dict[str, Any]
    metrics: dict[str, Any]
    history: list[dict[str, float]]
    coverage: Coverage | None = None

    @property
    def model(self) -> Any:
        """The model of the only task, or of the first one."""
        return next(iter(self.models.values()))


@dataclass
class _Part:
    """What a run has of one task; `made` is the configuration in its files, `baseline` asks for its baselines."""

    task: Task
    network: NetworkConfig
    config: RunConfig
    split: TaskSplit
    made: dict[str, Any]
    baseline: bool
    model: Any = None


def train(
    data: str | os.PathLike[str] | TicketDataset,
    out: str | os.PathLike[str] | None = None,
    *,
    task: str | Sequence[str] = DEFAULT,
    preset: str | None = None,
    init: str | os.PathLike[str] | None = None,
    embeddings: str | os.PathLike[str] | None = None,
    require_coverage: float | None = None,
    backbone: str | os.PathLike[str] | None = None,
    unlabelled: Sources | TicketDataset | None = None,
    previous: str | os.PathLike[str] | None = None,
    resume: bool = False,
    progress_bar: bool = True,
    baseline: bool = True,
    data_options: Mapping[str, Any] | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    optimizer: keras.optimizers.Optimizer | None = None,
    **options: Any,
) -> Trained:
    """Train a model of one task, or models of several tasks with a head each on one backbone.

    Several tasks take a batch each in every step, and add up their losses (see `supportnet.tasks.joint`). The epoch is
    kept in which the mean of the tasks' validation accuracies is best. An export stores the backbone once, and reads a
    message once for all tasks.

    Args:
        data: a data set, or the name or path of one (see `supportnet.load`). Without a validation split, one is cut off
            the training split, seeded: stratified by intent, or conversation by conversation where the task learns from
            replies. Messages without what the task learns from are left out.
        out: the run folder to write; None keeps nothing. See `supportnet.training.run_folder` for its files.
        task: what to learn: `classify`, `suggest`, `reply`, or several of them.
        preset: sizes of the network by name (see `supportnet.config.PRESETS`). An option given beside it takes
            precedence.
        init: the folder of an encoder from `supportnet.pretrain`. Its vocabulary and its sizes are the model's, which
            starts from its weights.
        embeddings: word vectors to start from: a file (see `supportnet.load_word_embeddings`), or `word2vec` or
            `fasttext` to train them on the messages, the unlabelled ones included.
        require_coverage: share of the vocabulary that the word vectors must hold, in [0, 1].
        backbone: a pretrained encoder that reads the messages (architecture `pretrained`): weights by name (see
            `supportnet.pretrained.list_weights`), or the folder of a Hugging Face model. For one task at a time.
        unlabelled: messages to learn from as well, in rounds (see `supportnet.tasks.classify.fit`): names or
            paths (see `supportnet.data.load_unlabelled`), or a data set with a split `train` or `all`.
        previous: a finished run of one task, which is trained anew: with its options, and with its messages, which are
            read again, before those of `data`; of a message that stands in both, the label in `data` counts. Options
            that are given take precedence.
        resume: continue the interrupted run in `out`, with the same result as an uninterrupted one: same data, options
            and machine. A finished run is returned as it is.
        progress_bar: show one on standard error.
        baseline: say in the metrics as well, as `baselines`, what simple methods reach on the validation messages, for
            tasks that have some.
        data_options: arguments of `supportnet.load`, where `data` is a name or a path; `unlabelled` is read by those of
            them that apply to it.
        callbacks: Keras callbacks of your own.
        optimizer: a Keras optimizer of your own, in place of AdamW with its schedule.
        **options: fields of `NetworkConfig` and of the tasks' configurations (`ClassifyConfig`, `SuggestConfig`,
            `ReplyConfig`), for example `epochs=10` or `architecture="transformer"`.

    Returns:
        The models, with the weights of the best epoch on validation and their numbers fitted there. Without validation
        data the last epoch is kept and nothing is fitted, with a warning.

    Raises:
        UserError: an unknown option, preset or value, an option of another task, data that can't be trained on, a run
            folder that is already there or, with `resume`, one of other data or options, a damaged checkpoint, training
            that diverges, an encoder of other sizes, or word vectors of another dimension.

    The random generators of Python, NumPy and Keras are seeded, for the whole process.

    Example (needs a training run):
        >>> trained = train("tickets.csv", out="runs/tickets", data_options={"text_column": "body"}, epochs=10)
        >>> trained.metrics["accuracy"]
    """
    tasks = in_order([task] if isinstance(task, str) else list(task))
    if previous is not None:
        tasks, options = _continued(previous, {"init": init, "embeddings": embeddings, "backbone": backbone}, options)
    if backbone is not None:
        check_not_alone(tasks, {BACKBONE: os.fspath(backbone)})
    if unlabelled:
        check_not_alone(tasks, {UNLABELLED: unlabelled})
        if tasks[0] not in tasks_with(UNLABELLED):
            raise UserError(f"{UNLABELLED} is for the task {' or '.join(tasks_with(UNLABELLED))}.")
    check_options(tasks, options)
    start = InitialWeights.of(init, embeddings, require_coverage, backbone)
    configs = task_configs(tasks, options, preset, start.network_options)
    for network, _ in configs.values():
        start.check(network)
    reading = data_options or {}
    if isinstance(data, TicketDataset):
        dataset = data
    else:
        # For the task that needs most of a file.
        needy = next((name for name in tasks if get_task(name).needs_replies), tasks[0])
        dataset = get_task(needy).load_data(data, **reading)
    if previous is not None:
        dataset = corrected(training_messages(previous, tasks[0])[0], dataset)
    more = texts_of(unlabelled_sets(unlabelled, reading))
    if len(tasks) == 1:
        suited = get_task(tasks[0]).data_defaults(dataset, {**start.network_options, **options})
        configs = task_configs(tasks, options, preset, {**suited, **start.network_options})
    else:
        first = configs[tasks[0]][1]
        dataset = with_validation(dataset, first.validation_share, first.seed)
    begun = {**start.facts, "optimizer": None if optimizer is None else optimizer_facts(optimizer)}
    parts = []
    for name, (network, config) in configs.items():
        split = get_task(name).split(dataset, config, more)
        made = {
            "task": name,
            "network": asdict(network),
            "training": asdict(config),
            "start": begun,
            "data": {**split.facts, "files": list(dataset.files)},
        }
        parts.append(_Part(get_task(name), network, config, split, made, baseline))
    whole = _of_all([part.made for part in parts])
    loop = Loop(None if out is None else Path(out), progress_bar, callbacks, optimizer)
    loop.check(options.get("frozen_epochs", 0))
    if loop.folder is not None:
        run_folder.check_folder(loop.folder, whole, resume)
    return _train(parts, whole, start, loop)


def load(path: str | os.PathLike[str], task: str) -> Any:
    """Load the model of a task from a finished run, or from its part of a run of several tasks.

    Raises:
        UserError: no such folder, training hasn't finished, the run is of another task or of an earlier version, or a
            file is missing or damaged (it is named).

    Example (needs a run folder):
        >>> model = load("runs/banking77", "classify")
    """
    kind = get_task(task)
    folder, config = run_folder.finished_run(path, task)
    model = kind.read(folder, config, Vocabulary.load(folder / run_folder.VOCABULARY))
    setattr(model, kind.fitted, kind.fitted_config.load(kind.fitted_file(folder)))
    run_folder.load_weights(
        folder / run_folder.WEIGHTS,
        model.network,
        f"{run_folder.CONFIG}, {run_folder.VOCABULARY} and {kind.names}.json",
    )
    if model.config.pretrained is not None:
        model.licence = read_licences(folder).get(model.config.pretrained["source"]["name"], {})
    model.origin, model.seen = run_folder.read_origin(folder), read_seen(folder / run_folder.SEEN)
    return model


def training_split(path: str | os.PathLike[str], task: str) -> TaskSplit:
    """Read the messages again that a run was trained and validated on; see `training_messages`.

    Example (needs a run folder):
        >>> len(training_split("runs/tickets", "classify").tickets)
        7657
    """
    return training_messages(path, task)[1]


def training_messages(path: str | os.PathLike[str], task: str) -> tuple[TicketDataset, TaskSplit]:
    """Read the data again that a run was trained on, and return its messages as they were divided, too.

    Raises:
        UserError: the run doesn't say where they lay, they can't be read, or they have changed.
    """
    kind, folder = get_task(task), run_folder.run_of(path, task)
    config = run_folder.read_config(folder)
    facts = config.get("data", {})
    if not facts.get("files"):
        raise UserError(f"{folder} doesn't say where its training messages lay.")
    try:
        settings = kind.config(**config["training"])
        files = [(file["path"], file["reading"]) for file in facts["files"]]
    except (KeyError, TypeError) as error:
        raise UserError(f"{folder / run_folder.CONFIG} is damaged ({error!r}).") from None
    for source, _ in files:
        if not is_source(source) and not Path(source).exists():
            raise UserError(f"{source}, which {folder} was trained on, isn't there any more.")
    dataset = reduce(corrected, (load_data(source, **reading) for source, reading in files))
    # Several tasks share the cut of one validation split.
    for data in (dataset, with_validation(dataset, settings.validation_share, settings.seed)):
        with warnings.catch_warnings(action="ignore"), suppress(UserError):
            split: TaskSplit = kind.split(data, settings, ())
            if split.facts["fingerprint"] == facts.get("labelled_fingerprint", facts["fingerprint"]):
                return dataset, split
    raise UserError(f"{dataset.name} holds other messages than those that {folder} was trained on.")


def _continued(
    previous: str | os.PathLike[str], start: Mapping[str, Any], options: Mapping[str, Any]
) -> tuple[list[str], dict[str, Any]]:
    """Return the task of a run, and its options, of which those that are given now take precedence.

    Raises:
        UserError: there is no finished run of one task, or what it started from isn't named again.
    """
    tasks = list(run_folder.tasks_of(previous))
    if len(tasks) != 1:
        raise UserError(f"{previous} (--from) must be the folder of a run of one task.")
    folder, _ = run_folder.finished_run(previous, tasks[0])
    config = run_folder.read_config(folder)
    for name, value in start.items():
        if config["start"].get(name) is not None and value is None:
            raise UserError(f"{previous} was trained with {name} (--{name}): name it again.")
    known = {**config["network"], **config["training"]}
    if known.get("pretrained") is not None:
        # The encoder that is named again decides, which may be a newer one.
        known = {name: value for name, value in known.items() if name not in ("pretrained", "vector_dim")}
    return tasks, {**{name: value for name, value in known.items() if tasks[0] in tasks_with(name)}, **options}


def copy_calibrated(
    run: str | os.PathLike[str], model: Any, out: str | os.PathLike[str], tickets: Sequence[Ticket]
) -> None:
    """Write a run again, with the numbers that a model of it is fitted with now.

    Args:
        run: the run's folder, as it was trained.
        model: the model of one of its tasks.
        out: the new folder, which is written whole or not at all. What only a training needs is left out.
        tickets: the messages that the numbers were fitted on; the summary for `drift` is of them.

    Raises:
        UserError: there is something at `out`.
    """
    kind, target = get_task(model.task), Path(out)
    if target.exists():
        raise UserError(f"{target} is there already: choose another folder (--out).")
    with written_whole(target) as temporary:
        shutil.copytree(run, temporary, ignore=shutil.ignore_patterns(CHECKPOINT, "logs", ".*"))
        own = run_folder.run_of(temporary, model.task)
        getattr(model, kind.fitted).save(kind.fitted_file(own))
        write_json(own / run_folder.CARD, kind.card(model))
        kind.write_traffic(own, model, TaskSplit(tickets, tickets, {}), History([], 0))


def save(folder: Path, model: Any) -> None:
    """Write a model as the files of a run; its weights come last, for with them the run counts as finished."""
    kind = get_task(model.task)
    kind.write(folder, model)
    getattr(model, kind.fitted).save(kind.fitted_file(folder))
    write_json(folder / run_folder.CARD, kind.card(model))
    if model.seen is not None:
        write_array(folder / run_folder.SEEN, model.seen)
    if model.config.pretrained is not None:
        write_licence(folder, model.config.pretrained["source"]["name"], model.licence)
    run_folder.save_network(folder, model.vocabulary, model.network)


def _train(parts: Sequence[_Part], whole: dict[str, Any], start: InitialWeights, loop: Loop) -> Trained:
    """Train, and write a run of each task; `whole` is the configuration of the run of all."""
    first, texts = parts[0], _texts([part.split for part in parts])
    keras.utils.set_random_seed(first.config.seed)
    vocabulary = start.vocabulary(first.network, texts, first.config.min_count)
    for part in parts:
        part.model = part.task.build(part.network, vocabulary, part.split, getattr(first.model, "backbone", None))
    coverage = start.apply(first.model, texts, first.config.seed, loop.progress_bar)
    if loop.folder is not None:
        # Not before there is a model: word vectors that don't fit leave nothing behind.
        run_folder.begin(loop.folder, whole)
    if len(parts) == 1:
        history = first.task.fit(first.model, first.split, first.config, loop)
        metrics = _finish(first, history, loop.folder)
    else:
        objectives = {part.task.name: part.task.objective(part.model, part.split, part.config) for part in parts}
        history, metrics = loop.fit(joint_objective(objectives), first.config), {}
        for part in parts:
            own = None if loop.folder is None else loop.folder / part.task.name
            if own is not None:
                remove_incomplete(own)
                run_folder.begin(own, part.made)
            metrics[part.task.name] = _finish(part, _of_task(history, part.task.name), own)
        if loop.folder is not None:
            run_folder.write_metrics(loop.folder, history.epochs, metrics)
    return Trained({part.task.name: part.model for part in parts}, metrics, history.epochs, coverage)


def _finish(part: _Part, history: History, folder: Path | None) -> dict[str, Any]:
    """Calibrate a trained model, and write it where there is a folder; return the metrics."""
    part.task.calibrate(part.model, part.split, part.config, history)
    metrics = part.task.metrics(part.model, history)
    if part.baseline and (found := part.task.baselines(part.model, part.split, history)):
        metrics["baselines"] = found
    part.model.origin = {"data": part.split.facts, "validation": metrics}
    part.model.seen = np.unique(message_hashes(ticket.text for ticket in (*part.split.tickets, *part.split.validation)))
    if folder is not None:
        part.task.write_traffic(folder, part.model, part.split, history)
        save(folder, part.model)
        run_folder.write_metrics(folder, history.epochs, metrics)
    return metrics


def _of_all(made: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the configuration of the whole run; where several tasks differ in an option, by task."""
    first = made[0]
    if len(made) == 1:
        return first
    prints = run_folder.fingerprint(own["data"]["fingerprint"] for own in made)
    return {
        "task": ",".join(own["task"] for own in made),
        **{part: merged_options({own["task"]: own[part] for own in made}) for part in ("network", "training")},
        "start": first["start"],
        "data": {
            **{name: first["data"][name] for name in ("name", "source", "licence", "files")},
            "fingerprint": prints,
        },
    }


def merged_options(options: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the options of all tasks, each with its value, or the values by task."""
    merged: dict[str, Any] = {}
    for name in dict.fromkeys(name for own in options.values() for name in own):
        values = {task: own[name] for task, own in options.items() if name in own}
        first = next(iter(values.values()))
        merged[name] = first if all(value == first for value in values.values()) else values
    return merged


def _texts(splits: Sequence[TaskSplit]) -> list[str]:
    """Return the texts that the vocabulary is counted in: every message once, whatever number of tasks reads it."""
    if len(splits) == 1:
        return splits[0].texts
    tickets = {id(ticket): ticket.text for split in splits for ticket in split.tickets}
    return [*tickets.values(), *(text for split in splits for text in split.texts[len(split.tickets) :])]


def _of_task(history: History, task: str) -> History:
    """Return the metrics of one task, under the names that they have where it is trained alone."""
    mark = f"{task}_"
    rows = [{name.replace(mark, ""): value for name, value in row.items() if mark in name} for row in history.epochs]
    return replace(history, epochs=rows)

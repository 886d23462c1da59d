"""From tickets to one model of several tasks, which share an encoder, in a run folder.

RUN/
  config.json         how the run was made: task (all of them, with commas), network, training, data
  history.json        metrics of each epoch, of all tasks
  metrics.json        task -> what validation says of it in the best epoch
  checkpoint.npz      the state after the last epoch, for --resume
  logs/               for TensorBoard
  classify/, suggest/, reply/
                      a run for each task, as if it had been trained alone; see `supportnet.training.run`,
                      `supportnet.training.suggestion_run` and `supportnet.training.reply_run`
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from supportnet.data import load
from supportnet.data.ticket import TicketDataset
from supportnet.embeddings import Coverage
from supportnet.files import remove_incomplete, write_json
from supportnet.models.config import NetworkConfig
from supportnet.models.task import TASKS
from supportnet.models.towers import Towers
from supportnet.training.folder import begin, check_folder, fingerprint
from supportnet.training.joint_fit import joint_lesson
from supportnet.training.joint_options import checked_tasks, merged_options, task_configs
from supportnet.training.learner import Learner
from supportnet.training.loop import fit_lesson
from supportnet.training.reply import ReplyLearner
from supportnet.training.reply_splits import with_validation
from supportnet.training.splits import build_vocabulary
from supportnet.training.start import Start
from supportnet.training.suggest import PairLearner
from supportnet.training.train import IntentLearner

LEARNERS: Mapping[str, Any] = {"classify": IntentLearner, "suggest": PairLearner, "reply": ReplyLearner}


@dataclass(frozen=True)
class TrainedTasks:
    """What `train_tasks` returns.

    Attributes:
        models: task -> its model, with the weights of the best epoch and what was fitted on validation data.
        metrics: task -> what validation says, as a training of that task alone does; the best epoch is the same.
        history: one dictionary of metrics an epoch; see `supportnet.training.joint_fit`.
        coverage: how much of the vocabulary the given word vectors hold; None where none were given.
    """

    models: dict[str, Any]
    metrics: dict[str, dict[str, Any]]
    history: list[dict[str, float]]
    coverage: Coverage | None = None


def train_tasks(
    data: str | os.PathLike[str] | TicketDataset,
    out: str | os.PathLike[str] | None = None,
    *,
    tasks: Sequence[str] = TASKS,
    preset: str | None = None,
    init: str | os.PathLike[str] | None = None,
    embeddings: str | os.PathLike[str] | None = None,
    require_coverage: float | None = None,
    resume: bool = False,
    progress_bar: bool = True,
    data_options: Mapping[str, Any] | None = None,
    **options: Any,
) -> TrainedTasks:
    """Train several tasks at once, with a head each on one encoder.

    Every step takes a batch of each task, and adds up their losses (see `supportnet.training.joint_fit`). The epoch is
    kept in which the mean of the tasks' validation accuracies is best. An export stores the encoder once, and reads a
    message once for all tasks.

    Args:
        data: a data set, or the name or path of one (see `supportnet.load`), with what the tasks learn from: intents,
            replies, or both. Without a validation split, one is cut off for all tasks, conversation by conversation
            where they are known.
        out: the run folder to write; None keeps nothing. See `supportnet.training.joint` for what it holds.
        tasks: two or three of `classify`, `suggest` and `reply`.
        preset, init, embeddings, require_coverage, resume, progress_bar, data_options: as for
            `supportnet.training.train.train`.
        **options: fields of `NetworkConfig`, and of the tasks' `TrainingConfig`, `SuggestionConfig` and `ReplyConfig`,
            but for those in `supportnet.training.joint_options.ALONE`. What several tasks know is the same for all.

    Returns:
        The models and how training went.

    Raises:
        UserError: as for `train`, `train_suggester` and `train_replier`; there are less than two tasks, or an unknown
            one; an option is for one task only; or the architecture is `gpt`, which has no encoder.

    The random generators of Python, NumPy and Keras are seeded, for the whole process.

    Example (needs a training run):
        >>> trained = train_tasks("sample", "runs/support")
        >>> bank = supportnet.load_bank("answers.csv")
        >>> export(list(trained.models.values()), "saved_models/support", bank=bank)
    """
    tasks = checked_tasks(tasks)
    start = Start.of(init, embeddings, require_coverage)
    configs = task_configs(tasks, options, start, preset)
    networks = {task: network for task, (network, _) in configs.items()}
    config = configs[tasks[0]][1]
    dataset = data if isinstance(data, TicketDataset) else load(data, **(data_options or {}))
    dataset = with_validation(dataset, config.validation_share, config.seed)
    learners = {task: LEARNERS[task](dataset, configs[task][1]) for task in tasks}
    made = {task: learner.made(networks[task], start) for task, learner in learners.items()}
    folder = None if out is None else Path(out)
    if folder is not None:
        check_folder(folder, _of_all(made), resume)
    return _train(learners, networks, start, folder, made, progress_bar)


def _train(
    learners: Mapping[str, Learner],
    networks: Mapping[str, NetworkConfig],
    start: Start,
    folder: Path | None,
    made: Mapping[str, dict[str, Any]],
    progress_bar: bool,
) -> TrainedTasks:
    """Train the tasks, and write a run of each; `made` are their configurations."""
    first = next(iter(learners))
    config, network, texts = learners[first].config, networks[first], _texts(learners)
    keras.utils.set_random_seed(config.seed)
    vocabulary = start.vocabulary or build_vocabulary(texts, network, config.min_count)
    towers = Towers(network, len(vocabulary))
    models = {task: learner.model(networks[task], vocabulary, towers) for task, learner in learners.items()}
    coverage = start.apply(models[first], texts, config.seed, progress_bar)
    if folder is not None:
        begin(folder, _of_all(made))
    lesson = joint_lesson({task: learner.lesson(models[task]) for task, learner in learners.items()})
    progress = fit_lesson(lesson, config, folder, progress_bar)
    metrics = {}
    for task, learner in learners.items():
        own = None if folder is None else _part(folder, task, made[task])
        metrics[task] = learner.end(models[task], (_of_task(progress.history, task), progress.best_epoch), own)
    if folder is not None:
        write_json(folder / "history.json", progress.history)
        write_json(folder / "metrics.json", metrics)
    return TrainedTasks(models, metrics, progress.history, coverage)


def _texts(learners: Mapping[str, Learner]) -> list[str]:
    """What the vocabulary is counted in: every text once, whatever number of tasks reads it."""
    tickets = {id(ticket): ticket for learner in learners.values() for ticket in learner.tickets}
    replies = learners["suggest"].tickets if "suggest" in learners else []
    return [*(ticket.text for ticket in tickets.values()), *(ticket.reply or "" for ticket in replies)]


def _of_all(made: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """What the configuration of the whole run says; where tasks differ in an option, by task."""
    data = [config["data"] for config in made.values()]
    facts = {name: data[0][name] for name in ("name", "source", "licence")}
    return {
        "task": ",".join(made),
        **{
            part: merged_options({task: config[part] for task, config in made.items()})
            for part in ("network", "training")
        },
        "start": next(iter(made.values()))["start"],
        "data": {**facts, "fingerprint": fingerprint(facts["fingerprint"] for facts in data)},
    }


def _of_task(history: Sequence[Mapping[str, float]], task: str) -> list[dict[str, float]]:
    """The metrics of one task, under the names that they have where it is trained alone."""
    mark = f"{task}_"
    return [{name.replace(mark, ""): value for name, value in row.items() if mark in name} for row in history]


def _part(folder: Path, task: str, made: dict[str, Any]) -> Path:
    """The folder of a task's own run, begun."""
    own = folder / task
    remove_incomplete(own)
    begin(own, made)
    return own

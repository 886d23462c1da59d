"""`supportnet train`."""

from collections.abc import Mapping, Sequence
from typing import Any

import click
from click.core import ParameterSource

from supportnet.cli.common import data_options, json_option, load_arguments
from supportnet.cli.train_one import train_one
from supportnet.cli.train_several import train_several
from supportnet.cli.training_options import (
    ENCODER_NUMBERS,
    OPTIMIZER_NUMBERS,
    architecture_option,
    config_option,
    flag,
    numbers,
    preset_option,
    run_options,
    switches,
    tasks_option,
)
from supportnet.errors import UserError

#: Switches of the training's configuration: name -> help.
SWITCHES = {
    "class_weights": "Weigh every intent alike, however many examples it has.",
    "mixed_precision": "Train in bfloat16 where the hardware is made for it.",
}
#: Numbers of the training's configuration: name -> (default, help).
NUMBERS = {
    "epochs": (20, "Passes over the training messages, at most."),
    "batch_size": (32, "Messages a step."),
    **OPTIMIZER_NUMBERS,
    "label_smoothing": (0.1, "Share of each target that is spread over all intents."),
    "patience": (5, "Epochs without a better validation accuracy before training stops."),
    "validation_share": (0.1, "Share cut off for validation where the data has no such split."),
    "precision": (0.95, "Share of the routed messages that shall be right."),
    "out_of_scope_share": (None, "Share of out-of-scope messages to expect; as in the validation data if not given."),
    "min_count": (2, "How often a word must occur to have an id of its own."),
    "rounds": (2, "How often the --unlabelled messages are learned from; 0 takes only their words."),
    "round_epochs": (10, "Passes over all messages in each of these rounds, at most."),
    "frozen_epochs": (0, "Epochs at the start in which --embeddings stay as they are."),
}
#: Numbers that other tasks know: name -> (default, help).
SUGGEST_NUMBERS = {
    "hard_negatives": (0, "Suggest: wrong replies a message that the model ranks high, beside those of the batch."),
    "label_weight": (0.0, "Suggest: weight of the intents as labels of the replies, a second objective."),
    "vector_dim": (128, "Suggest: depth of the vectors that messages and replies are compared by."),
}
REPLY_NUMBERS = {
    "batch_tokens": (4096, "Reply: tokens a step, of messages and replies, padding included."),
    "pretraining_epochs": (
        0,
        "Reply: passes over what is said in the training messages before replies are learned; 2 for gpt.",
    ),
    "quality": (0.8, "Reply: mean quality (ROUGE-L) that replies shall have that aren't handed to a person."),
    "num_pieces": (2000, "Reply: pieces that replies are written in, at most."),
    "max_reply_length": (64, "Reply: pieces of a reply, at most."),
}
#: Defaults of a task that differ; --help names them.
OTHER_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "suggest": {"epochs": 8, "learning_rate": 3e-3, "batch_size": 128, "head_dropout_rate": 0.1},
    "reply": {"epochs": 8, "num_layers": 2, "hidden_dim": 256},
}
#: The same, of several tasks at once.
JOINT_DEFAULTS: Mapping[str, Any] = {
    "epochs": 12,
    "learning_rate": 2e-3,
    "batch_size": 64,
    "hidden_dim": 128,
    "num_layers": 1,
}
#: Options that not every task knows: name -> the tasks that do.
TASKS_BY_OPTION: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("precision", "out_of_scope_share", "rounds", "round_epochs", "frozen_epochs"), ("classify",)),
    **dict.fromkeys(("class_weights", "mixed_precision", "unlabelled"), ("classify",)),
    **dict.fromkeys(("batch_size", "head_dropout_rate", "num_pairs", "num_filters"), ("classify", "suggest")),
    "label_smoothing": ("classify", "reply"),
    **dict.fromkeys(SUGGEST_NUMBERS, ("suggest",)),
    **dict.fromkeys(REPLY_NUMBERS, ("reply",)),
}
#: Numbers of the network's towers: name -> (default, help).
HEAD_NUMBERS = {
    "head_dropout_rate": (0.4, "Dropout before the head of the task."),
    "word_dropout": (0.1, "Share of words dropped in training."),
    "num_pairs": (16_384, "Buckets that pairs of words are hashed to."),
    "num_filters": (0, "Filters over 2 and over 3 words, in place of pooled words; such as 256, with many labels."),
}


def _with_other_defaults(by_name: dict[str, tuple[Any, str]]) -> dict[str, tuple[Any, str]]:
    """Name, in an option's help, the defaults that other tasks have."""
    return {name: (value, text.removesuffix(".") + _others(name) + ".") for name, (value, text) in by_name.items()}


def _others(name: str) -> str:
    others = [f"; {values[name]} for the task {task}" for task, values in OTHER_DEFAULTS.items() if name in values]
    return "".join([*others, *([f"; {JOINT_DEFAULTS[name]} for several tasks"] if name in JOINT_DEFAULTS else [])])


@click.command()
@config_option
@data_options
@tasks_option
@architecture_option
@preset_option
@click.option("--init", metavar="ENCODER", help="Start from what `supportnet pretrain` wrote, with its sizes.")
@click.option(
    "--embeddings", metavar="PATH|METHOD", help="Start from a file of word vectors, or train word2vec or fasttext ones."
)
@click.option("--require-coverage", type=float, help="Share of the vocabulary that the word vectors must hold.")
@click.option(
    "--unlabelled",
    multiple=True,
    metavar="NAME|PATH",
    help="Learn from these messages as well, without labels. Can be given several times.",
)
@run_options
@switches(SWITCHES)
@numbers(_with_other_defaults({**NUMBERS, **ENCODER_NUMBERS, **HEAD_NUMBERS, **SUGGEST_NUMBERS, **REPLY_NUMBERS}))
@json_option
def train(data: str, task: str, out: str, unlabelled: tuple[str, ...], as_json: bool, **options: Any) -> None:
    """Train a model and write it, with all that made it, to a run folder.

    \b
    supportnet train --data sample --out runs/sample
    supportnet train --data tickets.csv --text-column body --label-column topic --out runs/tickets
    supportnet train --data tickets.csv --architecture transformer --preset small --out runs/small
    supportnet train --config search/best.toml --data tickets.csv --out runs/best
    supportnet train --data banking77 --data-dir downloads --out runs/banking77 --resume
    supportnet train --data few.csv --init runs/encoder --unlabelled tickets.csv --out runs/few
    supportnet train --task suggest --data chats.csv --text-column question --reply-column answer --out runs/answers
    supportnet train --task reply --data star --data-dir downloads --architecture transformer --out runs/replies
    supportnet train --task reply --data star --data-dir downloads --architecture gpt --out runs/gpt
    supportnet train --task classify,suggest,reply --data chats.csv --out runs/support

    The last one trains several tasks at once, on one encoder: a batch of each in every step. Each task then has a run
    of its own in the folder. Options that several tasks know are the same for all of them.
    """
    reading = load_arguments(options)
    tasks = task.split(",")
    check_tasks(tasks)
    options["unlabelled"] = unlabelled
    if len(tasks) > 1:
        train_several(tasks, data, out, as_json, reading, options)
    else:
        train_one(task, data, out, as_json, reading, options)


def check_tasks(tasks: Sequence[str]) -> None:
    """Raise a `UserError` for an option on the command line that only other tasks know."""
    context = click.get_current_context()
    for name, known in TASKS_BY_OPTION.items():
        if not set(tasks) & set(known) and context.get_parameter_source(name) is not ParameterSource.DEFAULT:
            raise UserError(f"{flag(name)} is for --task {' or '.join(known)}.")

"""`supportnet train`: flags reach the run, mistakes are one line, Ctrl-C says how to go on."""

import contextlib
import csv
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import warnings
from dataclasses import MISSING, fields, replace
from pathlib import Path
from typing import Any

import click
import pytest
from shell import Shell

import supportnet
from supportnet.architectures import encoder_names
from supportnet.cli.main import cli, main
from supportnet.cli.options import flag
from supportnet.cli.pretrain import pretrain
from supportnet.cli.train import train
from supportnet.config import NetworkConfig, PretrainingConfig
from supportnet.tasks import all_tasks, get_task
from supportnet.tasks.classify.config import ClassifyConfig
from supportnet.tasks.options import JOINT_DEFAULTS, tasks_with, training_options

ROWS = [("where is my parcel", "track"), ("refund my money", "refund"), ("cancel the order", "cancel")] * 8
TINY = ["--embedding_dim", 16, "--hidden-dim", 8, "--num-heads", 2, "--num-buckets", 500, "--batch-size", 8]


def write_csv(path: Path, rows: list[tuple[str, ...]] = ROWS, header: tuple[str, ...] = ("text", "intent")) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Messages in columns with names of their own, for a run."""
    folder = tmp_path_factory.mktemp("train")
    write_csv(folder / "tickets.csv", header=("body", "topic"))
    return folder


def train_command(folder: Path, *validation: object) -> list[str]:
    """The command of a run that is split, unless `validation` says otherwise."""
    data = ["--data", folder / "tickets.csv", "--text_column", "body", "--label-column", "topic"]
    options = [
        "--architecture",
        "bilstm-attention",
        "--seed",
        7,
        "--num_layers",
        0,
        "--epochs",
        2,
        "--learning-rate",
        0.02,
        *(validation or ("--validation", "split")),
    ]
    return [str(argument) for argument in ["train", *data, *TINY, *options, "--class-weights", "--out", folder / "run"]]


@pytest.fixture(scope="module")
def trained(folder: Path) -> dict[str, Any]:
    """What `supportnet train --json` prints."""
    with contextlib.redirect_stdout(io.StringIO()) as out, pytest.raises(SystemExit) as exit_:
        main([*train_command(folder), "--json"])
    assert exit_.value.code == 0
    answer: dict[str, Any] = json.loads(out.getvalue())
    return answer


def test_json(trained: dict[str, Any], folder: Path) -> None:
    assert set(trained) == {"task", "run", "validation", "confidence", "promise", "coverage", "epochs"}
    assert trained["coverage"] is None
    assert set(trained["validation"]) == {"accuracy", "loss", "best_epoch", "method", "baselines"}
    assert trained["validation"]["method"] == "split"
    assert (trained["task"], trained["run"], trained["epochs"]) == ("classify", str(folder / "run"), 2)
    assert trained["validation"] == json.loads((folder / "run" / "metrics.json").read_text())
    assert trained["confidence"] == json.loads((folder / "run" / "confidence.json").read_text())
    # Of 3 validation messages, every second one carries the promise.
    nothing = {"precision": None, "lower_bound": None, "routed_share": 0.0, "rows": 1, "kind": "certified"}
    assert trained["promise"] == {"asked": 0.95, "confidence": 0.95, "out_of_scope_share": 0.0, **nothing}


def test_flags_reach_the_run(trained: dict[str, Any], folder: Path) -> None:
    """Those that aren't given keep the configuration's default, or that of few messages."""
    config = json.loads((folder / "run" / "config.json").read_text())
    network = NetworkConfig(embedding_dim=16, hidden_dim=8, num_heads=2, num_layers=0, num_buckets=500)
    given = ClassifyConfig(epochs=2, batch_size=8, learning_rate=0.02, seed=7, class_weights=True)
    network, training = replace(network, word_dropout=0.2), replace(given, validation="split")
    assert NetworkConfig(**config["network"]) == network
    assert ClassifyConfig(**config["training"]) == training


def test_the_run_says_where_its_messages_lay(trained: dict[str, Any], folder: Path) -> None:
    """In its configuration alone: the card goes into exports."""
    reading = {"text_column": "body", "label_column": "topic"}
    config = json.loads((folder / "run" / "config.json").read_text())
    assert config["data"]["files"] == [{"path": str(folder / "tickets.csv"), "reading": reading}]
    assert "files" not in json.loads((folder / "run" / "model_card.json").read_text())["data"]


def test_baselines_in_words() -> None:
    figures = {"svm": {"accuracy": 0.79, "difference": [0.005, 0.041]}}
    figures["majority"] = {"accuracy": 0.0325, "difference": [-0.01, 0.8]}
    assert list(get_task("classify").describe_baselines(figures)) == [
        "TF-IDF + linear SVM       0.7900 (difference +0.5 to +4.1 points)",
        "most frequent intent      0.0325 (difference -1.0 to +80.0 points)",
    ]


FITTED = {"temperature": 0.75, "num_in_scope": 3000, "asked_precision": 0.95, "promise_rows": 1550, "certified": True}


@pytest.mark.parametrize(
    ("promise", "line"),
    [
        (
            {"promised_precision": 0.95, "out_of_scope_share": 0.18, "routed_share": 0.781},
            "promise: 1,550 rows allow 95% (95% confidence, certified on held-out messages): routes 78% of in-scope "
            "messages, with 18.0% of all messages out of scope",
        ),
        (
            {"promised_precision": 0.85, "out_of_scope_share": 0.0, "routed_share": 0.5, "certified": False},
            "promise: asked for 95%; 1,550 rows allow 85% (95% confidence, estimated by cross-validation): routes 50% "
            "of in-scope messages, if all messages are in scope",
        ),
        (
            {"promised_precision": None, "out_of_scope_share": 0.0, "routed_share": 0.0},
            "no message will be routed: asked for 95%; 1,550 rows allow no promise of 80% or more",
        ),
    ],
    ids=["as asked", "less", "none"],
)
def test_a_promise_in_words(promise: dict[str, Any], line: str) -> None:
    lines = get_task("classify").describe({"accuracy": 0.94, "best_epoch": 3, "method": "split"}, {**FITTED, **promise})
    assert list(lines) == [
        "validation accuracy 0.9400 (epoch 3)",
        "temperature 0.75, fitted on 3000 messages in scope",
        line,
    ]


def test_a_cross_validation_in_words() -> None:
    found = {"accuracy": 0.94, "best_epoch": 3, "method": "cross-validation", "rows": 1980, "shares": [0.2, 0.8]}
    fitted = {**FITTED, "promised_precision": None, "out_of_scope_share": 0.0, "routed_share": 0.0}
    lines = list(get_task("classify").describe(found, fitted))
    assert lines[0] == "validation accuracy 0.9400 (cross-validated on 1,980 messages, epoch 3)"
    assert len(lines) == 3
    without = list(get_task("classify").describe({**found, "shares": [0.0, 1.0]}, fitted))
    assert without == [
        lines[0],
        "the network adds nothing to the linear classifier here: left out of the vote",
        *lines[1:],
    ]


def test_resume(shell: Shell, trained: dict[str, Any], folder: Path) -> None:
    with warnings.catch_warnings():
        # As in a process of its own, which hasn't seen those of the training.
        warnings.simplefilter("always")
        # The messages may lie elsewhere by now.
        moved = shutil.copy(folder / "tickets.csv", folder / "moved.csv")
        out, err = shell(*train_command(folder), "--data", moved, "--resume")
    lines = out.splitlines()
    found = get_task("classify").describe_baselines(trained["validation"]["baselines"])
    assert [lines.pop(1), lines.pop(1)] == list(found)
    assert lines[0] == "validation accuracy {accuracy:.4f} (epoch {best_epoch})".format(**trained["validation"])
    assert lines[1] == "temperature {temperature:.2f}, fitted on 3 messages in scope".format(**trained["confidence"])
    assert lines[2] == "no message will be routed: asked for 95%; 1 row allows no promise of 80% or more"
    assert lines[3].endswith(f"next: supportnet evaluate {folder / 'run'} --data HELD_OUT.csv")
    assert "A precision of 0.95 (--precision) can't be promised: 1 row allows none of 0.8 or more" in err
    assert "already holds a finished run" in shell.error(*train_command(folder))
    assert "Received: patience=1" in shell.error(*train_command(folder), "--resume", "--patience", 1)


def test_without_validation(shell: Shell, folder: Path) -> None:
    """One warning; and the run can be evaluated, though it promises nothing."""
    run = folder / "unvalidated"
    out, err = shell(*train_command(folder, "--validation-share", 0), "--out", run, "--epochs", 1)
    assert out.splitlines()[0] == "not validated (epoch 1)"
    assert len(out.splitlines()) == 2
    warnings = [line for line in err.splitlines() if line.startswith("supportnet: warning: ")]
    assert len(warnings) == 1
    assert "There are no validation messages in scope: the last epoch's weights are kept" in warnings[0]
    data = ["--data", folder / "tickets.csv", "--text-column", "body", "--label_column", "topic"]
    assert "nothing is routed: no precision was promised when the model was trained" in shell("evaluate", run, *data)[0]


def test_evaluate_the_run_on_a_whole_file(shell: Shell, trained: dict[str, Any], folder: Path) -> None:
    """A file without splits is the test data."""
    data = ["--data", folder / "tickets.csv", "--text-column", "body", "--label_column", "topic"]
    figures = shell.json("evaluate", folder / "run", *data)
    assert (figures["task"], figures["num_examples"]) == ("classify", len(ROWS))
    assert {row["intent"] for row in figures["per_intent"]} == {"track", "refund", "cancel"}


def test_evaluate_beside_the_training_messages(
    shell: Shell, trained: dict[str, Any], folder: Path, tmp_path: Path
) -> None:
    """The run finds them again; where they don't lie any more, it says so."""
    run, gone = shutil.copytree(folder / "run", tmp_path / "run"), tmp_path / "gone.csv"
    held_out = write_csv(tmp_path / "held_out.csv", [("where is it", "track"), ("money", "refund"), ("stop", "cancel")])
    command = ["evaluate", run, "--data", held_out]
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        out, err = shell(*command)
        assert err == ""
        assert "TF-IDF + linear SVM       " in out
        assert "seen_in_training          0 (0.0% of all)" in out
        config = json.loads((run / "config.json").read_text())
        config["data"]["files"][0]["path"] = str(gone)
        (run / "config.json").write_text(json.dumps(config))
        out, err = shell(*command)
        assert "TF-IDF" not in out
        assert err == (
            f"supportnet: warning: There are no baselines: {gone}, which {run} was trained on, isn't there any more. "
            "Name the training messages with --baseline FILE, or say --no-baseline.\n"
        )
        assert shell(*command, "--no-baseline")[1] == ""
        assert shell.json(*command)["baselines"] is None
        assert set(shell.json(*command, "--baseline", write_csv(gone))["baselines"]) == {"svm", "majority"}
        columns = ["--text-column", "body", "--label-column", "topic"]
        _, err = shell("evaluate", folder / "run", "--data", folder / "tickets.csv", *columns)
        assert "24 of 24 messages (100%) were there in training: what they say is too good" in err


def test_no_baseline_and_a_test_split(shell: Shell, trained: dict[str, Any], folder: Path, tmp_path: Path) -> None:
    """What the next command reads has been held out."""
    run = shutil.copytree(folder / "run", tmp_path / "run")
    rows = [*((*row, "train") for row in ROWS), ("where is it", "track", "test")]
    data = write_csv(tmp_path / "split.csv", rows, ("body", "topic", "split"))
    command = [*train_command(folder), "--data", data, "--out", run, "--resume", "--no-baseline"]
    assert shell(*command)[0].splitlines()[-1] == f"wrote {run}; next: supportnet evaluate {run} --data {data}"
    kept = {name: value for name, value in trained["validation"].items() if name != "baselines"}
    assert json.loads((run / "metrics.json").read_text()) == kept


CONFIGS = [*(task.config for task in all_tasks()), NetworkConfig]
#: Headings of `train --help`, in order.
HEADINGS = ["Options", "Data", "Network", "Training", "Confidence"] + [
    f"Only for the task {task.name}"
    for task in all_tasks()
    if any(option.group == f"task {task.name}" for option in training_options().values())
]


def flags_of(command: click.Command) -> dict[str, click.Option]:
    """Return the options of a command by name; fail if two share one."""
    names = [option.name for option in command.params]
    assert len(names) == len(set(names))
    return {str(option.name): option for option in command.params if isinstance(option, click.Option)}


def assert_flag(option: click.Option, name: str, default: object) -> None:
    assert option.opts == [flag(name)]
    assert option.is_flag == isinstance(default, bool)
    assert option.get_default(click.Context(train)) == default
    # The group shows the defaults of all commands.
    assert cli.context_settings["show_default"]
    assert option.show_default is None


@pytest.mark.parametrize("config", CONFIGS)
def test_every_option_of_the_configurations_has_one_flag(config: type[Any]) -> None:
    """With the default of the first task that has a use for it."""
    flags = flags_of(train)
    for field in fields(config):
        # `--backbone` sets it.
        if field.name == "pretrained":
            continue
        assert field.default is not MISSING
        first = get_task(tasks_with(field.name)[0])
        owner = NetworkConfig if config is NetworkConfig else first.config
        default = next(one.default for one in fields(owner) if one.name == field.name)
        assert_flag(flags[field.name], field.name, default)


def test_every_option_of_pretraining_has_one_flag() -> None:
    """But what only the heads of the tasks have a use for."""
    heads = {name for task in all_tasks() for name in task.head_options}
    flags = flags_of(pretrain)
    assert not heads & set(flags)
    for field in (*fields(NetworkConfig), *fields(PretrainingConfig)):
        if field.name not in {*heads, "pretrained"}:
            assert_flag(flags[field.name], field.name, field.default)


def help_of(shell: Shell, command: str) -> str:
    """Return a command's help on one line, its hyphens at ends of lines joined."""
    return " ".join(shell(command, "--help")[0].split()).replace("- ", "-")


def entry_of(text: str, name: str) -> str:
    """Return what one line of help says of an option."""
    entry = text[re.search(rf" {flag(name)} (?=[A-Z\[])", text).end() :]  # type: ignore[union-attr]
    return re.split(r" --[a-z]|Only for the task ", entry)[0]


def test_help_lists_options_by_group(shell: Shell) -> None:
    out = shell("train", "--help")[0]
    found = re.findall(r"^(\w.*):$", out, re.MULTILINE)
    assert found == HEADINGS
    sections = dict(zip(HEADINGS, re.split(r"^\w.*:$", out, flags=re.MULTILINE)[1:], strict=True))
    titles = {option.group: option.group.capitalize() for option in training_options().values()}
    titles |= {f"task {task.name}": f"Only for the task {task.name}" for task in all_tasks()}
    for name, option in training_options().items():
        assert [title for title, text in sections.items() if f" {flag(name)} " in text] == [titles[option.group]]


def test_help_of_pretraining_lists_what_it_takes(shell: Shell) -> None:
    out = shell("pretrain", "--help")[0]
    found = re.split(r"^(\w.*):$", out, flags=re.MULTILINE)[1:]
    sections = dict(zip(found[::2], found[1::2], strict=True))
    assert list(sections) == ["Options", "Data", "Network", "Training"]
    for name, title in (("data", "Data"), ("text_column", "Data"), ("init", "Network"), ("preset", "Network")):
        assert [section for section, text in sections.items() if f" {flag(name)} " in text] == [title]
    # What reads messages with its decoder can't be pre-trained.
    assert f"{', '.join(encoder_names())}." in " ".join(out.split())
    assert "gpt" not in out


@pytest.mark.parametrize("name", [name for name in training_options() if training_options()[name].defaults])
def test_help_names_the_defaults_that_differ(shell: Shell, name: str) -> None:
    entry = entry_of(help_of(shell, "train"), name)
    for task in tasks_with(name):
        default = get_task(task).configs({})[0 if name in NetworkConfig.__dataclass_fields__ else 1]
        value = getattr(default, name)
        assert (f"; {value} for the task {task}" in entry) == (value != flags_of(train)[name].default)


@pytest.mark.parametrize("name", JOINT_DEFAULTS)
def test_help_names_the_defaults_of_several_tasks(shell: Shell, name: str) -> None:
    assert f"; {JOINT_DEFAULTS[name]} for several tasks" in entry_of(help_of(shell, "train"), name)


#: Every flag that 0.1 had, with its default in `--help`: neither goes or changes without a word in CHANGELOG.
FLAGS_OF_0_1: dict[str, dict[str, str | None]] = {
    "train": {
        **dict.fromkeys(
            [
                "config",
                "data",
                "data_dir",
                "train_oos",
                "text_column",
                "label_column",
                "reply_column",
                "split_column",
                "delimiter",
                "preset",
                "init",
                "embeddings",
                "require_coverage",
                "unlabelled",
                "out",
                "resume",
                "class_weights",
                "mixed_precision",
                "out_of_scope_share",
                "json",
            ]
        ),
        "context_turns": "3",
        "encoding": "utf-8",
        "task": "classify",
        "architecture": "bilstm_attention",
        "text_mode": "unicode",
        "seed": "0",
        "epochs": "20",
        "batch_size": "32",
        "learning_rate": "0.002",
        "warmup_share": "0.1",
        "weight_decay": "0.05",
        "ema_momentum": "0.0",
        "label_smoothing": "0.1",
        "patience": "5",
        "validation_share": "0.1",
        "precision": "0.95",
        "min_count": "2",
        "rounds": "2",
        "round_epochs": "10",
        "frozen_epochs": "0",
        "embedding_dim": "128",
        "hidden_dim": "96",
        "num_layers": "1",
        "num_heads": "4",
        "dropout_rate": "0.1",
        "num_buckets": "12000",
        "max_length": "128",
        "head_dropout_rate": "0.4",
        "word_dropout": "0.1",
        "num_pairs": "16384",
        "num_filters": "0",
        "hard_negatives": "0",
        "label_weight": "0.0",
        "vector_dim": "128",
        "batch_tokens": "4096",
        "pretraining_epochs": "0",
        "quality": "0.8",
        "num_pieces": "2000",
        "max_reply_length": "64",
    },
    "pretrain": {
        **dict.fromkeys(
            ["data", "data_dir", "text_column", "split_column", "delimiter", "init", "preset", "out", "resume", "json"]
        ),
        "context_turns": "3",
        "encoding": "utf-8",
        "architecture": "bilstm_attention",
        "text_mode": "unicode",
        "seed": "0",
        "epochs": "20",
        "batch_size": "64",
        "learning_rate": "0.002",
        "warmup_share": "0.1",
        "weight_decay": "0.05",
        "ema_momentum": "0.0",
        "patience": "5",
        "min_count": "2",
        "mask_share": "0.2",
        "validation_share": "0.05",
        "embedding_dim": "128",
        "hidden_dim": "96",
        "num_layers": "1",
        "num_heads": "4",
        "dropout_rate": "0.1",
        "num_buckets": "12000",
        "max_length": "128",
    },
}


@pytest.mark.parametrize("command", FLAGS_OF_0_1)
def test_flags_of_the_first_version_are_kept(shell: Shell, command: str) -> None:
    out = help_of(shell, command)
    for name, default in FLAGS_OF_0_1[command].items():
        entry = entry_of(out, name)
        assert (re.search(r"\[default: ([^\]]+)\]", entry) or [None, None])[1] == default


def test_help_shows_defaults_and_names(shell: Shell) -> None:
    out = help_of(shell, "train")
    assert "[default: 12000]" in out
    assert all(name in entry_of(out, "architecture") for name in encoder_names())
    assert "tiny, small, base" in out


def test_a_flag_beside_a_preset_wins(shell: Shell, tmp_path: Path) -> None:
    """Even with its default as its value; the run holds the numbers and not the preset's name."""
    command = ["train", "--data", write_csv(tmp_path / "tickets.csv"), "--out", tmp_path / "run", "--epochs", 1]
    command += ["--validation", "split"]
    shell(*command, "--architecture", "transformer", "--preset", "tiny", "--hidden-dim", 96, "--num-buckets", 500)
    network = json.loads((tmp_path / "run" / "config.json").read_text())["network"]
    sizes = {"embedding_dim": 64, "hidden_dim": 96, "num_layers": 1, "num_heads": 4, "num_buckets": 500}
    # Few messages are learned from with more words dropped.
    assert NetworkConfig(**network) == NetworkConfig(architecture="transformer", word_dropout=0.2, **sizes)


def test_options_without_a_default_are_numbers(shell: Shell) -> None:
    assert "'lots' is not a valid float" in shell.error(
        "train", "--data", "sample", "--out", "run", "--out-of-scope-share", "lots"
    )


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--num-heads", 3], "--num-heads must be at least 1 and divide embedding_dim (16). Received: num_heads=3"),
        (["--epochs", 0], "--epochs must be at least 1. Received: epochs=0"),
        (["--seed", -1], "--seed must be at least 0. Received: seed=-1"),
        (
            ["--architecture", "crystal-ball"],
            "--architecture must be one of bilstm_attention, transformer, conv, none, gpt, pretrained. Received",
        ),
        (
            ["--architecture", "gpt"],
            "--architecture must have an encoder for this: gpt is for written replies (--task reply). Received",
        ),
        (["--preset", "huge"], "--preset must be one of tiny, small, base. Received: preset='huge'"),
        (
            ["--validation-share", 1],
            "--validation-share must be at least 0 and below 1. Received: ",
        ),
        (["--precision", 0], "--precision must be above 0 and at most 1. Received: precision=0.0"),
        (
            ["--out-of-scope-share", 1.5],
            "--out-of-scope-share must be at least 0 and below 1. Received: out_of_scope_share=1.5",
        ),
        (["--epochs", "many"], "Invalid value for '--epochs': 'many' is not a valid integer."),
        (["--text-mode", "klingon"], "Invalid value for '--text-mode'"),
        (["--task", "dance"], "Invalid value for '--task'"),
        (["--text-column", "bodi"], "there is no column 'bodi'. Set text_column (--text-column) to one of the columns"),
        (["--delimiter", "ab"], "delimiter (--delimiter) must be one character"),
        (["--encoding", "klingon"], "klingon"),
    ],
)
def test_flags_that_cannot_be(shell: Shell, tmp_path: Path, flags: list[object], message: str) -> None:
    data = write_csv(tmp_path / "tickets.csv")
    command = ["train", "--data", data, *TINY, "--validation", "split", "--out", tmp_path / "run"]
    assert message in shell.error(*command, *flags)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "There is no file and no data source named"),
        (b"", "tickets.csv"),
        (b"text,intent\n", "tickets.csv"),
        (b"text,intent\nhello,greet\ncaf\xe9,greet\n", "tickets.csv, line 3"),
        (b"words,meaning\nhello,greet\n", "'words', 'meaning'"),
        (b"text,intent\nhello,greet\nhi,greet\n", "every message has the same one: 'greet'"),
        (b"text,intent\nhello,greet\nbye,leave\n", "needs an intent with at least two messages"),
    ],
)
def test_data_that_cannot_be_trained_on(shell: Shell, tmp_path: Path, content: bytes | None, message: str) -> None:
    if content is not None:
        (tmp_path / "tickets.csv").write_bytes(content)
    command = ["train", "--data", tmp_path / "tickets.csv", "--validation", "split", "--out", tmp_path / "run"]
    assert message in shell.error(*command)


def test_out_that_cannot_be_written(shell: Shell, tmp_path: Path) -> None:
    data = write_csv(tmp_path / "tickets.csv")
    command = ["train", "--data", data, *TINY, "--validation", "split", "--out"]
    assert "Not a directory" in shell.error(*command, data / "run")
    assert "choose another --out" in shell.error(*command, data)


def test_warning_is_one_line(shell: Shell, tmp_path: Path) -> None:
    """Here of an intent with one message; the run is there already, so that nothing is trained."""
    data = write_csv(tmp_path / "tickets.csv", [*ROWS, ("sing a song", "dance")])
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.json").touch()
    _, err = shell("train", "--data", data, "--validation", "split", "--out", tmp_path / "run", code=2)
    warning, error = err.splitlines()
    assert warning.startswith("supportnet: warning: Intents with a single message stay in training")
    assert error.startswith("supportnet: error: ")


@pytest.mark.slow
def test_ctrl_c(tmp_path: Path) -> None:
    data = write_csv(tmp_path / "tickets.csv")
    run = tmp_path / "run"
    command = [sys.executable, "-m", "supportnet", "train", "--data", data, *TINY, "--epochs", 9999, "--patience", 9999]
    command += ["--validation", "split"]
    process = subprocess.Popen(
        [str(argument) for argument in [*command, "--num-layers", 0, "--out", run, "--json"]],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(supportnet.__file__).parents[1])},
        # What a shell starts in the background ignores Ctrl-C, and so would this process.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    deadline = time.monotonic() + 120
    while not (run / "checkpoint.npz").exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert out == ""
    assert err.splitlines()[-1] == f"supportnet: stopped training; the same command with --resume goes on with {run}"
    assert "Traceback" not in err
    assert not list(run.glob(".incomplete-*"))

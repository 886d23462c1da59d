"""The whole line of written replies: train, evaluate, export, predict; mistakes are one line."""

import contextlib
import csv
import io
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from shell import Shell

from supportnet.cli.main import main
from supportnet.config import NetworkConfig
from supportnet.tasks import get_task
from supportnet.tasks.reply.config import ReplyConfig
from supportnet.tasks.reply.writer import NO_REPLY

PAIRS = [
    ("where is my parcel", "Your parcel left today.", "track"),
    ("refund my money", "We refund your money.", "refund"),
    ("cancel order 123456", "Order 123456 is cancelled, {first_name}.", "cancel"),
    ("hello there", "Hello! How can I help?", "greet"),
    ("just a remark", "", "greet"),
] * 5
SIZES = ["--embedding-dim", 16, "--hidden-dim", 8, "--num-heads", 2, "--num-layers", 1, "--num-buckets", 500]
REPLY_SIZES = ["--num-pieces", 280, "--max-reply-length", 6]
TINY = [*SIZES, *REPLY_SIZES, "--architecture", "none", "--epochs", 2, "--batch-tokens", 64, "--min-count", 1]
SPLIT = ["--validation-share", 0.3, "--quality", 0.7]
#: What `evaluate --json` says.
FIGURES = {
    *("task", "bleu", "rouge_l", "exact_match", "distinct_1", "distinct_2", "slot_accuracy", "bleu_signature"),
    *("intervals", "perplexity", "handoff_rate", "sent_quality", "tokens_per_second", "beam", "num_examples"),
    "examples",
}


def write_csv(path: Path, header: str, rows: list[tuple[str, ...]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header.split(","), *rows])
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reply")
    write_csv(folder / "chats.csv", "text,reply,intent", PAIRS)
    write_csv(folder / "labels.csv", "text,intent", [(text, intent) for text, _, intent in PAIRS])
    write_csv(folder / "bank.csv", "id,text", [("a", "Hello!")])
    write_csv(folder / "silent.csv", "text,reply,intent", [(text, " ", intent) for text, _, intent in PAIRS])
    return folder


def train_command(folder: Path, *more: object) -> list[object]:
    command = ["train", "--task", "reply", "--data", folder / "chats.csv"]
    return [*command, *TINY, *SPLIT, "--out", folder / "run", *more]


def quietly(*arguments: object) -> dict[str, Any]:
    """Run a command outside of a test; return what its --json says."""
    with contextlib.redirect_stdout(io.StringIO()) as out, pytest.raises(SystemExit) as exit_:
        main([*map(str, arguments), "--json"])
    assert exit_.value.code == 0
    answer: dict[str, Any] = json.loads(out.getvalue())
    return answer


@pytest.fixture(scope="module")
def trained(folder: Path) -> dict[str, Any]:
    return quietly(*train_command(folder))


@pytest.fixture(scope="module")
def other(folder: Path, trained: dict[str, Any]) -> None:
    """A folder that calls itself a run of another task."""
    shutil.copytree(folder / "run", folder / "other", ignore=shutil.ignore_patterns("logs"))
    config = json.loads((folder / "run" / "config.json").read_text())
    (folder / "other" / "config.json").write_text(json.dumps({**config, "task": "classify"}))


@pytest.fixture(scope="module")
def exported(folder: Path, trained: dict[str, Any]) -> dict[str, Any]:
    """What `supportnet export --json` prints."""
    return quietly("export", folder / "run", folder / "model", "--beam", 2)


def test_train(shell: Shell, trained: dict[str, Any], folder: Path) -> None:
    assert set(trained) == {"task", "run", "validation", "handoff", "coverage", "epochs"}
    assert (trained["task"], trained["run"], trained["epochs"]) == ("reply", str(folder / "run"), 2)
    assert set(trained["validation"]) == {"accuracy", "loss", "perplexity", "best_epoch"}
    assert trained["validation"] == json.loads((folder / "run" / "metrics.json").read_text())
    assert trained["handoff"] == json.loads((folder / "run" / "handoff.json").read_text())
    # Six validation replies are too few for a promise.
    assert (trained["handoff"]["threshold"], trained["handoff"]["target"]) == (None, 0.7)
    config = json.loads((folder / "run" / "config.json").read_text())
    sizes = {"embedding_dim": 16, "hidden_dim": 8, "num_layers": 1, "num_heads": 2, "num_buckets": 500}
    assert NetworkConfig(**config["network"]) == NetworkConfig("none", num_pieces=280, max_reply_length=6, **sizes)
    given = {"epochs": 2, "batch_tokens": 64, "min_count": 1, "validation_share": 0.3, "quality": 0.7}
    assert ReplyConfig(**config["training"]) == ReplyConfig(**given)
    # Messages without a reply are left out.
    assert (config["data"]["train_messages"], config["data"]["validation_messages"]) == (14, 6)
    assert "already holds a finished run" in shell.error(*train_command(folder))


def test_train_in_words(shell: Shell, trained: dict[str, Any], folder: Path) -> None:
    out, err = shell(*train_command(folder, "--resume"))
    perplexity, accuracy = trained["validation"]["perplexity"], trained["validation"]["accuracy"]
    epoch = trained["validation"]["best_epoch"]
    assert out.splitlines() == [
        f"perplexity {perplexity:.2f}, {accuracy:.1%} of the validation replies' pieces right (epoch {epoch})",
        "every reply is handed to a person: no threshold keeps the promise",
        f"wrote {folder / 'run'}; next: supportnet export {folder / 'run'} saved_models/NAME",
    ]
    warnings = [line for line in err.splitlines() if line.startswith("supportnet: warning: ")]
    assert len(warnings) == 1
    assert "A mean quality of 0.7 (--quality) can't be reached on validation data" in warnings[0]


@pytest.mark.parametrize(
    ("perplexity", "threshold", "line"),
    [
        (
            2.5,
            -0.4,
            "promise: replies that are sent have a mean quality (ROUGE-L) of 0.80; "
            "expected to be handed to a person: 24.5%",
        ),
        (2.5, None, "every reply is handed to a person: no threshold keeps the promise"),
        (None, None, "not validated (epoch 3): every reply is handed to a person"),
    ],
)
def test_a_promise_in_words(perplexity: float | None, threshold: float | None, line: str) -> None:
    metrics = {"perplexity": perplexity, "accuracy": perplexity and 0.75, "best_epoch": 3}
    lines = get_task("reply").describe(metrics, {"threshold": threshold, "target": 0.8, "rate": 0.245})
    assert list(lines)[-1] == line


def test_evaluate(shell: Shell, trained: dict[str, Any], folder: Path) -> None:
    figures = shell.json("evaluate", folder / "run", "--data", folder / "chats.csv", "--task", "reply")
    assert set(figures) == FIGURES
    assert (figures["task"], figures["num_examples"], figures["beam"]) == ("reply", 20, 1)
    assert set(figures["intervals"]) == {"bleu", "rouge_l", "exact_match"}
    # No threshold was found.
    assert (figures["handoff_rate"], figures["sent_quality"]) == (1, None)
    assert figures["perplexity"] > 1
    assert figures["tokens_per_second"] > 0
    assert 0 <= figures["slot_accuracy"] <= 1
    assert [set(example) for example in figures["examples"]] == [{"text", "written", "reply", "score"}] * 10


def test_evaluate_in_words(shell: Shell, trained: dict[str, Any], folder: Path) -> None:
    """With a beam, and without the task: the run says it."""
    command = ["evaluate", folder / "run", "--data", folder / "chats.csv", "--beam", 2]
    figures = shell.json(*command)
    assert figures["beam"] == 2
    lines = shell(*command)[0].splitlines()
    figure = {line.split()[0]: line.split()[1] for line in lines[: lines.index("")] if line[0].islower()}
    wanted = ["perplexity", "bleu", "rouge_l", "exact_match", "slot_accuracy", "handoff_rate"]
    assert {name: figure[name] for name in wanted} == {name: f"{figures[name]:.3f}" for name in wanted}
    assert "sent_quality" not in figure
    (bleu,) = (line for line in lines if line.startswith("bleu "))
    low, high = figures["intervals"]["bleu"]
    assert bleu.endswith(f"(95% from {low:.3f} to {high:.3f})")
    assert lines[lines.index("") - 1] == f"20 messages; {figures['bleu_signature']}"
    assert lines[lines.index("") + 1].split() == ["text", "written", "reply", "score"]
    assert len(lines) == lines.index("") + 2 + 10


def test_export(shell: Shell, exported: dict[str, Any], folder: Path) -> None:
    signatures = ["embed", "redact", "reply", "reply_sample", "serving_default"]
    assert exported == {"model": str(folder / "model" / "1"), "version": 1, "signatures": signatures}
    assert "1 is there already" in shell.error("export", folder / "run", folder / "model", "--version", 1)


def test_predict(shell: Shell, exported: dict[str, Any], folder: Path) -> None:
    ask = ["predict", folder / "model", "where is my parcel", ""]
    found = shell.json(*ask, "--signature", "reply")
    assert found == shell.json(*ask)
    assert (found["model"], found["signature"]) == (exported["model"], "reply")
    first, empty = found["predictions"]
    assert set(first) == {"text", "reply", "reply_score", "reply_tokens", "handoff"}
    assert (first["text"], first["handoff"], type(first["reply"])) == ("where is my parcel", True, str)
    assert empty == {"text": "", "reply": "", "reply_score": NO_REPLY, "reply_tokens": 0, "handoff": True}
    lines = shell(*ask)[0].splitlines()
    assert lines[0] == "where is my parcel"
    assert f"  (score {first['reply_score']:.3f}, hand it to a person)" in lines
    assert lines[-3:] == ["", "  no reply", f"  (score {NO_REPLY:.3f}, hand it to a person)"]


def test_predict_draws(shell: Shell, exported: dict[str, Any], folder: Path) -> None:
    """With the signature or without it; what isn't given has its default."""
    ask = ["predict", folder / "model", "where is my parcel", "refund my money"]
    options = ["--temperature", 1.5, "--top-p", 0.95, "--seed", 3]
    found = shell.json(*ask, "--signature", "reply_sample", *options)
    assert found["signature"] == "reply_sample"
    assert shell.json(*ask, *options) == shell.json(*ask, "--signature", "reply", *options) == found
    assert shell.json(*ask, *options, "--seed", 4)["predictions"] != found["predictions"]
    plain = shell.json(*ask, "--signature", "reply_sample")
    assert plain == shell.json(*ask, "--temperature", 1, "--top-p", 1, "--seed", 0)
    assert "hand it to a person" in shell(*ask, "--seed", 0)[0]


def test_predict_says_once_what_it_does_not_read(shell: Shell, exported: dict[str, Any], folder: Path) -> None:
    _, err = shell("predict", folder / "model", "where is my parcel " * 40, "hello " * 200, "hello")
    said = [line for line in err.splitlines() if line.startswith("supportnet: warning: ")]
    assert said == [
        "supportnet: warning: Of 2 of 3 messages only the first 128 tokens are read (--max-length): "
        "a conversation loses its oldest turns."
    ]


def test_predict_many(shell: Shell, exported: dict[str, Any], folder: Path, tmp_path: Path) -> None:
    """More than a batch holds, each with the seed."""
    (tmp_path / "in.txt").write_text("where is my parcel\n" * 70)
    shell("predict", folder / "model", "--input", tmp_path / "in.txt", "--output", tmp_path / "out.jsonl", "--seed", 5)
    answers = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert len(answers) == 70
    assert len({answer["reply"] for answer in answers}) == 1


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["predict", "model", "hi", "--signature", "classify"], "no signature 'classify'"),
        (["predict", "model", "hi", "--signature", "embed", "--seed", 1], "no signature 'embed_sample'"),
        (["predict", "model", "hi", "--tag", "en"], "no signature 'suggest_filtered'"),
        (["predict", "model", "hi", "--tag", "en", "--top-p", 1], "Give either --tag or --top-p"),
        (["predict", "model", "hi", "--temperature", "warm"], "'warm' is not a valid float"),
        (["predict", "model", "hi", "--seed", 2**31], "Invalid value for '--seed'"),
        (["predict", "model", "hi", "--seed", "1.5"], "'1.5' is not a valid integer"),
        (["export", "run", "new", "--beam", 0], "Invalid value for '--beam'"),
        (["export", "other", "new", "--beam", 2], "--beam is for models that write replies. other is none."),
        (["evaluate", "run"], "--data is missing"),
        (["evaluate", "run", "--data", "chats.csv", "--beam", 0], "Invalid value for '--beam'"),
        (
            ["evaluate", "other", "--data", "chats.csv", "--beam", 2],
            "--beam does not apply to models of the task classify",
        ),
        (
            ["evaluate", "run", "--data", "chats.csv", "--against", "run"],
            "--against does not apply to models of the task reply",
        ),
        (
            ["evaluate", "run", "--data", "chats.csv", "--plots", "new"],
            "--plots does not apply to models of the task reply",
        ),
        (
            ["evaluate", "run", "--data", "chats.csv", "--bank", "chats.csv"],
            "--bank does not apply to models of the task reply",
        ),
        (["evaluate", "run", "--data", "labels.csv"], "there is no column 'reply'"),
        (["evaluate", "run", "--data", "silent.csv"], "no message has a reply"),
        (["evaluate", "other", "--data", "chats.csv", "--task", "reply"], "must hold a run of the task reply"),
        (["evaluate", "run", "--data", "chats.csv", "--task", "suggest"], "must hold a run of the task suggest"),
        (["evaluate", "run", "--data", "chats.csv", "--task", "classify"], "must hold a run of the task classify"),
        (["index", "run", "--bank", "bank.csv", "--out", "new"], "must hold a run of the task suggest"),
    ],
)
def test_mistakes(
    shell: Shell,
    exported: dict[str, Any],
    other: None,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: list[object],
    message: str,
) -> None:
    monkeypatch.chdir(folder)
    assert message in shell.error(*command)
    assert not (folder / "new").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--batch-size", 8], "--batch-size is for --task classify or suggest or attributes."),
        (["--head-dropout-rate", 0.1], "--head-dropout-rate is for --task classify or suggest or attributes."),
        (["--rounds", 2], "--rounds is for --task classify."),
        (["--unlabelled", "chats.csv"], "--unlabelled is for --task classify."),
        (["--label-weight", 1], "--label-weight is for --task suggest."),
        (["--task", "classify", "--batch-tokens", 64], "--batch-tokens is for --task reply."),
        (["--task", "suggest", "--batch-tokens", 64], "--batch-tokens is for --task reply."),
        (["--task", "suggest", "--pretraining-epochs", 2], "--pretraining-epochs is for --task reply."),
        (["--pretraining-epochs", -1], "--pretraining-epochs must be at least 0. Received: pretraining_epochs=-1"),
        (
            ["--task", "suggest", "--label-smoothing", 0.1],
            "--label-smoothing is for --task classify or reply or attributes.",
        ),
        (["--batch-tokens", 0], "--batch-tokens must be at least 1. Received: batch_tokens=0"),
        (["--quality", 0], "--quality must be above 0 and at most 1. Received: quality=0.0"),
        (["--max-reply-length", 0], "--max-reply-length must be at least 1. Received: max_reply_length=0"),
        (["--num-layers", 0], "--num-layers must be at least 1. Received: num_layers=0"),
        (["--num-pieces", 100], "--num-pieces must be at least 261"),
        (["--data", "labels.csv"], "there is no column 'reply'"),
        (
            ["--data", "silent.csv"],
            "No message of silent.csv has a reply. Is there a column of replies (--reply-column)",
        ),
    ],
)
def test_runs_that_cannot_be_trained(
    shell: Shell, folder: Path, monkeypatch: pytest.MonkeyPatch, options: list[object], message: str
) -> None:
    monkeypatch.chdir(folder)
    command = ["train", "--task", "reply", "--data", "chats.csv", "--embedding-dim", 16, "--num-heads", 2]
    assert message in shell.error(*command, "--out", "new", *options)
    assert not (folder / "new").exists()


def test_help_shows_examples(shell: Shell) -> None:
    for command, example in (
        ("train", "--task reply --data star --data-dir downloads"),
        ("evaluate", "supportnet evaluate runs/replies --data star --data-dir downloads --beam 4"),
        ("export", "supportnet export runs/replies saved_models/replies --beam 4"),
        ("predict", '"where is my parcel?" --temperature 0.7 --top-p 0.9 --seed 1'),
    ):
        assert example in shell(command, "--help")[0]

"""The whole line of suggestions: train, index, predict, evaluate; mistakes are one line."""

import contextlib
import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from shell import Shell

from supportnet.cli.main import main
from supportnet.config import NetworkConfig
from supportnet.tasks.suggest.config import SuggestConfig

PAIRS = [
    ("where is my parcel", "Your parcel left today.", "track"),
    ("refund my money", "We refund your money.", "refund"),
    ("cancel the order", "Your order is cancelled.", "cancel"),
    ("hello there", "Hello! How can I help?", "greet"),
] * 5
BANK = [
    ("a1", "Your parcel left today.", "delivery|track", "en"),
    ("a2", "YOUR PARCEL LEFT TODAY", "delivery", "en"),
    ("a3", "We refund your money.", "money", "en"),
    ("a4", "Votre commande est annulée.", "order", "fr"),
    ("a5", "Hello! How can I help?", "", "en"),
]
SIZES = ["--embedding-dim", 16, "--hidden-dim", 8, "--num-heads", 2, "--num-buckets", 500, "--vector-dim", 16]
TINY = [*SIZES, "--architecture", "none", "--epochs", 2, "--batch-size", 8, "--min-count", 1, "--label-weight", 0.5]


def write_csv(path: Path, header: str, rows: list[tuple[str, ...]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header.split(","), *rows])
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("suggest")
    write_csv(folder / "chats.csv", "text,reply,intent", PAIRS)
    write_csv(folder / "bank.csv", "id,text,tags,language", BANK)
    write_csv(folder / "queries.csv", "query,relevant", [("my parcel?", "a1|a2"), ("money", "a3")])
    return folder


def train_command(folder: Path, *more: object) -> list[object]:
    command = ["train", "--task", "suggest", "--data", folder / "chats.csv"]
    return [*command, *TINY, "--validation-share", 0.3, "--out", folder / "run", *more]


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
def indexed(folder: Path, trained: dict[str, Any]) -> dict[str, Any]:
    """What `supportnet index --json` prints."""
    return quietly("index", folder / "run", "--bank", folder / "bank.csv", "--out", folder / "model")


def test_train(shell: Shell, trained: dict[str, Any], folder: Path) -> None:
    assert set(trained) == {"task", "run", "validation", "relevance", "coverage", "epochs"}
    assert (trained["task"], trained["run"], trained["epochs"]) == ("suggest", str(folder / "run"), 2)
    assert set(trained["relevance"]) == {"inverse_temperature", "prior", "agreement", "null_logit"}
    assert trained["validation"] == json.loads((folder / "run" / "metrics.json").read_text())
    config = json.loads((folder / "run" / "config.json").read_text())
    sizes = {"embedding_dim": 16, "hidden_dim": 8, "num_heads": 2, "num_buckets": 500, "vector_dim": 16}
    assert NetworkConfig(**config["network"]) == NetworkConfig(architecture="none", head_dropout_rate=0.1, **sizes)
    given = {"epochs": 2, "batch_size": 8, "min_count": 1, "label_weight": 0.5, "validation_share": 0.3}
    assert SuggestConfig(**config["training"]) == SuggestConfig(**given)
    assert "already holds a finished run" in shell.error(*train_command(folder))


def test_train_in_words(shell: Shell, trained: dict[str, Any], folder: Path) -> None:
    lines = shell(*train_command(folder, "--resume"))[0].splitlines()
    epoch, accuracy = trained["validation"]["best_epoch"], trained["validation"]["accuracy"]
    assert lines == [
        f"{accuracy:.1%} of the validation replies rank first among those of 256 messages (epoch {epoch})",
        f"wrote {folder / 'run'}; next: supportnet index {folder / 'run'} --bank FILE --out saved_models/NAME",
    ]


def test_index(shell: Shell, indexed: dict[str, Any], folder: Path, tmp_path: Path) -> None:
    """The first time of a run, then of the model itself, with another bank and a FAISS file."""
    own = ["suggest", "suggest_filtered", "embed", "embed_message", "embed_answer"]
    signatures = sorted([*own, "redact", "serving_default"])
    facts = {"entries": 5, "answers": 4, "signatures": signatures, "faiss": None}
    assert indexed == {"model": str(folder / "model" / "1"), "version": 1, **facts}
    pytest.importorskip("faiss")
    bank = write_csv(tmp_path / "new.csv", "body,name", [("All new.", "n1"), ("Another.", "n2")])
    columns = ["--bank", bank, "--id-column", "name", "--faiss", tmp_path / "new.faiss"]
    out, _ = shell("index", folder / "model" / "1", *columns, "--out", tmp_path / "model", "--version", 3)
    assert out.splitlines() == [
        f"wrote {tmp_path / 'model' / '3'}: 2 answers of 2 entries, near-duplicates once",
        f"wrote {tmp_path / 'new.faiss'} and {tmp_path / 'new.faiss'}.ids.json",
    ]
    assert json.loads((tmp_path / "new.faiss.ids.json").read_text()) == ["n1", "n2"]
    found = shell.json("predict", tmp_path / "model", "hello")["predictions"][0]
    assert set(found["suggestion_ids"]) == {"n1", "n2", ""}
    command = ["index", folder / "model", "--bank", bank, "--out", tmp_path / "model", "--version", 3]
    assert "3 is there already" in shell.error(*command)


def test_predict(shell: Shell, indexed: dict[str, Any], folder: Path) -> None:
    ask = ["predict", folder / "model", "where is my parcel", "", "--top-k", 3]
    found = shell.json(*ask, "--signature", "suggest")
    assert found == shell.json(*ask)
    assert (found["model"], found["signature"]) == (indexed["model"], "suggest")
    first, empty = found["predictions"]
    outputs = {"suggestions", "suggestion_ids", "suggestion_scores", "has_suggestion"}
    assert set(first) == {"text"} | outputs
    assert [len(first[name]) for name in sorted(outputs - {"has_suggestion"})] == [3, 3, 3]
    assert empty["suggestion_ids"] == ["", "", ""]
    lines = shell(*ask)[0].splitlines()
    table = lines[lines.index("where is my parcel") + 1 : lines.index("")]
    assert [line.split()[0] for line in table if line.split()[0] in {row[0] for row in BANK}] == first["suggestion_ids"]
    assert lines[lines.index("") + 1 :] == ["  nothing to suggest: no answer is likely enough"]


@pytest.mark.parametrize(("tag", "ids"), [("money", ["a3"]), ("fr", ["a4"]), ("nobody's", [])])
def test_predict_with_a_tag(shell: Shell, indexed: dict[str, Any], folder: Path, tag: str, ids: list[str]) -> None:
    found = shell.json("predict", folder / "model", "hello", "--tag", tag)
    assert found["signature"] == "suggest_filtered"
    assert found["predictions"][0]["suggestion_ids"] == [*ids, *[""] * (3 - len(ids))]


def test_predict_has_signatures(shell: Shell, indexed: dict[str, Any], folder: Path) -> None:
    embedding = shell.json("predict", folder / "model", "hi", "--signature", "embed")["predictions"][0]["embedding"]
    # The vector, four labels, and the prior.
    assert len(embedding) == 2 * 16 + 4 + 1
    assert "no signature 'classify'" in shell.error("predict", folder / "model", "hi", "--signature", "classify")
    assert "no signature 'embed_filtered'" in shell.error(
        *("predict", folder / "model", "hi", "--signature", "embed", "--tag", "en")
    )
    assert "must get the inputs tag, text" in shell.error(
        *("predict", folder / "model", "hi", "--signature", "suggest_filtered")
    )


def test_evaluate_replies(shell: Shell, trained: dict[str, Any], folder: Path) -> None:
    figures = shell.json("evaluate", folder / "run", "--data", folder / "chats.csv")
    names = {"mrr", *(f"recall_at_{k}" for k in (1, 3, 5, 10))}
    names |= {f"bank_{name}" for name in names} | {"bank_share", "label_accuracy"}
    assert set(figures) == names | {"task", "intervals", "bank_size", "num_examples", "milliseconds_per_message"}
    assert set(figures["intervals"]) == names
    assert (figures["num_examples"], figures["bank_size"], figures["bank_share"]) == (20, 4, 1)
    # Fewer than 100 different replies.
    assert figures["recall_at_1"] is None
    out, _ = shell("evaluate", folder / "run", "--data", folder / "chats.csv", "--bank", folder / "bank.csv")
    # The bank lacks one of the four replies.
    assert ["bank_share", "0.750"] in [line.split()[:2] for line in out.splitlines()]
    assert out.splitlines()[-1] == "20 messages, 5 answers in the bank"


def test_evaluate_queries(shell: Shell, trained: dict[str, Any], folder: Path) -> None:
    command = ["evaluate", folder / "run", "--bank", folder / "bank.csv", "--queries", folder / "queries.csv"]
    figures = shell.json(*command)
    names = {"map", "mrr", *(f"recall_at_{k}" for k in (1, 3, 5, 10))}
    assert set(figures) == names | {"task", "intervals", "bank_size", "num_examples"}
    assert (figures["num_examples"], figures["bank_size"], figures["recall_at_5"]) == (2, 5, 1)
    assert shell(*command)[0].splitlines()[-1] == "2 messages, 5 answers in the bank"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"id,text\nx,Hi\nx,Ho\n", "bank.csv, row 3: the id 'x' is already that of"),
        (b"id,text\nx,Hi\ny,  \n", "bank.csv, row 3: 'text' is empty"),
        (b"id,text\n", "has a header, but no rows"),
        (b"id,text\nx,caf\xe9\n", "bank.csv, line 2"),
        (b"", "is empty"),
        (None, "bank.csv"),
    ],
)
def test_banks_that_cannot_be_read(
    shell: Shell, trained: dict[str, Any], folder: Path, tmp_path: Path, content: bytes | None, message: str
) -> None:
    if content is not None:
        (tmp_path / "bank.csv").write_bytes(content)
    bank = ["--bank", tmp_path / "bank.csv"]
    assert message in shell.error("index", folder / "run", *bank, "--out", tmp_path / "model")
    assert not (tmp_path / "model").exists()
    assert message in shell.error("evaluate", folder / "run", *bank, "--queries", folder / "queries.csv")


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (
            ["train", "--task", "suggest", "--data", "chats.csv", "--out", "new", "--rounds", 2],
            "--rounds is for --task",
        ),
        (
            ["train", "--task", "suggest", "--data", "chats.csv", "--out", "new", "--unlabelled", "chats.csv"],
            "--unlabelled is for --task classify",
        ),
        (
            ["train", "--data", "chats.csv", "--out", "new", "--label-weight", 1],
            "--label-weight is for --task suggest",
        ),
        (
            ["train", "--task", "suggest", "--data", "chats.csv", "--out", "new", "--batch-size", 1],
            "--batch-size must be at least 2",
        ),
        (["train", "--task", "suggest", "--data", "queries.csv", "--out", "new"], "there is no column 'reply'"),
        (["evaluate", "run"], "Give either --data, or --bank with --queries."),
        (["evaluate", "run", "--queries", "queries.csv"], "Give either --data, or --bank with --queries."),
        (["evaluate", "run", "--data", "chats.csv", "--queries", "queries.csv", "--bank", "bank.csv"], "Give either"),
        (
            ["evaluate", "run", "--data", "chats.csv", "--plots", "new"],
            "--plots does not apply to models of the task suggest",
        ),
        (
            ["evaluate", "run", "--data", "chats.csv", "--against", "run"],
            "--against does not apply to models of the task suggest",
        ),
        (["evaluate", "nowhere"], "--data is missing"),
        (
            ["evaluate", "nowhere", "--data", "chats.csv", "--bank", "bank.csv"],
            "--bank does not apply to models of the task classify",
        ),
        (
            ["evaluate", "run", "--bank", "bank.csv", "--queries", "unknown.csv"],
            "unknown.csv, row 2: there is no answer 'a9' in bank.csv",
        ),
        (["export", "run", "new"], "run suggests answers: name a file of them with --bank."),
        (["index", "nowhere", "--bank", "bank.csv", "--out", "new"], "no exported model at nowhere"),
        (["index", "run", "--bank", "bank.csv", "--out", "new", "--min-score", 1], "--min-score must be"),
        (["index", "run", "--bank", "bank.csv", "--out", "bank.csv"], "The export to bank.csv failed: "),
        (["index", "run", "--out", "new"], "Missing option '--bank'"),
    ],
)
def test_mistakes(
    shell: Shell,
    trained: dict[str, Any],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: list[object],
    message: str,
) -> None:
    monkeypatch.chdir(folder)
    write_csv(folder / "unknown.csv", "query,relevant", [("money", "a3|a9")])
    assert message in shell.error(*command)
    assert not (folder / "new").exists()


def test_help_shows_examples(shell: Shell) -> None:
    out, _ = shell("index", "--help")
    assert "  supportnet index runs/answers --bank answers.csv --out saved_models/answers\n" in out
    assert "  supportnet index saved_models/answers --bank new_answers.csv" in out
    assert "--task suggest" in shell("train", "--help")[0]

"""Messages without labels: which ones of a source are taken, and which options it is asked with."""

import csv
import gzip
import json
from pathlib import Path

import pytest

from supportnet.data import load, load_unlabelled
from supportnet.data.files import load_file
from supportnet.data.ticket import Ticket
from supportnet.errors import UserError

DUMMY_DATA = Path(__file__).parent / "dummy_data"


def write(path: Path, *rows: tuple[str, ...], delimiter: str = ",", encoding: str = "utf-8") -> Path:
    with path.open("w", newline="", encoding=encoding) as file:
        csv.writer(file, delimiter=delimiter).writerows(rows)
    return path


def texts(*sources: object, **options: object) -> list[list[str]]:
    return [[ticket.text for ticket in dataset["train"]] for dataset in load_unlabelled(sources, **options)]


def test_a_file_needs_no_labels(tmp_path: Path) -> None:
    path = write(tmp_path / "tickets.csv", ("text",), ("Hi",), ("Où est-il ?",))
    (dataset,) = load_unlabelled([path])
    assert dataset.splits == {"train": [Ticket("Hi"), Ticket("Où est-il ?")]}
    assert (dataset.name, dataset.source) == (str(path), str(path))
    with pytest.raises(UserError, match="no column has a usual name"):
        load(path)


def test_labels_are_not_read(tmp_path: Path) -> None:
    """Nor whether there is one in every row, or one column of them."""
    path = write(tmp_path / "tickets.csv", ("text", "intent", "topic"), ("Hi", "greet", "a"), ("Bye", "", "b"))
    assert load_unlabelled([path])[0]["train"] == [Ticket("Hi"), Ticket("Bye")]
    assert load_file(path, labelled=False)["all"] == [Ticket("Hi"), Ticket("Bye")]
    with pytest.raises(UserError, match="several columns could be meant"):
        load_file(path)
    with pytest.raises(UserError, match="the label in column 'intent' is empty"):
        load_file(path, label_column="intent")


def test_further_labels_are_not_read_either(tmp_path: Path) -> None:
    path = write(tmp_path / "tickets.csv", ("text", "priority"), ("Hi", "high"))
    own, sample = load_unlabelled([path, "sample"], attribute_columns=["priority", "none"])
    assert own["train"] == [Ticket("Hi")]
    assert not any(ticket.labels for ticket in sample["train"])


def test_a_label_column_that_is_not_there_does_not_matter(tmp_path: Path) -> None:
    """`train` reads its labelled file and the others with the same options."""
    path = write(tmp_path / "tickets.csv", ("body",), ("Hi",))
    assert texts(path, text_column="body", label_column="topic", reply_column="answer", train_oos=True) == [["Hi"]]


def test_what_a_file_has_for_validation_and_test_is_left_out(tmp_path: Path) -> None:
    rows = [("Hi", "train"), ("Secret", "test"), ("Bye", "training"), ("Psst", "val")]
    assert texts(write(tmp_path / "tickets.csv", ("text", "split"), *rows)) == [["Hi", "Bye"]]
    assert texts(write(tmp_path / "parts.csv", ("text", "part"), *rows), split_column="part") == [["Hi", "Bye"]]
    path = write(tmp_path / "test.csv", ("text", "split"), ("Secret", "test"))
    with pytest.raises(UserError, match=r"test\.csv has no split named 'train'\. It has: test"):
        load_unlabelled([path])


def test_a_named_source_gives_what_it_has_for_training() -> None:
    sample = load("sample")
    (dataset,) = load_unlabelled(["sample"])
    assert (dataset.name, dataset.licence, list(dataset.splits)) == ("sample", sample.licence, ["train"])
    assert [ticket.text for ticket in dataset["train"]] == [ticket.text for ticket in sample["train"]]
    assert {ticket.intent for ticket in dataset["train"]} == {None}
    assert len(sample["test"]) > 0


@pytest.mark.filterwarnings("ignore:.*isn't the recorded file")
def test_sources_side_by_side_each_with_its_options(dummy_data: Path, tmp_path: Path) -> None:
    """A named source isn't asked for columns, a file isn't asked for turns; the order is that of the sources."""
    path = write(tmp_path / "tickets.txt", ("body", "part"), ("Hé", "train"), delimiter="|", encoding="latin-1")
    options = {"text_column": "body", "split_column": "part", "delimiter": "|", "encoding": "latin-1"}
    banking, star, own = texts("banking77", "star", path, data_dir=dummy_data, context_turns=1, **options)
    assert own == ["Hé"]
    assert banking == [ticket.text for ticket in load("banking77", data_dir=dummy_data)["train"]]
    assert star == [ticket.text for ticket in load("star", data_dir=dummy_data, context_turns=1)["train"]]
    assert texts(path, "star", data_dir=dummy_data, **options) == [
        own,
        [ticket.text for ticket in load("star", data_dir=dummy_data)["train"]],
    ]


def test_no_out_of_scope_messages_are_added() -> None:
    """They are for training with labels; whoever wants them can give the source's own files."""
    assert (
        len(texts("sample", train_oos=True)[0])
        == len(load("sample")["train"])
        < len(load("sample", train_oos=True)["train"])
    )


def test_other_formats(tmp_path: Path) -> None:
    lines = tmp_path / "tickets.jsonl.gz"
    lines.write_bytes(gzip.compress("".join(json.dumps({"message": text}) + "\n" for text in ("a", "b")).encode()))
    table = write(tmp_path / "tickets.tsv", ("query", "n"), ("c", "1"), delimiter="\t")
    assert texts(str(lines), table) == [["a", "b"], ["c"]]


@pytest.mark.parametrize(("name", "hint"), [("tickets.csv", ""), ("banking7", "Did you mean 'banking77'")])
def test_a_source_that_is_none(name: str, hint: str) -> None:
    with pytest.raises(UserError, match=rf"no data source named '{name}'.*{hint}"):
        load_unlabelled(["sample", name])


def test_a_text_column_that_is_none(tmp_path: Path) -> None:
    path = write(tmp_path / "tickets.csv", ("words",), ("Hi",))
    with pytest.raises(UserError, match=r"no column has a usual name\. Set text_column \(--text-column\) to one of"):
        load_unlabelled([path])
    with pytest.raises(UserError, match=r"there is no column 'body'"):
        load_unlabelled([path], text_column="body")

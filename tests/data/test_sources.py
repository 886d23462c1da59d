import json
import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from supportnet.data import Ticket, list_sources, load
from supportnet.data.upstream import read_copy, recorded_files
from supportnet.errors import UserError

DUMMY_DATA = Path(__file__).parent / "dummy_data"
NAMES = ["sample", "banking77", "clinc150", "clinc150/small", "clinc150/imbalanced", "clinc150/oos_plus", "star"]


@pytest.fixture
def own_csv(tmp_path):
    path = tmp_path / "tickets.csv"
    path.write_text("text;topic;part\nHi;greet;train\nBye;part;test\n", encoding="utf-16")
    return path


def test_every_source_says_what_it_is():
    sources = list_sources()
    assert [source["name"] for source in sources] == NAMES
    for source in sources:
        assert list(source) == ["name", "description", "licence", "source", "citation"]
        assert all(value and "\n" not in value for value in source.values())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.filterwarnings("ignore:.*isn't the recorded file")
def test_every_named_source_loads_under_its_name(name, dummy_data):
    dataset = load(name, data_dir=dummy_data)
    assert dataset.name == name
    assert dataset["train"]


def test_a_file_loads_with_its_options(own_csv):
    options = {"label_column": "topic", "split_column": "part", "encoding": "utf-16"}
    for path in (own_csv, str(own_csv)):
        dataset = load(path, **options)
        assert dataset["train"] == [Ticket("Hi", "greet", split="train")]
        assert dataset["test"] == [Ticket("Bye", "part", split="test")]
    assert (
        load(own_csv, text_column="part", label_column="topic", delimiter=";", encoding="utf-16")["all"][1].text
        == "test"
    )


def test_what_was_loaded_says_how_to_load_it_again(own_csv, dummy_data, tmp_path, monkeypatch):
    """From whatever folder, and by way of JSON; only what was asked for is repeated."""
    monkeypatch.chdir(tmp_path)
    options = {"label_column": "topic", "encoding": "utf-16", "attribute_columns": ("part",), "delimiter": None}
    dataset = load(own_csv.name, **options)
    (file,) = json.loads(json.dumps(dataset.files))
    reading = {"label_column": "topic", "encoding": "utf-16", "attribute_columns": ["part"]}
    assert file == {"path": str(own_csv), "reading": reading}
    monkeypatch.chdir("/")
    assert load(file["path"], **file["reading"]).splits == dataset.splits
    assert load("sample", train_oos=False).files == ({"path": "sample", "reading": {}},)
    monkeypatch.chdir(dummy_data)
    (file,) = load("star", data_dir=".", context_turns=1).files
    assert file == {"path": "star", "reading": {"data_dir": str(dummy_data), "context_turns": 1}}


def test_a_path_may_have_the_name_of_a_source(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("banking77").write_text("text,intent\nHi,greet\n", encoding="utf-8")
    assert load("./banking77", delimiter=",")["all"] == [Ticket("Hi", "greet")]
    assert load(Path("banking77"), delimiter=",")["all"] == [Ticket("Hi", "greet")]


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [("banking7", "banking77"), ("CLINC150", "clinc150"), ("clinc150/smal", "clinc150/small")],
)
def test_an_unknown_name_lists_the_sources_and_suggests_the_closest(name, suggestion):
    with pytest.raises(UserError) as caught:
        load(name)
    assert f"no data source named {name!r}" in str(caught.value)
    assert ", ".join(NAMES) in str(caught.value)
    assert str(caught.value).endswith(f"Did you mean {suggestion!r}?")


@pytest.mark.parametrize("name", ["my tickets.csv", Path("folder") / "t.jsonl", "", "x" * 5000])
def test_a_missing_file_is_named_without_a_far_fetched_suggestion(name):
    with pytest.raises(UserError) as caught:
        load(name)
    assert repr(os.fspath(name)) in str(caught.value)
    assert "Did you mean" not in str(caught.value)


@pytest.mark.filterwarnings("ignore:.*isn't the recorded file")
def test_a_text_holds_as_many_turns_as_are_asked_for(dummy_data):
    for options, num_lines in (({}, 3), ({"context_turns": 1}, 1), ({"context_turns": 2}, 2)):
        text = load("star", data_dir=dummy_data, **options)["train"][1].text
        assert text.count("\n") + 1 == num_lines


@pytest.mark.parametrize("name", ["sample", "banking77", "clinc150/small", "own file"])
def test_turns_are_refused_for_sources_without_them(name, own_csv):
    path = own_csv if name == "own file" else name
    with pytest.raises(
        UserError, match=rf"^context_turns \(--context-turns\) is for star, .*, not for {path}\. .*context_turns=2$"
    ):
        load(path, data_dir=DUMMY_DATA, context_turns=2)


def test_an_option_that_no_source_has_is_named():
    with pytest.raises(UserError, match=r"no option named 'seed'\. .*: train_oos, attribute_columns, data_dir, "):
        load("sample", seed=1)


@pytest.mark.filterwarnings("ignore:.*isn't the recorded file")
def test_sources_without_out_of_scope_training_messages_ignore_the_wish_for_them(own_csv, dummy_data):
    options = {"label_column": "topic", "split_column": "part", "encoding": "utf-16"}
    assert load(own_csv, train_oos=True, **options) == load(own_csv, **options)
    assert load("star", data_dir=dummy_data, train_oos=True) == load("star", data_dir=dummy_data)


@pytest.mark.parametrize(
    "option", ["text_column", "label_column", "reply_column", "split_column", "attribute_columns", "delimiter"]
)
def test_options_of_files_are_refused_for_named_sources(option):
    flag = "--" + option.replace("_", "-")
    with pytest.raises(UserError, match=rf"{option} \({flag}\) is for files, not for banking77"):
        load("banking77", data_dir=DUMMY_DATA, **{option: "x"})


def test_a_missing_copy_is_named_with_its_address(tmp_path):
    with pytest.raises(
        UserError, match=r"banking77/categories\.json is missing.*https://raw\.github.*categories\.json$"
    ):
        load("banking77", data_dir=tmp_path)


def test_a_copy_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "banking77" / "categories.json").mkdir(parents=True)
    with pytest.raises(UserError, match=r"categories\.json can't be read: Is a directory"):
        load("banking77", data_dir=tmp_path)


def test_a_copy_that_is_not_the_recorded_file_is_read_with_a_warning():
    file = recorded_files()["test.csv"]
    with pytest.warns(UserWarning, match=r"test\.csv isn't the recorded file \(its SHA-256 differs"):
        content = read_copy(DUMMY_DATA / "banking77", file)
    assert content == (DUMMY_DATA / "banking77" / "test.csv").read_bytes()


def test_the_recorded_file_is_read_without_a_warning(tmp_path):
    file = recorded_files()["domains.json"]
    content = b"in place of the recorded file"
    (tmp_path / file.name).write_bytes(content)
    recorded = type(file)(
        file.url, len(content), "2504cc0057b6025c1f01248619beccfdd404d77b15f47901ae76ae4027d8275b", file.name
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_copy(tmp_path, recorded) == content


IMPORT_SCRIPT = """
import sys
import supportnet.data
supportnet.data.load(sys.argv[1], data_dir=sys.argv[2])
print({module.partition(".")[0] for module in sys.modules} & set(sys.argv[3:]))
"""


@pytest.mark.parametrize("name", ["clinc150", "star"])
def test_reading_copies_imports_no_heavy_library(name, dummy_data):
    heavy = ["tensorflow", "keras", "pandas", "tensorflow_datasets", "requests", "numpy", "sklearn", "nltk"]
    command = [sys.executable, "-W", "ignore", "-c", IMPORT_SCRIPT, name, str(dummy_data), *heavy]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == "set()"

"""`supportnet tune`, and `train --config` that takes what it found."""

import json
from pathlib import Path
from typing import Any

import pytest
from shell import Shell

from supportnet.files import read_json

SPACE = """
learning_rate = {low = 0.005, high = 0.05, log = true}
hidden_dim = [8, 12]
embedding_dim = [16]
num_heads = [2]
num_buckets = [200]
min_count = [1]
"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    words = ("refund", "track", "cancel")
    splits = [("train", 8), ("validation", 3), ("test", 1)]
    rows = [f"{word} {word} {n},{word},{split}" for word in words for split, count in splits for n in range(count)]
    path = tmp_path / "tickets.csv"
    path.write_text("\n".join(["text,intent,split", *rows]))
    (tmp_path / "space.toml").write_text(SPACE)
    return path


def command(data: Path, *more: object) -> list[object]:
    space = data.parent / "space.toml"
    return ["tune", "--data", data, "--space", space, "--architecture", "none", "--epochs", 2, *more]


@pytest.mark.slow
def test_a_search_goes_on_and_its_best_options_train_a_model(shell: Shell, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "search"
    first = shell.json(*command(data, "--trials", 2, "--out", out))
    assert len(first["trials"]) == 2
    more = shell.json(*command(data, "--trials", 3, "--out", out))
    kept = [json.dumps(trial, sort_keys=True) for trial in more["trials"]]
    assert len(kept) == 3
    assert {json.dumps(trial, sort_keys=True) for trial in first["trials"]} < set(kept)
    assert more["score"] == max(trial["score"] for trial in more["trials"])
    assert 0.005 <= more["best"]["learning_rate"] <= 0.05
    shell("train", "--config", out / "best.toml", "--epochs", 1, "--data", data, "--out", tmp_path / "run")
    config: dict[str, Any] = read_json(tmp_path / "run" / "config.json")
    made = {**config["network"], **config["training"]}
    assert {name: made[name] for name in more["best"]} == {**more["best"], "epochs": 1}
    assert "holds a search of other data" in shell.error(*command(data, "--seed", 1, "--out", out))


def test_mistakes(shell: Shell, data: Path, tmp_path: Path) -> None:
    space, out = tmp_path / "space.toml", tmp_path / "search"
    for text, said in (
        ("epoch = [1]", "There is no option named 'epoch'"),
        ("epochs = {low = 3}", "The space of epochs must be a list of values, or low and high"),
        ("epochs = []", "The space of epochs must be a list of values"),
        ("", "There is nothing to search"),
        ("epochs = [", "space.toml can't be read"),
        ("num_heads = [5, 7]", "num_heads must be at least 1 and divide embedding_dim"),
    ):
        space.write_text(text)
        assert said in shell.error(*command(data, "--out", out))
    assert not out.exists()
    space.write_text(SPACE)
    assert "holds no search" in shell.error(*command(data, "--out", tmp_path))


def test_options_from_a_file_that_cannot_be(shell: Shell, data: Path, tmp_path: Path) -> None:
    path = tmp_path / "options.toml"
    train = ["train", "--config", path, "--data", data, "--out", tmp_path / "run"]
    assert "options.toml can't be read" in shell.error(*train)
    path.write_text("epoch = 3")
    assert "has an option 'epoch' that there isn't" in shell.error(*train)
    path.write_text("quality = 0.5")
    assert "--quality is for --task reply" in shell.error(*train)
    path.write_text("epochs = 'many'")
    assert "'many' is not a valid integer" in shell.error(*train)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["bayesian", "hyperband"])
def test_other_ways_to_search(shell: Shell, data: Path, tmp_path: Path, method: str) -> None:
    found = shell.json(*command(data, "--method", method, "--trials", 4, "--out", tmp_path / "search"))
    assert found["score"] == max(trial["score"] for trial in found["trials"])


@pytest.mark.slow
def test_trainings_that_all_fail(shell: Shell, data: Path, tmp_path: Path) -> None:
    (tmp_path / "space.toml").write_text(SPACE.replace("0.005", "1e30").replace("0.05", "1e31"))
    out, err = shell(*command(data, "--out", tmp_path / "search"), code=2)
    assert out == ""
    assert "supportnet: error: Training diverged" in err

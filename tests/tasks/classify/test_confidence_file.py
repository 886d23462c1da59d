"""Temperature and thresholds go to a file and back; what can't be is named."""

import json
from pathlib import Path

import pytest

from supportnet.errors import UserError
from supportnet.tasks.classify.calibrate import Confidence

FITTED = Confidence(0.8, 0.3, 0.7, 0.97, 0.95, 0.951, 0.77, True, 0.18, 1550, 3000, 100)


@pytest.mark.parametrize("confidence", [FITTED, Confidence()], ids=["fitted", "of a model without validation"])
def test_round_trip(tmp_path: Path, confidence: Confidence) -> None:
    confidence.save(tmp_path / "confidence.json")
    assert Confidence.load(tmp_path / "confidence.json") == confidence


@pytest.mark.parametrize(
    "content",
    [
        "",
        '{"temperature": 0.8',
        "[]",
        "null",
        '{"warmth": 1.0}',
        '{"temperature": "warm"}',
        '{"temperature": null}',
        '{"temperature": -1.0}',
        '{"temperature": NaN}',
        '{"route_threshold": Infinity}',
        '{"num_in_scope": -1}',
        '{"num_in_scope": null}',
        '{"promise_rows": -1}',
        '{"lower_bound": NaN}',
        '{"certified": "yes"}',
    ],
)
def test_damaged_file(tmp_path: Path, content: str) -> None:
    (tmp_path / "confidence.json").write_text(content)
    with pytest.raises(UserError, match=r"confidence\.json (is damaged|can't be read)"):
        Confidence.load(tmp_path / "confidence.json")


def test_a_file_of_an_earlier_export(tmp_path: Path) -> None:
    """Its graph decides; what it was promised is read."""
    path = tmp_path / "confidence.json"
    numbers = {"temperature": 0.7, "coverage_weight": 1.5, "promised_precision": 0.95, "expected_coverage": 0.5}
    path.write_text(json.dumps(numbers))
    assert Confidence.load(path) == Confidence(temperature=0.7, promised_precision=0.95)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"confidence\.json is missing"):
        Confidence.load(tmp_path / "confidence.json")


def test_the_file_is_json_that_any_language_reads(tmp_path: Path) -> None:
    FITTED.save(tmp_path / "confidence.json")
    text = (tmp_path / "confidence.json").read_text()
    assert json.loads(text)["promised_precision"] == 0.95
    assert "NaN" not in text
    assert "Infinity" not in text

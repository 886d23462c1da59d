"""Recent messages beside those of a training: figures, intervals, false alarms, and the picture."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy.stats import ttest_ind
from toy_messages import INTENTS, messages

from supportnet.errors import UserError
from supportnet.files import read_json
from supportnet.tasks.classify.drift import compare_traffic, find_drift, population_stability_index, share_difference
from supportnet.tasks.classify.plots import drift_chart, save_drift
from supportnet.tasks.classify.traffic import Traffic, design_effect, word_counts
from supportnet.tasks.train import Trained, train

if TYPE_CHECKING:
    from supportnet.tasks.classify.model import IntentClassifier


def traffic(
    predicted: Sequence[int],
    *,
    in_scope: int | None = None,
    route: int = 0,
    words: tuple[int, int] = (95, 100),
    effect: float = 1.0,
    confidence: Sequence[float] = (0.75, 0.95),
    source: str = "messages",
) -> Traffic:
    """A summary with the given counts by intent; confidences are repeated in turn."""
    total = sum(predicted)
    sure = np.resize(confidence, total)
    return Traffic(
        source,
        total,
        total if in_scope is None else in_scope,
        route,
        words[1],
        words[0],
        effect,
        float(sure.mean()),
        float(sure.std(ddof=min(1, total - 1))),
        np.histogram(sure, 20, (0, 1))[0].tolist(),
        {f"intent {i}": count for i, count in enumerate(predicted)},
    )


def figure(report: dict[str, Any], name: str) -> dict[str, Any]:
    return {row["figure"]: row for row in report["figures"]}[name]


def test_training_writes_counts(finished: tuple[Path, Trained]) -> None:
    """Of the validation messages, whose words aren't in the file."""
    folder, trained = finished
    held_out, answers = messages(4, seed=1), trained.model.answers([ticket.text for ticket in messages(4, seed=1)])
    written = Traffic.load(folder / "traffic.json")
    assert (written.source, written.num_messages) == ("validation", len(held_out))
    assert written.num_in_scope == answers.in_scope.sum()
    assert written.num_routed == answers.route.sum()
    assert written.confidence_mean == pytest.approx(answers.probabilities.max(axis=1).mean())
    assert list(written.predicted.values()) == np.bincount(answers.predicted, minlength=4).tolist()
    assert written.labels == dict.fromkeys(INTENTS, 12)
    assert written.num_words == 5 * len(held_out)
    assert not any(ticket.text in (folder / "traffic.json").read_text() for ticket in held_out)


def test_an_older_run_gets_its_counts_by_resume(
    finished: tuple[Path, Trained], dataset: Any, options: dict[str, Any], tmp_path: Path
) -> None:
    for path in finished[0].iterdir():
        if path.is_file() and path.name != "traffic.json":
            (tmp_path / path.name).write_bytes(path.read_bytes())
    with pytest.raises(UserError, match=r"traffic\.json is missing: .*--resume adds it.*--reference"):
        Traffic.load(tmp_path / "traffic.json")
    train(dataset, tmp_path, resume=True, **options)
    assert read_json(tmp_path / "traffic.json") == read_json(finished[0] / "traffic.json")


def test_messages_of_the_same_kind(finished: tuple[Path, Trained]) -> None:
    folder, trained = finished
    texts = [ticket.text for ticket in messages(40, seed=5)]
    report = find_drift(trained.model, texts, Traffic.load(folder / "traffic.json"))
    assert not report["drift"]
    assert report["verdict"] == (
        "no drift found in 160 messages (16 earlier messages are few: only large changes show)"
    )
    assert len(report["unlike"]) == 10
    assert json.loads(json.dumps(report)) == report


def test_other_messages(finished: tuple[Path, Trained]) -> None:
    """Of one intent, with words that training never saw: all that is compared changes."""
    model = finished[1].model
    before = [ticket.text for ticket in messages(40, seed=5)]
    texts = [f"Wunderbar Fahrrad kaputt number {i}, write to ann@example.com" for i in range(120)]
    report = find_drift(model, texts, before, most=3)
    assert report["drift"]
    assert figure(report, "known_words")["recent"] == 0.0
    assert figure(report, "known_words")["changed"]
    assert figure(report, "confidence")["high"] < 0
    assert report["intents"]["changed"]
    assert report["verdict"].startswith("drift: ")
    assert "0.0% of the words are known, 100.0% before" in report["verdict"]
    assert report["verdict"].endswith(": label some of them and train again with them")
    shares = report["intents"]["shares"]
    assert [row["difference"] for row in shares] == sorted((row["difference"] for row in shares), reverse=True)
    assert sum(row["recent"] for row in shares) == pytest.approx(1)
    assert {row["trained_on"] for row in shares} == {None}
    assert len(report["unlike"]) == 3
    for row in report["unlike"]:
        assert row["text"] == texts[row["row"] - 1].replace("ann@example.com", "<email>")
    scores = model.answers(texts).in_scope_score
    assert report["unlike"][0]["in_scope_score"] == pytest.approx(scores.min())


def test_equal_messages_are_listed_once(tiny_classifier: "IntentClassifier") -> None:
    report = find_drift(
        tiny_classifier, ["hello"] * 30 + ["refund", "mail me@example.com", "mail you@example.com"], ["a", "b"]
    )
    assert sorted(row["text"] for row in report["unlike"]) == ["hello", "mail <email>", "refund"]


def test_words(tiny_classifier: "IntentClassifier") -> None:
    """Placeholders of personal data aren't words."""
    known, words = word_counts(tiny_classifier, ["Refund my parcel, ann@example.com", "", "xyzzy", "我要退款 xyzzy"])
    assert (known.tolist(), words.tolist()) == ([3, 0, 0, 4], [3, 0, 1, 5])


def test_messages_without_words(tiny_classifier: "IntentClassifier") -> None:
    report = find_drift(tiny_classifier, ["", " "], ["", "hello"])
    assert [row["figure"] for row in report["figures"]] == ["in_scope", "confidence", "route"]


def test_design_effect_is_that_of_the_clusters() -> None:
    """Messages with k equal words say as much as one word each; words that fall as they may, nearly as much as all."""
    known = np.repeat([0, 1], 500)
    assert design_effect(known * 8, np.full(1000, 8)) == pytest.approx(8, rel=0.01)
    drawn = np.random.default_rng(0).binomial(8, 0.7, size=5000)
    assert design_effect(drawn, np.full(5000, 8)) == pytest.approx(1, abs=0.05)
    assert design_effect(np.array([3, 3]), np.array([3, 3])) == design_effect(np.array([0]), np.array([3])) == 1


def test_shares_by_newcombe() -> None:
    """Table II of the article, method 10."""
    for first, second, expected in (
        ((48, 80), (56, 70), (0.0524, 0.3339)),
        ((3, 10), (9, 10), (0.1705, 0.8090)),
        ((2, 7), (6, 7), (0.0582, 0.8062)),
        ((0, 29), (5, 56), (-0.0381, 0.1926)),
        ((0, 10), (0, 20), (-0.2775, 0.1611)),
    ):
        assert share_difference(first, second) == pytest.approx(expected, abs=1e-4)
    # Eight times as many words that always come in eights say no more.
    assert share_difference((48 * 8, 80 * 8), (56 * 8, 70 * 8), design_effect=8) == share_difference((48, 80), (56, 70))


def test_mean_by_welch() -> None:
    old, new = [0.7, 0.9, 0.95, 0.6], [0.5, 0.8, 0.55, 0.7, 0.65, 0.9]
    row = figure(compare_traffic(traffic([4], confidence=old), traffic([6], confidence=new)), "confidence")
    expected = ttest_ind(new, old, equal_var=False).confidence_interval(1 - 0.05 / 6)
    assert (row["low"], row["high"]) == pytest.approx((expected.low, expected.high))
    same = figure(compare_traffic(traffic([3], confidence=[0.5]), traffic([9], confidence=[0.5])), "confidence")
    assert (same["low"], same["high"], same["changed"]) == (0, 0, False)


def test_population_stability_index() -> None:
    assert population_stability_index([50, 50], [500, 500]) == pytest.approx(0, abs=1e-9)
    assert np.isfinite(population_stability_index([0, 10], [10, 0]))
    # By chance alone it has the mean that is reported.
    random, share = np.random.default_rng(0), np.full(20, 1 / 20)
    drawn = [
        population_stability_index(random.multinomial(800, share).tolist(), random.multinomial(400, share).tolist())
        for _ in range(200)
    ]
    report = compare_traffic(traffic([40] * 20), traffic([20] * 20))
    assert report["intents"]["psi_by_chance"] == pytest.approx(np.mean(drawn), rel=0.1)


def test_false_alarms_are_rare() -> None:
    """Messages drawn as those before: one in twenty comparisons may find drift."""
    random = np.random.default_rng(0)
    share = random.dirichlet(np.ones(25))

    def drawn(total: int) -> Traffic:
        sure = random.beta(6, 1, size=total)
        scope, route, known = (int(random.binomial(n, p)) for n, p in ((total, 0.95), (total, 0.6), (total * 9, 0.97)))
        counts = random.multinomial(total, share).tolist()
        return traffic(counts, in_scope=scope, route=route, words=(known, total * 9), confidence=sure)

    reports = [compare_traffic(drawn(1500), drawn(400)) for _ in range(30)]
    assert sum(report["drift"] for report in reports) <= 4


def test_verdict() -> None:
    before = traffic([500, 500], in_scope=949, route=500, source="validation")
    assert compare_traffic(before, before)["verdict"] == "no drift found in 1000 messages"
    # Four figures, a test of the intents and their intervals share the risk.
    low, high = (100 * end for end in share_difference((51, 1000), (48, 400), risk=0.05 / 6))
    outside = compare_traffic(before, traffic([200, 200], in_scope=352, route=200))
    assert outside["verdict"] == (
        f"drift: 12.0% of recent messages are out of scope, 5.1% in training (+{low:.1f} to +{high:.1f} points): "
        "label some of them and train again with them"
    )
    other = compare_traffic(before, traffic([300, 100], in_scope=380, route=200))
    assert other["verdict"] == (
        "drift: other intents are asked for, most of all intent 0: 75.0%, 50.0% in training: "
        "label some of them and evaluate the model"
    )
    few = compare_traffic(before, traffic([2, 3], in_scope=4))
    assert few["verdict"] == "no drift found in 5 messages (5 recent messages are few: only large changes show)"
    assert figure(few, "in_scope")["high"] - figure(few, "in_scope")["low"] > 0.5


def test_what_cannot_be_compared(tiny_classifier: "IntentClassifier") -> None:
    with pytest.raises(UserError, match="Two recent messages at least are needed"):
        find_drift(tiny_classifier, ["hello"], ["a", "b"])
    with pytest.raises(UserError, match="Two reference messages at least"):
        find_drift(tiny_classifier, ["a", "b"], ["hello"])
    with pytest.raises(UserError, match=r"traffic\.json is of another model"):
        find_drift(tiny_classifier, ["a", "b"], traffic([5, 5]))
    with pytest.raises(UserError, match="Received one string"):
        find_drift(tiny_classifier, "hello", ["a", "b"])
    with pytest.raises(UserError, match="most must be at least 0"):
        find_drift(tiny_classifier, ["a", "b"], ["a", "b"], most=-1)


@pytest.mark.parametrize(
    "change",
    [
        {"num_messages": 11},
        {"num_messages": "10"},
        {"num_in_scope": 12},
        {"num_in_scope": -1},
        {"num_routed": 2.5},
        {"num_known_words": 101},
        {"confidence_counts": [10]},
        {"confidence_mean": None},
        {"word_design_effect": 0},
        {"confidence_std": float("nan")},
        {"predicted": [5, 5]},
        {"source": "hearsay"},
        {"colour": "red"},
    ],
)
def test_damaged_counts(change: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "traffic.json"
    traffic([5, 5]).save(path)
    assert Traffic.load(path) == replace(traffic([5, 5]))
    path.write_text(json.dumps({**read_json(path), **change}))
    with pytest.raises(UserError, match=r"traffic\.json is damaged or of another version of supportnet"):
        Traffic.load(path)
    path.write_text("{")
    with pytest.raises(UserError, match=r"traffic\.json can't be read"):
        Traffic.load(path)


def texts_of(figure: Any) -> str:
    left, right = figure.axes
    names = [label.get_text() for label in (*left.get_yticklabels(), *figure.legends[0].get_texts())]
    return "\n".join([left.get_title(), right.get_title(), *names])


def test_picture(tmp_path: Path) -> None:
    """Of many intents, those that differ most; long names are cut."""
    before = traffic([20] * 77, source="validation")
    now = traffic([20] * 75 + [200, 0], confidence=[0.5, 0.6])
    now = replace(now, predicted=dict(zip([*[*now.predicted][:-1], "x" * 50], now.predicted.values(), strict=True)))
    before = replace(before, predicted=dict(zip(now.predicted, before.predicted.values(), strict=True)))
    text = texts_of(drift_chart(compare_traffic(before, now)))
    assert "intent 75 grew from 1.3% to 11.8%\n2 of 77 intents changed beyond chance; the 14 widest changes" in text
    assert "The model is less sure than in training\n55.0% on average, 85.0% in training" in text
    assert "x" * 37 + "..." in text
    assert "recent (1700 messages)" in text
    text = texts_of(drift_chart(compare_traffic(now, now)))
    assert "No clear change in what is asked for\nnone of 77 intents changed beyond chance" in text
    assert "No clear change in the model's confidence\n55.0% on average, 55.0% before" in text


def test_picture_of_one_intent_in_any_script(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    now = replace(traffic([5]), predicted={"退款": 5})
    path = save_drift(tmp_path / "new", compare_traffic(now, now))
    assert path.read_bytes().startswith(b"\x89PNG")
    assert [child.name for child in path.parent.iterdir()] == ["drift.png"]
    assert not recwarn.list

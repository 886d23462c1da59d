"""Whether recent messages are still like those of the training, from what the model says of them; no label is read."""

import os
from collections.abc import Iterator, Mapping, Sequence
from math import sqrt
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import MonteCarloMethod, binomtest, chi2_contingency, t

from supportnet.checks import check_not_negative, checked_texts
from supportnet.errors import UserError
from supportnet.tasks.classify.answers import Answers
from supportnet.tasks.classify.traffic import TRAFFIC, Traffic
from supportnet.text.redaction import redact

if TYPE_CHECKING:
    from supportnet.tasks.classify.model import IntentClassifier
    from supportnet.tasks.classify.serve import ExportedModel

#: Chance that drift is found where there is none.
RISK = 0.05
#: What is compared, in the order of the verdict -> how the verdict says it.
FIGURES: Mapping[str, str] = {
    "in_scope": "of recent messages are out of scope",
    "known_words": "of the words are known",
    "confidence": "is the mean confidence",
    "route": "of recent messages can be routed",
}
#: What each figure, the test of the intents, and the intervals of all intents have of it (Bonferroni).
SHARE_OF_RISK = RISK / (len(FIGURES) + 2)
#: With fewer messages the verdict says that they are few.
FEW = 100

#: Both ends of an interval.
_Interval = tuple[float, float]


def find_drift(
    model: "IntentClassifier | ExportedModel",
    texts: Sequence[str],
    reference: Traffic | Sequence[str],
    most: int = 10,
    plots: str | os.PathLike[str] | None = None,
) -> dict[str, Any]:
    """Compare recent messages with those of the training, or with earlier ones.

    Compared are the shares of messages that are in scope and that can be routed, the mean confidence, the share of
    known words, and how messages spread over the predicted intents. Where nothing has changed, drift is found in one
    of twenty comparisons at most: all intervals and the test of the intents hold together with 95% (Bonferroni).

    Messages are taken for independent of each other; one that a machine sends a hundred times isn't. The best epoch
    and the routing threshold were chosen on the validation messages: where these are few, they flatter both a little.

    Args:
        model: a trained or an exported model.
        texts: the recent messages, at least two.
        reference: what to compare with: the summary of a training, `Traffic.load("RUN/traffic.json")`, or messages.
        most: how many of the most unlike messages to list, at most.
        plots: a folder for `drift.png`; None draws nothing.

    Returns:
        A dictionary that JSON can hold. `task`; `verdict`, one line; `drift`, whether there is any; `num_messages`;
        `num_reference`; `reference`, what the reference is of (see `supportnet.tasks.classify.traffic.SOURCES`).
        `figures`: for each of `FIGURES` (`known_words` only where both have words) a dictionary of `figure`,
        `reference`, `recent`, `difference`, the ends `low` and `high` of its interval, and `changed`, whether that
        excludes 0. `intents`: a dictionary of `psi` (see `population_stability_index`), `psi_by_chance`, what is to be
        expected of it where nothing has changed, `p_value` of a chi-squared test, `changed`, by that test or by one
        of the intervals, and `shares`: for each intent, from the one that grew most to the one that shrank most,
        `intent`, the same as of a figure, and `trained_on`, how many training messages have it as label (None if the
        reference is messages). `confidence`: counts of `reference` and `recent` messages by confidence, in equal bins
        between 0 and 1. `unlike`: the messages with the least in-scope score, equal ones once: `row` (from 1), `text`
        (redacted), `intent`, `confidence`, `in_scope_score`.

    Raises:
        UserError: fewer than two messages, or a reference of another model.
        OSError: the plots can't be written.

    Source: shares by Newcombe 1998, Interval estimation for the difference between independent proportions, method
        10; the mean confidence by Welch 1947, The generalization of "Student's" problem; the p-value by Monte Carlo,
        because many intents are rare (Hope 1968, A simplified Monte Carlo significance test procedure).

    Example (needs a run folder):
        >>> model = supportnet.load_model("runs/tickets")
        >>> find_drift(model, last_week, Traffic.load("runs/tickets/traffic.json"))["verdict"]
        'no drift found in 400 messages'
    """
    texts = checked_texts(texts)
    check_not_negative("most", most)
    before = reference if isinstance(reference, Traffic) else Traffic.of(model, checked_texts(reference))
    answers = model.answers(texts)
    now = Traffic.of(model, texts, answers)
    report = {**compare_traffic(before, now), "unlike": _unlike(texts, answers, most)}
    if plots is not None:
        # Drawing takes a library that nothing else needs.
        from supportnet.tasks.classify.plots import save_drift

        save_drift(plots, report)
    return report


def compare_traffic(before: Traffic, now: Traffic) -> dict[str, Any]:
    """Return what `find_drift` does, but for the messages that it lists.

    Args:
        before: the reference.
        now: the recent messages.

    Raises:
        UserError: fewer than two messages, or a reference of another model.
    """
    for traffic, what in ((now, "recent"), (before, "reference")):
        if traffic.num_messages < 2:
            raise UserError(f"Two {what} messages at least are needed for a comparison. Received: one")
    if list(before.predicted) != list(now.predicted):
        raise UserError(f"{TRAFFIC} is of another model: it must count the intents of this one. Train again.")
    figures, intents = list(_figures(before, now)), _intents(before, now)
    return {
        "task": "classify",
        "verdict": _verdict(before, now, figures, intents),
        "drift": intents["changed"] or any(row["changed"] for row in figures),
        "num_messages": now.num_messages,
        "num_reference": before.num_messages,
        "reference": before.source,
        "figures": figures,
        "intents": intents,
        "confidence": {"reference": list(before.confidence_counts), "recent": list(now.confidence_counts)},
    }


def _figures(before: Traffic, now: Traffic) -> Iterator[dict[str, Any]]:
    """One row for each of `FIGURES`, in their order."""
    messages = (before.num_messages, now.num_messages)
    yield {"figure": "in_scope", **_share_row((before.num_in_scope, now.num_in_scope), messages)}
    known, words = (before.num_known_words, now.num_known_words), (before.num_words, now.num_words)
    if all(words):
        # A sample that chance gave no unknown word says nothing of how they cluster: the other one does.
        effect = max(before.word_design_effect, now.word_design_effect)
        yield {"figure": "known_words", **_share_row(known, words, design_effect=effect)}
    interval = _mean_interval(before, now)
    yield {"figure": "confidence", **_row(before.confidence_mean, now.confidence_mean, interval)}
    yield {"figure": "route", **_share_row((before.num_routed, now.num_routed), messages)}


def _row(reference: float, recent: float, interval: _Interval) -> dict[str, Any]:
    low, high = interval
    changed = not low <= 0 <= high
    return {
        "reference": reference,
        "recent": recent,
        "difference": recent - reference,
        "low": low,
        "high": high,
        "changed": changed,
    }


def _share_row(
    counts: tuple[int, int], totals: tuple[int, int], risk: float = SHARE_OF_RISK, design_effect: float = 1.0
) -> dict[str, Any]:
    first, second = zip(counts, totals, strict=True)
    return _row(first[0] / first[1], second[0] / second[1], share_difference(first, second, risk, design_effect))


def share_difference(
    first: tuple[int, int], second: tuple[int, int], risk: float = RISK, design_effect: float = 1.0
) -> _Interval:
    """Return an interval for how much larger the second share is than the first.

    Args:
        first: how many there are of how many, at least one.
        second: the same of the other sample.
        risk: chance that the interval misses the truth.
        design_effect: how many of them say as much as one that was drawn alone; see
            `supportnet.tasks.classify.traffic.design_effect`. Wilson's intervals are those of so many fewer (Dean &
            Pagano 2015, Evaluating confidence interval methods for binomial proportions in clustered surveys).

    Source: Newcombe 1998, Interval estimation for the difference between independent proportions: comparison of eleven
        methods, method 10, https://doi.org/10.1002/(SICI)1097-0258(19980430)17:8%3C873::AID-SIM779%3E3.0.CO;2-I

    Example:
        >>> low, high = share_difference((48, 80), (56, 70))
        >>> round(low, 4), round(high, 4)
        (0.0524, 0.3339)
    """
    (old, low_old, high_old), (new, low_new, high_new) = (
        _wilson(*counts, risk, design_effect) for counts in (first, second)
    )
    below, above = (
        sqrt((new - low_new) ** 2 + (high_old - old) ** 2),
        sqrt((high_new - new) ** 2 + (old - low_old) ** 2),
    )
    return new - old - below, new - old + above


def _wilson(count: int, total: int, risk: float, design_effect: float) -> tuple[float, float, float]:
    """A share, and both ends of its interval."""
    independent = max(1, int(total / design_effect))
    test = binomtest(round(count / total * independent), independent)
    ends = test.proportion_ci(1 - risk, method="wilson")
    return count / total, float(ends.low), float(ends.high)


def _mean_interval(before: Traffic, now: Traffic) -> _Interval:
    difference = now.confidence_mean - before.confidence_mean
    squares = [one.confidence_std**2 / one.num_messages for one in (before, now)]
    if not sum(squares):
        return difference, difference
    freedom = sum(squares) ** 2 / sum(
        square**2 / (one.num_messages - 1) for square, one in zip(squares, (before, now), strict=True)
    )
    half = float(t.ppf(1 - SHARE_OF_RISK / 2, freedom)) * sqrt(sum(squares))
    return difference - half, difference + half


def _intents(before: Traffic, now: Traffic) -> dict[str, Any]:
    table = np.array([list(traffic.predicted.values()) for traffic in (before, now)])
    seen = table[:, table.any(axis=0)]
    p_value = 1.0
    if seen.shape[1] > 1:
        method = MonteCarloMethod(rng=np.random.default_rng(0))
        p_value = float(chi2_contingency(seen, correction=False, method=method).pvalue)
    rows = [
        {
            "intent": intent,
            **_share_row((old, new), (before.num_messages, now.num_messages), SHARE_OF_RISK / len(now.predicted)),
            "trained_on": before.labels.get(intent, 0) if before.labels else None,
        }
        for (intent, new), old in zip(now.predicted.items(), before.predicted.values(), strict=True)
    ]
    return {
        "psi": population_stability_index(*table.tolist()),
        "psi_by_chance": (len(rows) - 1) * (1 / before.num_messages + 1 / now.num_messages),
        "p_value": p_value,
        "changed": p_value < SHARE_OF_RISK or any(row["changed"] for row in rows),
        "shares": sorted(rows, key=lambda row: (-row["difference"], row["intent"])),
    }


def population_stability_index(reference: Sequence[int], recent: Sequence[int]) -> float:
    """Return how far two distributions are apart: 0 if they are the same.

    By custom, below 0.1 is little and above 0.25 is much; but chance alone makes it (K - 1) (1/N + 1/M) on average, for
    K intents and samples of N and M messages, which is more than that where messages are few.

    Args:
        reference: counts by intent, `[K]`.
        recent: counts of the same intents, `[K]`. Half a message is added to every count, so that none is 0.

    Source: Siddiqi 2006, Credit Risk Scorecards; what chance makes of it: Yurdakul 2018, Statistical Properties of
        Population Stability Index, https://scholarworks.wmich.edu/dissertations/3208

    Example:
        >>> round(population_stability_index([500, 500], [250, 750]), 3)
        0.274
    """
    old, new = ((np.array(counts) + 0.5) / (sum(counts) + 0.5 * len(counts)) for counts in (reference, recent))
    return float(((new - old) * np.log(new / old)).sum())


def _unlike(texts: Sequence[str], answers: Answers, most: int) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for i in np.argsort(answers.in_scope_score, kind="stable").tolist():
        if len(found) == most:
            break
        text = redact(texts[i])
        row = {
            "row": i + 1,
            "text": text,
            "intent": answers.intents[answers.predicted[i]],
            "confidence": float(answers.probabilities[i].max()),
            "in_scope_score": float(answers.in_scope_score[i]),
        }
        found.setdefault(text, row)
    return list(found.values())


def _verdict(before: Traffic, now: Traffic, figures: Sequence[Mapping[str, Any]], intents: Mapping[str, Any]) -> str:
    few = [
        f"{traffic.num_messages} {what} messages are few: only large changes show"
        for traffic, what in ((now, "recent"), (before, "earlier"))
        if traffic.num_messages < FEW
    ]
    note = f" ({'; '.join(few)})" if few else ""
    when = "before" if before.source == "messages" else "in training"
    changed = [row for row in figures if row["changed"]]
    found = [_finding(row, when) for row in changed]
    if intents["changed"]:
        first = max(intents["shares"], key=lambda row: abs(row["difference"]))
        found.append(
            f"other intents are asked for, most of all {first['intent']}: {first['recent']:.1%}, "
            f"{first['reference']:.1%} {when}"
        )
    if not found:
        return f"no drift found in {now.num_messages} messages{note}"
    # Of more routed messages, or of other intents, the model may be as sure with good reason.
    worse = any(row["difference"] < 0 for row in changed)
    remedy = "label some of them and train again with them" if worse else "label some of them and evaluate the model"
    return f"drift: {'; '.join(found)}: {remedy}{note}"


def _finding(row: Mapping[str, Any], when: str) -> str:
    reference, recent, low, high = (row[name] for name in ("reference", "recent", "low", "high"))
    if row["figure"] == "in_scope":
        reference, recent, low, high = 1 - reference, 1 - recent, -high, -low
    return (
        f"{recent:.1%} {FIGURES[row['figure']]}, {reference:.1%} {when} ({100 * low:+.1f} to {100 * high:+.1f} points)"
    )

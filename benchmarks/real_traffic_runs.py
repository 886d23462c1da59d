"""Train one model on little or noisy data, or on a bot's, and measure it beside the SVM; see `real_traffic.py`."""

import random
import string
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from few_labels import drawn
from sklearn.metrics import matthews_corrcoef

import supportnet
from supportnet.data.ticket import OUT_OF_SCOPE, Ticket, TicketDataset
from supportnet.metrics.calibration import out_of_scope_auroc, out_of_scope_fpr
from supportnet.metrics.intervals import share_interval
from supportnet.tasks.classify import baselines
from supportnet.tasks.classify.answers import Answers
from supportnet.tasks.classify.comparison import Svm
from supportnet.tasks.classify.evaluate import outcomes
from supportnet.tasks.classify.fit import cross_validate

#: What the two bots of HINT3 call out of scope.
HINT3_OUT_OF_SCOPE = "NO_NODES_DETECTED"
#: Share of BANKING77's training messages whose scores are stored to resample promises from.
STORED_SHARE = 0.25


def measured(spec: dict[str, Any]) -> dict[str, Any]:
    """Do one run.

    Args:
        spec: `data` (`banking77`, `clinc150`, or the name of a bot); `data_dir`, where they lie; `kind`: `rows` (draw
            `amount` messages), `labels` (draw `amount` of each intent), `wrong` (`amount` per cent wrong labels),
            `typos` (the same of words with a typing error), `all`, or `scores` (store them); `seed` of the draw;
            `options` of `supportnet.train`.

    Returns:
        The figures by name: those of the SVM beside them as `svm_...`.
    """
    train, validation, test = messages(spec)
    if spec["kind"] == "scores":
        return stored_scores(spec, train, validation)
    learned = changed(train, spec)
    splits = {"train": learned, **({"validation": validation} if spec["kind"] == "all" and validation else {})}
    started = time.perf_counter()
    model = supportnet.train(TicketDataset(spec["data"], splits), progress_bar=False, baseline=False, **spec["options"])
    seconds = time.perf_counter() - started
    svm = Svm(baselines.in_scope_svm(learned))
    judged = judged_messages(spec, model.intents, test)
    texts = [ticket.text for ticket in judged]
    ours, theirs = model.answers(texts), svm.answers(texts)
    outcome = outcomes(ours, model.confidence, judged)
    routed = ours.route
    inside = outcome.in_scope
    figures = {f"svm_{name}": value for name, value in scope_figures(theirs, judged, theirs.route_score).items()}
    svm_right = np.array([theirs.intents[i] for i in theirs.predicted]) == [ticket.intent for ticket in judged]
    return {
        **scope_figures(ours, judged, ours.in_scope_score),
        **figures,
        "num_rows": len(learned),
        "num_judged": int(inside.sum()),
        "num_out_of_scope": int((~inside).sum()),
        # The paired interval takes these.
        "only_ours_right": int((outcome.correct & ~svm_right)[inside].sum()),
        "only_svm_right": int((~outcome.correct & svm_right)[inside].sum()),
        "promise": model.confidence.promise,
        "routed": float(routed.mean()),
        "routed_in_scope": float(routed[inside].mean()),
        "routed_right": _share(outcome.correct[routed]),
        "routed_right_in_scope": _share(outcome.correct[routed & inside]),
        **{name: value for name, value in (model.metrics or {}).items() if name in ("method", "tuned_blocks")},
        "seconds": seconds,
    }


def messages(spec: dict[str, Any]) -> tuple[list[Ticket], list[Ticket], list[Ticket]]:
    """Training, validation (none where the data has no such split) and test messages; training ones are in scope."""
    folder = Path(spec["data_dir"])
    if (folder / "hint3" / f"{spec['data']}_train.csv").exists():
        columns = {"text_column": "sentence", "label_column": "label"}
        parts = [
            supportnet.load(folder / "hint3" / f"{spec['data']}_{part}.csv", **columns) for part in ("train", "test")
        ]
        train, test = (
            [replace(t, intent=OUT_OF_SCOPE) if t.intent == HINT3_OUT_OF_SCOPE else t for t in part["all"]]
            for part in parts
        )
        return train, [], test
    dataset = supportnet.load(spec["data"], data_dir=folder)
    validation = dataset["validation"] if "validation" in dataset.splits else []
    return [t for t in dataset["train"] if t.intent != OUT_OF_SCOPE], list(validation), list(dataset["test"])


def judged_messages(spec: dict[str, Any], intents: Sequence[str], test: Sequence[Ticket]) -> list[Ticket]:
    """Leave out messages of intents that weren't learned; of data that is learned whole, they are out of scope."""
    known = set(intents)
    if spec["kind"] == "all":
        return [t if t.intent in known else replace(t, intent=OUT_OF_SCOPE) for t in test]
    return [t for t in test if t.intent in known]


def changed(train: Sequence[Ticket], spec: dict[str, Any]) -> list[Ticket]:
    """Draw training messages, or put errors into them."""
    kind, amount, seed = spec["kind"], spec["amount"], spec["seed"]
    if kind == "labels":
        return drawn(train, amount, seed)[0]
    chance = np.random.default_rng(seed)
    if kind == "rows":
        return [train[i] for i in chance.permutation(len(train))[:amount].tolist()]
    if kind == "wrong":
        intents = sorted({str(ticket.intent) for ticket in train})
        wrong = chance.random(len(train)) < amount / 100
        return [
            replace(t, intent=str(chance.choice([i for i in intents if i != t.intent]))) if is_wrong else t
            for t, is_wrong in zip(train, wrong, strict=True)
        ]
    if kind == "typos":
        own = random.Random(seed)
        return [replace(t, text=" ".join(_mistyped(word, amount / 100, own) for word in t.text.split())) for t in train]
    return list(train)


def _mistyped(word: str, share: float, chance: random.Random) -> str:
    """Swap, drop, double or replace a letter of a word, in this share of them."""
    if len(word) < 3 or chance.random() >= share:
        return word
    at = chance.randrange(len(word) - 1)
    left, right = word[:at], word[at + 2 :]
    return (
        left
        + chance.choice(
            [
                word[at + 1] + word[at],
                word[at],
                word[at] * 2 + word[at + 1],
                chance.choice(string.ascii_lowercase) + word[at + 1],
            ]
        )
        + right
    )


def scope_figures(answers: Answers, judged: Sequence[Ticket], scores: npt.NDArray[np.floating]) -> dict[str, Any]:
    """Accuracy in scope; AUROC and FPR95 of the scores, and the best MCC of all thresholds, chosen in hindsight."""
    true = np.array([str(ticket.intent) for ticket in judged])
    said = np.array([answers.intents[i] for i in answers.predicted])
    inside = true != OUT_OF_SCOPE
    figures = {
        "accuracy": float(np.mean((said == true)[inside])),
        "auroc": out_of_scope_auroc(scores, inside),
        "fpr95": out_of_scope_fpr(scores, inside),
    }
    if inside.all():
        return figures
    thresholds = np.quantile(scores, np.linspace(0, 1, 201))
    named = (np.where(scores >= threshold, said, OUT_OF_SCOPE) for threshold in thresholds)
    return {**figures, "best_mcc": max(float(matthews_corrcoef(true, found)) for found in named)}


def _share(right: npt.NDArray[np.bool_]) -> dict[str, Any] | None:
    """A share with its interval; None of nothing."""
    if not len(right):
        return None
    return {"share": float(right.mean()), "interval": share_interval(right), "count": len(right)}


def stored_scores(spec: dict[str, Any], train: Sequence[Ticket], validation: Sequence[Ticket]) -> dict[str, Any]:
    """Return route scores of messages that the model didn't learn from, and whether routing each is right.

    Of a bot they are out of fold; of BANKING77, of a part of the training messages; of CLINC150, of its validation
    split with its out-of-scope messages.
    """
    found: dict[str, Any] = {}
    if validation or len(train) > 5000:
        tickets = list(train)
        if not validation:
            order = np.random.default_rng(0).permutation(len(train)).tolist()
            cut = round(STORED_SHARE * len(train))
            validation, tickets = [train[i] for i in order[:cut]], [train[i] for i in order[cut:]]
        model = supportnet.train(
            TicketDataset(spec["data"], {"train": tickets, "validation": list(validation)}),
            progress_bar=False,
            baseline=False,
            **spec["options"],
        )
        outcome = outcomes(model.answers([t.text for t in validation]), model.confidence, validation)
        found = {"scores": outcome.answers.routing_order, "correct": outcome.correct, "in_scope": outcome.in_scope}
    else:
        found = _out_of_fold(spec, train)
    return {name: np.asarray(values).tolist() for name, values in found.items()}


def _out_of_fold(spec: dict[str, Any], train: Sequence[Ticket]) -> dict[str, Any]:
    """Route scores and whether they are right, as a cross-validation has them."""
    import supportnet.tasks.classify.fit as fitting
    from supportnet.tasks.classify.calibrate import Confidence, answers_of

    kept: list[Any] = []

    def keeping(*arguments: Any) -> Any:
        kept.append(cross_validate(*arguments))
        return kept[-1]

    fitting.cross_validate = keeping
    model = supportnet.train(
        TicketDataset(spec["data"], {"train": list(train)}), progress_bar=False, baseline=False, **spec["options"]
    )
    found = kept[0]
    answers = answers_of(found.outputs, Confidence(), model.intents)
    right = np.array([train[i].intent for i in found.rows.tolist()]) == np.array(model.intents)[answers.predicted]
    return {"scores": answers.routing_order, "correct": right, "in_scope": np.ones(len(right), bool)}

"""One model against another on the same messages: which is better, may it be chance, and what changed."""

from collections.abc import Sequence
from typing import Any

from scipy.stats import binomtest

from supportnet.data.splits import check_known_intents, labelled
from supportnet.data.ticket import OUT_OF_SCOPE, Ticket
from supportnet.errors import UserError
from supportnet.tasks.classify.answers import Classifier
from supportnet.text.redaction import redact


def compare_models(model: Classifier, against: Classifier, test_data: Sequence[Ticket]) -> dict[str, Any]:
    """Score `model` against another on the labelled messages that are in scope.

    Args:
        model: a trained or an exported model.
        against: another, for example the one in use.
        test_data: labelled tickets; both models must know their intents, or they are `OUT_OF_SCOPE`. Those without an
            intent are left out, with a warning.

    Returns:
        See `compare_predictions`.

    Raises:
        UserError: no messages in scope, none with an intent, or an intent that one of the models doesn't know.

    Example (needs a run folder and an export):
        >>> compare_models(load_run("runs/new"), ExportedModel("saved_models/tickets"), test_data)["p_value"]
    """
    test_data = labelled(test_data, "evaluate on")
    check_known_intents(model.intents, test_data)
    try:
        check_known_intents(against.intents, test_data)
    except UserError as error:
        raise UserError(f"The model to compare against can't be scored on this data. {error}") from None
    scored = [ticket for ticket in test_data if ticket.intent != OUT_OF_SCOPE]
    if not scored:
        raise UserError("There is nothing to compare on: every message is out of scope.")
    return compare_predictions(scored, _predictions(model, scored), _predictions(against, scored))


def compare_predictions(
    tickets: Sequence[Ticket], predicted: Sequence[str], predicted_against: Sequence[str]
) -> dict[str, Any]:
    """Compare what two models say of the same messages.

    Args:
        tickets: N labelled tickets.
        predicted: what the model says, N intents.
        predicted_against: what the other one says, N intents.

    Returns:
        A dictionary that JSON can hold: `num_examples`, `accuracy`, `accuracy_against`, the 2x2 table `both_right`,
        `num_fixed` (only the model is right), `num_broken` (only the other one is), `both_wrong`, `p_value` (see
        `mcnemar`), and the lists `fixed` and `broken` in the order of the tickets: `text` (redacted), `intent`,
        `predicted`, `predicted_against`.

    Example:
        >>> tickets = [Ticket("my money", "refund"), Ticket("where is it", "track")]
        >>> compare_predictions(tickets, ["refund", "track"], ["refund", "refund"])["num_fixed"]
        1
    """
    fixed: list[dict[str, Any]] = []
    broken: list[dict[str, Any]] = []
    both_right = 0
    for ticket, intent, other in zip(tickets, predicted, predicted_against, strict=True):
        right, right_against = intent == ticket.intent, other == ticket.intent
        both_right += right and right_against
        if right != right_against:
            row = {"text": redact(ticket.text), "intent": ticket.intent, "predicted": intent}
            (fixed if right else broken).append({**row, "predicted_against": other})
    return {
        "num_examples": len(tickets),
        "accuracy": (both_right + len(fixed)) / len(tickets),
        "accuracy_against": (both_right + len(broken)) / len(tickets),
        "both_right": both_right,
        "num_fixed": len(fixed),
        "num_broken": len(broken),
        "both_wrong": len(tickets) - both_right - len(fixed) - len(broken),
        "p_value": mcnemar(len(fixed), len(broken)),
        "fixed": fixed,
        "broken": broken,
    }


def mcnemar(num_fixed: int, num_broken: int) -> float:
    """Return the p-value of McNemar's exact test, two-sided.

    It is the probability of a difference at least as large if each message that only one model gets right were as
    likely to be the one's as the other's. Messages that both get right, or both wrong, say nothing of that.

    Args:
        num_fixed: messages that only the first model gets right.
        num_broken: messages that only the second one does.

    Source: McNemar 1947, Note on the sampling error of the difference between correlated proportions,
        https://doi.org/10.1007/BF02295996, with the binomial distribution in place of its approximation.

    Example:
        >>> mcnemar(5, 1)  # 2 * (1 + 6) / 2^6
        0.21875
    """
    discordant = num_fixed + num_broken
    return float(binomtest(num_fixed, discordant).pvalue) if discordant else 1.0


def _predictions(model: Classifier, tickets: Sequence[Ticket]) -> list[str]:
    best = model.probabilities([ticket.text for ticket in tickets]).argmax(axis=1)
    return [model.intents[i] for i in best.tolist()]

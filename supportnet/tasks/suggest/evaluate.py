"""How well a model finds the right answers: among 100 candidates, in a whole bank, and by one's own judgements."""

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from supportnet.data.bank import Bank, Judgement, check_judged
from supportnet.data.splits import with_reply
from supportnet.data.ticket import Ticket, conversations_of, same_text
from supportnet.errors import UserError
from supportnet.metrics.ranking import average_precision, bootstrap_interval, draw_candidates, ranks
from supportnet.tasks.comparison import median_milliseconds
from supportnet.tasks.suggest.model import Suggester, columns_of

#: Candidates that each right reply is ranked among, itself included, and what draws the others.
CANDIDATES, CANDIDATES_SEED = 100, 0
#: Ranks that recall is counted at.
CUTOFFS = (1, 3, 5, 10)
#: Messages a block of a matrix of scores.
BLOCK = 512

Floats = npt.NDArray[np.floating]


def evaluate_suggester(model: Suggester, test_data: Sequence[Ticket], bank: Bank) -> dict[str, Any]:
    """Score a model on messages whose replies are known.

    Among 100 candidates: the true reply and 99 replies drawn from the other messages, all of different texts, the same
    for every model (Henderson et al. 2019, A Repository of Conversational Datasets, section 4). They are as frequent
    as their uses make them, so the prior of frequent answers is left out. So is the agreement of labels, which prefers
    an answer that does the right thing to the one that was given: the branches' scores alone rank.

    In the bank: a reply that the bank lacks can't be found, and counts as such.

    Args:
        model: a trained model.
        test_data: tickets with replies; those without are left out.
        bank: what is searched as a whole, near-duplicates included.

    Returns:
        A dictionary that JSON can hold: `recall_at_1`, `_3`, `_5`, `_10` and `mrr` among 100 (None where there are
        fewer than 100 different replies); `bank_recall_at_1`, ... and `bank_mrr`; `bank_size`; `bank_share`, the share
        of the replies that the bank holds; `label_accuracy`, the share of labelled messages whose first suggestion has
        the right label (None without labels on both sides); `num_examples`; `intervals`, 95% of a bootstrap by
        conversation for each of these figures; `milliseconds_per_message`, the median of one alone in Python.

    Raises:
        UserError: no message has a reply.

    Example (needs a trained model and a download):
        >>> dataset = supportnet.load("star", data_dir="downloads")
        >>> evaluate_suggester(model, dataset["test"], bank_of_replies("star", dataset["train"]))["recall_at_1"]
    """
    tickets = with_reply(test_data)
    if not tickets:
        raise UserError("There is nothing to score: no message has a reply.")
    return {
        **_summary(suggestion_values(model, tickets, bank), conversations_of(tickets)),
        "bank_size": len(bank.answers),
        "num_examples": len(tickets),
        "milliseconds_per_message": median_milliseconds(
            lambda text: model.vectors([text], "message"), [ticket.text for ticket in tickets]
        ),
    }


def suggestion_values(model: Suggester, tickets: Sequence[Ticket], bank: Bank) -> dict[str, Floats | None]:
    """Return what `evaluate_suggester` gives the means of, a value for each ticket, `[N]`; all tickets have a reply."""
    messages = model.vectors([ticket.text for ticket in tickets], "message")
    return {**_among_candidates(model, messages, tickets), **_in_bank(model, messages, tickets, bank)}


def evaluate_judged(model: Suggester, judgements: Sequence[Judgement], bank: Bank) -> dict[str, Any]:
    """Score a model on one's own queries, each with all the answers of the bank that are right.

    Returns:
        A dictionary that JSON can hold: `map`, `mrr` (of the first right answer), `recall_at_1`, `_3`, `_5`, `_10` (the
        share of the right answers among the first), `num_examples` and `intervals`.

    Raises:
        UserError: there are no judgements, or one names an answer that the bank lacks.

    Example (needs a trained model):
        >>> bank = supportnet.load_bank("answers.csv")
        >>> evaluate_judged(model, load_judgements("queries.csv"), bank)["map"]
    """
    if not judgements:
        raise UserError("There is nothing to score: no query.")
    check_judged(judgements, bank)
    row = {answer.id: i for i, answer in enumerate(bank.answers)}
    messages = model.vectors([judgement.text for judgement in judgements], "message")
    scores = model.queries(messages) @ _bank_columns(model, bank)
    right = np.zeros(scores.shape, bool)
    for i, judgement in enumerate(judgements):
        right[i, [row[answer_id] for answer_id in judgement.relevant]] = True
    ranked = np.take_along_axis(right, np.argsort(-scores, axis=1, kind="stable"), axis=1)
    measured = {
        "map": np.array([average_precision(line) for line in ranked]),
        "mrr": 1 / (1.0 + ranked.argmax(axis=1)),
        **{f"recall_at_{k}": ranked[:, :k].sum(axis=1) / ranked.sum(axis=1) for k in CUTOFFS},
    }
    size = {"bank_size": len(bank.answers), "num_examples": len(judgements)}
    return {**_summary(measured, range(len(judgements))), **size}


def _among_candidates(model: Suggester, messages: Floats, tickets: Sequence[Ticket]) -> dict[str, Floats | None]:
    texts = [ticket.reply or "" for ticket in tickets]
    if len(set(map(same_text, texts))) < CANDIDATES:
        return dict.fromkeys(rank_values(np.ones(1), ""))
    depth = len(model.scales)
    replies, weighted = model.vectors(texts, "reply")[:, :depth], messages[:, :depth] * model.scales
    candidates = draw_candidates(texts, CANDIDATES, CANDIDATES_SEED)
    scores = np.stack([replies[chosen] @ message for chosen, message in zip(candidates, weighted, strict=True)])
    return rank_values(ranks(scores, np.zeros(len(scores), "int64")), "")


def _in_bank(model: Suggester, messages: Floats, tickets: Sequence[Ticket], bank: Bank) -> dict[str, Floats | None]:
    right, columns = rows_in_bank(tickets, bank), _bank_columns(model, bank)
    found, best = np.full(len(tickets), np.inf), np.zeros(len(tickets), "int64")
    for block in np.array_split(np.arange(len(tickets)), -(-len(tickets) // BLOCK)):
        scores = model.queries(messages[block]) @ columns
        best[block] = scores.argmax(axis=1)
        found[block] = np.where(right[block] >= 0, ranks(scores, np.maximum(right[block], 0)), np.inf)
    return {
        **rank_values(found, "bank_"),
        "bank_share": (right >= 0).astype(float),
        "label_accuracy": _label_accuracy(tickets, [bank.answers[i].tags for i in best], bank),
    }


def rows_in_bank(tickets: Sequence[Ticket], bank: Bank) -> npt.NDArray[np.int64]:
    """Return the row of each ticket's reply in a bank, int64 `[N]`; -1 where the bank lacks it."""
    row = {same_text(answer.text): i for i, answer in enumerate(bank.answers)}
    return np.array([row.get(same_text(ticket.reply or ""), -1) for ticket in tickets])


def _bank_columns(model: Suggester, bank: Bank) -> npt.NDArray[np.float32]:
    return columns_of(bank.answers, model.vectors([answer.searched for answer in bank.answers], "reply"))


def rank_values(found: Floats, prefix: str) -> dict[str, Floats | None]:
    """Return one value a message for each measure of its rank (see `ranks`), `[N]`; a prefix names them."""
    recalls = {f"{prefix}recall_at_{k}": (found <= k).astype(float) for k in CUTOFFS}
    return {**recalls, f"{prefix}mrr": 1 / found}


def _label_accuracy(tickets: Sequence[Ticket], tags: Sequence[Sequence[str]], bank: Bank) -> Floats | None:
    """Whether each first suggestion has the label of the message's reply; NaN where the message has none."""
    right = [
        float(ticket.intent in own) if ticket.intent is not None else np.nan
        for ticket, own in zip(tickets, tags, strict=True)
    ]
    known = any(answer.tags for answer in bank.answers) and not np.isnan(right).all()
    return np.array(right) if known else None


def _summary(measured: dict[str, Floats | None], groups: Sequence[Hashable]) -> dict[str, Any]:
    """The mean of each measure, and its interval."""
    means: dict[str, Any] = {"task": "suggest"}
    intervals: dict[str, Any] = {}
    for name, values in measured.items():
        if values is None:
            means[name] = intervals[name] = None
            continue
        kept = np.flatnonzero(~np.isnan(values))
        means[name] = float(values[kept].mean())
        intervals[name] = bootstrap_interval(values[kept], [groups[row] for row in kept.tolist()])
    return {**means, "intervals": intervals}

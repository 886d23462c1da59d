"""How good are the replies that a model writes, how close to those that agents gave, and how fast does it write them?

BLEU and ROUGE-L are in percent, as they are printed in this field; all other measures are shares, 0 to 1.
"""

import math
import re
import time
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from sacrebleu.metrics import BLEU

from supportnet.data.splits import with_reply
from supportnet.data.ticket import Ticket, conversations_of, same_text
from supportnet.errors import UserError
from supportnet.metrics.ranking import bootstrap_interval, percentile_interval, resampled_sums
from supportnet.tasks.reply.data import ReplyPairs, filled, validation_replies
from supportnet.tasks.reply.fit import piece_losses
from supportnet.tasks.reply.model import Replier
from supportnet.text.byte_pairs import PAD_ID, SLOT, BytePairVocabulary
from supportnet.text.rouge import check_pairs, rouge_l
from supportnet.text.slots import slotted_all

#: Tokens a batch while the perplexity is measured.
BATCH_TOKENS = 4096
#: Written replies that are shown beside the true ones.
EXAMPLES = 10


def evaluate_replier(model: Replier, test_data: Sequence[Ticket], beam: int = 1) -> dict[str, Any]:
    """Score a model on messages whose replies are known.

    What is written has its slots filled from the message, and is compared with the true reply, whose slots, if it has
    any, are filled alike.

    Args:
        model: a trained model.
        test_data: tickets with replies; those without are left out.
        beam: see `Replier.reply`.

    Returns:
        A dictionary that JSON can hold: what `reply_scores` returns (`bleu`, `rouge_l`, `exact_match`, ..., with
        `slot_accuracy` of the slots before they are filled); `perplexity` of the true replies, a piece;
        `handoff_rate`, the share that is handed to a person; `sent_quality`, the mean ROUGE-L (0 to 1) of the others,
        None if there are none; `tokens_per_second`; `num_examples`; and `examples`, of evenly spaced scores, the
        surest first.

    Raises:
        UserError: no message has a reply.

    Warns:
        UserWarning: messages are longer than what is read of them.

    Example (needs a trained model and a download):
        >>> evaluate_replier(model, supportnet.load("star", data_dir="downloads")["test"])["exact_match"]
    """
    tickets = with_reply(test_data)
    if not tickets:
        raise UserError("There is nothing to score: no message has a reply.")
    texts, replies = [ticket.text for ticket in tickets], [ticket.reply or "" for ticket in tickets]
    model.warn_if_cut(texts)
    # The first call compiles.
    model.write(texts[:1], beam)
    start = time.perf_counter()
    answers = model.write(texts, beam)
    seconds = time.perf_counter() - start
    written = [reply.decode() for reply in answers["reply"]]
    templates = [template.decode() for template in answers["template"]]
    references = filled(replies, texts, model.config.max_length)
    groups = conversations_of(tickets)
    slots = slots_right(templates, _templates(model.pieces, replies))
    handed = model.handoff.applies_to(answers["reply_score"], answers["complete"])
    quality = rouge_l(written, references)
    return {
        "task": "reply",
        **reply_scores(written, references, groups),
        "slot_accuracy": None if np.isnan(slots).all() else float(np.nanmean(slots)),
        "perplexity": perplexity(model, tickets),
        "handoff_rate": float(handed.mean()),
        "sent_quality": None if handed.all() else float(quality[~handed].mean()),
        "tokens_per_second": float(answers["reply_tokens"].sum() / seconds),
        "beam": beam,
        "num_examples": len(tickets),
        "examples": _examples(texts, written, references, answers["reply_score"]),
    }


def perplexity(model: Replier, tickets: Sequence[Ticket]) -> float:
    """Return the perplexity of the true replies, a piece: the exponential of their mean cross-entropy.

    Args:
        model: a trained model.
        tickets: all with a reply.
    """
    batches = validation_replies(model, ReplyPairs.of(tickets, model), BATCH_TOKENS)

    # With its shapes left open: of a batch of one-word messages, Keras would warn that a softmax has one place.
    @tf.function(input_signature=batches.element_spec)
    def losses(features: Any, pieces: Any) -> Any:
        real = tf.cast(pieces != PAD_ID, tf.float32)
        own = piece_losses(pieces, model.network(features, training=False)["logits"])
        return tf.stack([tf.reduce_sum(own * real), tf.reduce_sum(real)])

    total, count = np.sum([losses(*batch).numpy().astype(float) for batch in batches], axis=0)
    return math.exp(total / count)


def _templates(pieces: BytePairVocabulary, replies: Sequence[str]) -> list[str]:
    """The true replies as the model would write them: with slots, and with the company's own values spelled out."""
    return [pieces.decode(ids) for ids in pieces.encode(slotted_all(replies, pieces.constants))]


def _examples(
    texts: Sequence[str], written: Sequence[str], references: Sequence[str], scores: Any
) -> list[dict[str, Any]]:
    order = np.argsort(-scores, kind="stable")
    chosen = order[np.linspace(0, len(order) - 1, min(EXAMPLES, len(order))).astype(int)]
    return [
        {"text": texts[i], "written": written[i], "reply": references[i], "score": float(scores[i])}
        for i in chosen.tolist()
    ]


def reply_scores(
    written: Sequence[str], references: Sequence[str], groups: Sequence[Hashable] | None = None
) -> dict[str, Any]:
    """Score written replies beside those that agents gave, by all measures of lists of strings.

    Args:
        written: the replies of a model, N of them; an empty one matches no reference but an empty one.
        references: what the agent wrote, N.
        groups: the conversation of each reply, N, for the intervals; None: each is one of its own.

    Returns:
        A dictionary that JSON can hold: `bleu` and `rouge_l` in percent; `exact_match`; `distinct_1` and `distinct_2`
        of the written replies, None where they have no word or no pair; `slot_accuracy`, None where no reply has a
        slot; `bleu_signature`, by which sacrebleu says what its figure is; `intervals`, 95% of a bootstrap by
        conversation, of `bleu`, `rouge_l` and `exact_match`.

    Raises:
        UserError: there are no replies, or not as many references or groups.

    Example:
        >>> scores = reply_scores(["Your parcel is on its way.", "Hello!"], ["Your parcel is on its way.", "Good day!"])
        >>> round(scores["bleu"], 1), scores["rouge_l"], scores["exact_match"]
        (83.6, 50.0, 0.5)
    """
    right = exact_matches(written, references)
    overlap = 100 * rouge_l(written, references)
    statistics = bleu_statistics(written, references)
    resampled = [bleu_of(sums) for sums in resampled_sums(statistics, groups)]
    slots = slots_right(written, references)
    return {
        "bleu": bleu_of(statistics.sum(axis=0)),
        "rouge_l": float(overlap.mean()),
        "exact_match": float(right.mean()),
        "distinct_1": distinct(written, 1),
        "distinct_2": distinct(written, 2),
        "slot_accuracy": None if np.isnan(slots).all() else float(np.nanmean(slots)),
        "bleu_signature": bleu_signature(),
        "intervals": {
            "bleu": percentile_interval(np.array(resampled)),
            "rouge_l": bootstrap_interval(overlap, groups),
            "exact_match": bootstrap_interval(right.astype(float), groups),
        },
    }


def bleu_statistics(written: Sequence[str], references: Sequence[str]) -> npt.NDArray[np.int64]:
    """Return what BLEU counts in each reply; the counts of a whole corpus are their sum.

    Returns:
        int64 `[N, 10]`: the words of the written reply, those of the reference, then for n of 1 to 4 the n-grams that
        both have, then those that were written. Words are those of the tokenizer 13a, case counts.

    Raises:
        UserError: there are no replies, or not as many references.

    Example:
        >>> bleu_statistics(["a b c"], ["a b d e"]).tolist()
        [[3, 4, 2, 1, 0, 0, 3, 2, 1, 0]]
    """
    check_pairs(written, references)
    # The order of n-grams changes no count; sacrebleu asks for it where single sentences are scored.
    bleu = BLEU(effective_order=True)
    scores = (bleu.sentence_score(own, [reference]) for own, reference in zip(written, references, strict=True))
    return np.array([[score.sys_len, score.ref_len, *score.counts, *score.totals] for score in scores], dtype="int64")


def bleu_of(statistics: npt.NDArray[np.number]) -> float:
    """Return the BLEU of a corpus, in percent, as sacrebleu computes it (Papineni et al. 2002; Post 2018).

    Args:
        statistics: sum of the rows of `bleu_statistics`, `[10]`.

    Example:
        >>> round(bleu_of(bleu_statistics(["the cat sat on it"], ["the cat sat on the mat"])[0]), 1)
        54.8
    """
    words, reference_words, *counts = (int(count) for count in statistics)
    return float(BLEU.compute_bleu(counts[:4], counts[4:], words, reference_words, smooth_method="exp").score)


def bleu_signature() -> str:
    """Return the signature to print beside a BLEU of this module, as two figures compare only if it is the same.

    Example:
        >>> bleu_signature().partition("|version")[0]
        'nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp'
    """
    # Known only once something was scored.
    bleu = BLEU()
    bleu.corpus_score([""], [[""]])
    return str(bleu.get_signature())


def exact_matches(written: Sequence[str], references: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Return whether each reply is its reference, by `same_text`: but for case and white space.

    Returns:
        bool `[N]`.

    Raises:
        UserError: there are no replies, or not as many references.

    Example:
        >>> exact_matches(["thank  you.", "Thanks."], ["Thank you.", "Thank you."]).tolist()
        [True, False]
    """
    check_pairs(written, references)
    return np.array(
        [same_text(own) == same_text(reference) for own, reference in zip(written, references, strict=True)]
    )


def distinct(written: Sequence[str], n: int) -> float | None:
    """Return distinct-n: the different n-grams of all replies by all that there are (Li et al. 2016).

    Words are what lies between spaces, lower-cased. It falls as there are more replies: compare equal numbers.

    Args:
        written: the replies.
        n: 1 for words, 2 for pairs of words.

    Returns:
        0 to 1; None if there is no n-gram.

    Example:
        >>> distinct(["How are you?", "how are things?"], 1), distinct(["How are you?", "how are things?"], 2)
        (0.6666666666666666, 0.75)
    """
    ngrams = [ngram for text in written for ngram in _ngrams(same_text(text).split(), n)]
    return len(set(ngrams)) / len(ngrams) if ngrams else None


def slots_right(written: Sequence[str], references: Sequence[str]) -> npt.NDArray[np.float64]:
    """Return whether each reply names exactly the slots of its reference, however often and in whatever order.

    Returns:
        float64 `[N]`: 1 or 0; NaN where neither has a slot, so that replies without any don't count as right.

    Raises:
        UserError: there are no replies, or not as many references.

    Example:
        >>> slots_right(["{order_number} is on its way", "Hi"], ["Order {order_number} was sent", "Hi"]).tolist()
        [1.0, nan]
    """
    check_pairs(written, references)
    pairs = [
        (set(re.findall(SLOT, own)), set(re.findall(SLOT, other)))
        for own, other in zip(written, references, strict=True)
    ]
    return np.array([float(own == other) if own | other else np.nan for own, other in pairs])


def _ngrams(words: Sequence[str], n: int) -> list[tuple[str, ...]]:
    return list(zip(*(words[start:] for start in range(n)), strict=False))

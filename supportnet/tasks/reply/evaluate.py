"""How good are the replies that a model writes, and how fast does it write them?"""

import math
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from supportnet.data.splits import with_reply
from supportnet.data.ticket import Ticket, conversations_of
from supportnet.errors import UserError
from supportnet.tasks.reply.data import ReplyPairs, validation_replies
from supportnet.tasks.reply.fit import piece_losses
from supportnet.tasks.reply.model import Replier
from supportnet.tasks.reply.scores import reply_scores, slots_right
from supportnet.text.byte_pairs import PAD_ID, BytePairVocabulary
from supportnet.text.graph import as_strings
from supportnet.text.rouge import rouge_l
from supportnet.text.slots import fill_slots, slotted_all

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


def filled(replies: Sequence[str], texts: Sequence[str], max_length: int) -> list[str]:
    """Return replies with their slots filled from the messages, as `supportnet.text.slots.fill_slots` does.

    Example:
        >>> filled(["Order {number} was sent."], ["Where is order 1234567?"], max_length=128)
        ['Order 1234567 was sent.']
    """
    return [reply.decode() for reply in fill_slots(as_strings(replies), as_strings(texts), max_length).numpy()]


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

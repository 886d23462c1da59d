"""Slots for personal data in replies: learned in place of values, and filled with the customer's own.

A model never sees a number, an address or a link in a reply, so it can't repeat one to another customer or invent one:
it learns to write `{number}`. If the answered message has a number, it is copied into the reply. Values that the
company gives to everyone, such as the address of its own pages, are slots with a constant value.
"""

import re
from collections.abc import Hashable, Iterable, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, Final

import tensorflow as tf

from supportnet.checks import check_positive
from supportnet.text.byte_pairs import SLOT
from supportnet.text.graph import KINDS, personal_data_graph
from supportnet.text.redaction import Span, find_personal_data, redact
from supportnet.text.special_tokens import PLACEHOLDERS
from supportnet.text.tokenizer import BYTES_PER_TOKEN, MAX_LENGTH

#: Name of a slot that is filled -> kind of personal data that fills it: the kinds, and usual names in templates.
SLOT_KINDS: Final = {
    **{kind: kind for kind in PLACEHOLDERS},
    **dict.fromkeys(("order_number", "tracking_number", "account_number"), "number"),
    **{"card_number": "card", "phone_number": "phone", "email_address": "email"},
}

_FILLED = rf"\{{(?:{'|'.join(SLOT_KINDS)})\}}"
# `ann{at}example{dot}com` has no slots: it is a mail address.
_KEPT = re.compile(rf"((?!\{{(?:at|dot)\}}){SLOT})")
# In a conversation, the agent's lines are dropped, and the speaker of the customer's.
_NOT_THE_CUSTOMERS = "^(?:agent: .*|customer: )"
# In a truncated message, the text after the last complete line or clause may be half a value.
_WHOLE_CLAUSES = r"(?s)^((?:.*(?:\n|[,;!?] ))?).*$"
# A byte that doesn't occur in UTF-8.
_SEPARATOR = b"\xff"

#: A value that replies give in this many conversations without the customer's having given it is the company's.
MIN_CONVERSATIONS = 10


def constants_of(answered: Iterable[tuple[str, str, Hashable]]) -> dict[str, str]:
    """Return the company's own addresses, links and numbers, which replies repeat.

    Each becomes a slot of its own with a constant value, so a model can write one and can't get it wrong.

    Args:
        answered: messages, their replies, and an id of the conversation.

    Returns:
        slot -> value, for values in the replies of at least 10 conversations that aren't in the message.

    Example:
        >>> constants_of([("how do I return it", "See www.shop.example/returns", i) for i in range(10)])
        {'{our_url_1}': 'www.shop.example/returns'}
    """
    given: dict[tuple[str, str], set[Hashable]] = {}
    found = cache(find_personal_data)
    for message, reply, conversation in answered:
        for span in found(reply):
            if span.value not in message:
                given.setdefault((span.kind, span.value), set()).add(conversation)
    often = sorted(kept for kept, conversations in given.items() if len(conversations) >= MIN_CONVERSATIONS)
    return {f"{{our_{kind}_{number}}}": value for number, (kind, value) in enumerate(often, start=1)}


def slotted(reply: str, constants: Mapping[str, str] = MappingProxyType({})) -> str:
    """Return a reply with personal data replaced by slots; existing slots are kept.

    Args:
        reply: any text.
        constants: slot -> its constant value; see `constants_of`.

    Example:
        >>> slotted("I wrote to Ann@Example.com about order 123456, {first_name}.")
        'I wrote to {email} about order {number}, {first_name}.'
    """
    names = {value: slot for slot, value in constants.items()}

    def slot_of(span: Span) -> str:
        return names.get(span.value, f"{{{span.kind}}}")

    previous = None
    # Replacing a value can reveal another, rarely: the address in 12345http://shop.
    while reply != previous:
        parts = _KEPT.split(reply)
        previous = reply
        reply = "".join(part if _KEPT.fullmatch(part) else redact(part, slot_of) for part in parts)
    return reply


def slotted_all(replies: Iterable[str], constants: Mapping[str, str] = MappingProxyType({})) -> list[str]:
    """Return `slotted` of each reply; repeated replies are processed once.

    Example:
        >>> slotted_all(["Call 020 7946 0958."] * 2)
        ['Call {phone}.', 'Call {phone}.']
    """
    once = cache(lambda reply: slotted(reply, constants))
    return [once(reply) for reply in replies]


def fill_slots(replies: Any, messages: Any, max_length: int = MAX_LENGTH) -> Any:
    """Fill the slots of replies with values from the answered messages, with core operations.

    A slot gets the first value of its kind, as the customer wrote it, from the newest line that has one; a slot without
    a value is kept. In a message of several lines, from `supportnet.data.ticket`, `agent:` lines are ignored. If no
    reply has a slot, the messages aren't processed.

    Args:
        replies: string `[B]`, UTF-8; B may be 0. Invalid bytes become U+FFFD.
        messages: string `[B]`, the newest line first.
        max_length: maximum number of tokens of the model. As there, only the first `64 * max_length` bytes of a
            message are read, here up to the end of the last complete line or clause.

    Returns:
        string `[B]`.

    Raises:
        UserError: if `max_length` isn't positive.

    Example:
        >>> fill_slots(["Order {order_number} is late."], ["where is 123456"]).numpy()
        array([b'Order 123456 is late.'], dtype=object)
    """
    check_positive("max_length", max_length)
    replies = _valid(replies)
    any_slot = tf.reduce_any(tf.strings.regex_full_match(replies, f"(?s).*{_FILLED}.*"))
    return tf.cond(any_slot, lambda: _fill(replies, _readable(messages, max_length)), lambda: replies)


def has_open_slot(replies: Any) -> Any:
    """Return which replies have an unfilled slot, or text that looks like one, and so can't be sent.

    Args:
        replies: string `[B]`, from `fill_slots`.

    Returns:
        bool `[B]`.

    Example:
        >>> has_open_slot(["Hello {first_name}.", "Hello Ann."]).numpy().tolist()
        [True, False]
    """
    return tf.strings.regex_full_match(replies, f"(?s).*{SLOT}.*")


def _readable(messages: Any, max_length: int) -> Any:
    """Return the part of each message that is read, as valid UTF-8."""
    limit = BYTES_PER_TOKEN * max_length
    read_part = _valid(tf.strings.substr(messages, 0, limit))
    is_cut = tf.greater(tf.strings.length(messages), limit)
    return tf.where(is_cut, tf.strings.regex_replace(read_part, _WHOLE_CLAUSES, r"\1"), read_part)


def _valid(texts: Any) -> Any:
    return tf.strings.unicode_transcode(texts, "UTF-8", "UTF-8", errors="replace")


def _fill(replies: Any, messages: Any) -> Any:
    parts = tf.strings.regex_replace(replies, _FILLED, _SEPARATOR + rb"\0" + _SEPARATOR)
    places, parts, _ = tf.raw_ops.StringSplitV2(input=parts, sep=_SEPARATOR)
    # A part equals a slot only if it is one: each is between two separators.
    named = tf.equal(parts[:, tf.newaxis], [f"{{{name}}}" for name in SLOT_KINDS])
    is_slot = tf.reduce_any(named, axis=1)
    kinds = tf.gather([KINDS.index(kind) for kind in SLOT_KINDS.values()], tf.argmax(tf.cast(named, tf.int32), axis=1))
    values, found = _first_values(messages)
    at = tf.stack([tf.cast(places[:, 0], tf.int32), kinds], axis=1)
    parts = tf.where(is_slot & tf.gather_nd(found, at), tf.gather_nd(values, at), parts)
    return tf.strings.unsorted_segment_join(parts, places[:, 0], tf.shape(replies)[0])


def _first_values(messages: Any) -> tuple[Any, Any]:
    """Return the first value of each kind in each message, string `[B, kinds]`, and whether there is one, bool."""
    places, lines, _ = tf.raw_ops.StringSplitV2(input=messages, sep="\n")
    spans = personal_data_graph(tf.strings.regex_replace(lines, _NOT_THE_CUSTOMERS, ""))
    shape = [tf.shape(messages)[0], len(KINDS)]
    rows = tf.gather(tf.cast(places[:, 0], tf.int32), spans.texts)
    numbers = tf.range(tf.size(rows))
    first = tf.math.unsorted_segment_min(numbers, rows * len(KINDS) + spans.kinds, shape[0] * shape[1])
    first = tf.reshape(tf.minimum(first, tf.size(rows)), shape)
    return tf.gather(tf.concat([spans.values, [""]], axis=0), first), tf.less(first, tf.size(rows))

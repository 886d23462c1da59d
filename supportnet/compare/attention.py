"""Which words of a message an encoder looks at."""

from collections.abc import Sequence
from itertools import islice
from typing import Any

import numpy as np
from keras import ops

from supportnet.compare.encoder_input import encoder_input
from supportnet.data.ticket import TicketDataset
from supportnet.text.tokenizer import tokenize

#: Messages that a comparison looks at, and how many tokens they have: enough to see something, and few enough to read.
MESSAGES, TOKENS = 3, range(6, 13)


def attention_maps(model: Any, texts: Sequence[str]) -> list[dict[str, Any]]:
    """Return the attention of the encoder's last block for each message.

    Args:
        model: a trained model of any task.
        texts: messages, of which the model reads `max_length` tokens.

    Returns:
        One dictionary a message, which JSON can hold: `tokens`, T of them, with placeholders for personal data, and
        `weights` `[T, T]`, the mean over the heads: row t says where token t looks. Empty for a model without
        attention.

    Example (needs a run folder):
        >>> attention_maps(supportnet.load_model("runs/tickets"), ["where is my parcel?"])[0]["tokens"]
        ['where', 'is', 'my', 'parcel', '?']
    """
    model = getattr(model, "model", model)
    given = encoder_input(model, texts) if texts else None
    attention = [] if given is None else given.encoder.attention_weights(given.vectors, given.mask)
    if not attention:
        return []
    weights = ops.convert_to_numpy(attention[-1]).mean(axis=1)
    read = [tokenize(text, model.config.text_mode)[: model.config.max_length] for text in texts]
    return [
        {"tokens": tokens, "weights": np.round(own[: len(tokens), : len(tokens)], 4).tolist()}
        for tokens, own in zip(read, weights, strict=True)
    ]


def readable_messages(dataset: TicketDataset, mode: str) -> list[str]:
    """Return the first test messages whose attention can be shown: neither too short nor too long.

    Args:
        dataset: with the split `test`.
        mode: how text becomes tokens; see `tokenize`.
    """
    fitting = (ticket.text for ticket in dataset["test"] if len(tokenize(ticket.text, mode)) in TOKENS)
    return list(islice(fitting, MESSAGES))

"""Which words of a message an encoder looks at."""

from typing import Any

import numpy as np
from keras import ops

from supportnet.compare.encoder_input import encoder_input
from supportnet.data.ticket import TicketDataset
from supportnet.text.tokenizer import tokenize

#: Messages that are looked at, and how many tokens they have: enough to see something, and few enough to read it.
MESSAGES, TOKENS = 3, range(6, 13)


def attention_maps(model: Any, dataset: TicketDataset) -> list[dict[str, Any]]:
    """Return the attention of the encoder's last block for the first fitting test messages.

    Returns:
        One dictionary a message, which JSON can hold: `tokens`, T of them, with placeholders for personal data, and
        `weights` `[T, T]`, the mean over the heads: row t says where token t looks. Empty for a model without
        attention.
    """
    chosen = _chosen(dataset, model.config.text_mode)
    given = encoder_input(model, [text for text, _ in chosen]) if chosen else None
    if given is None or not given.encoder.blocks:
        return []
    x = given.encoder.prepare(given.vectors, given.mask)
    *earlier, last = given.encoder.blocks
    for block in earlier:
        x = block(x, mask=given.mask)
    weights = ops.convert_to_numpy(last.weights_of(x, given.mask)).mean(axis=1)
    return [
        {"tokens": tokens, "weights": np.round(own[: len(tokens), : len(tokens)], 4).tolist()}
        for (_, tokens), own in zip(chosen, weights, strict=True)
    ]


def _chosen(dataset: TicketDataset, mode: str) -> list[tuple[str, list[str]]]:
    read = ((ticket.text, tokenize(ticket.text, mode)) for ticket in dataset["test"])
    return [(text, tokens) for text, tokens in read if len(tokens) in TOKENS][:MESSAGES]

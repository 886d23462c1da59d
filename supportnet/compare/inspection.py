"""What a trained encoder does with messages: which words it looks at, and how far its gradients reach."""

from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from supportnet.compare.messages import lengthened
from supportnet.data.ticket import TicketDataset
from supportnet.text.tokenizer import tokenize

#: Messages whose attention a comparison shows, and how many tokens they have: enough to see something, few enough to
#: read.
SHOWN, TOKENS = 3, range(6, 13)
#: Messages, and directions of the output, that the norms of gradients are estimated from.
MESSAGES, DIRECTIONS = 16, 4


def encoder_input(model: Any, texts: Sequence[str]) -> tuple[keras.layers.Layer, Any, Any] | None:
    """Return the encoder of a model of any task, the vectors `[B, T, D]` that it is given, and their mask `[B, T]`.

    None where the model has no encoder, or one of word pieces.

    Example (needs a trained model):
        >>> encoder, vectors, mask = encoder_input(model, ["where is my parcel?"])
        >>> vectors.shape
        TensorShape([1, 5, 128])
    """
    if model.backbone.encoder is None or model.config.pretrained is not None:
        return None
    features = model.preprocessor(texts)
    return model.backbone.encoder, model.backbone.encoder_input(features), features["mask"]


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
    if given is None or not (attention := given[0].attention_weights(*given[1:])):
        return []
    weights = keras.ops.convert_to_numpy(attention[-1]).mean(axis=1)
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
    return list(islice(fitting, SHOWN))


def gradient_norms(model: Any, dataset: TicketDataset) -> dict[str, list[float]]:
    """Return the norm of the gradient of an output with respect to an earlier input, by their distance.

    How much of an early token reaches a late one: the vanishing gradient, measured (Pascanu et al. 2013). Of messages
    as long as the model reads, the output is that of the last token. The Frobenius norm of the Jacobian
    `d output_T / d input_(T-k)` is estimated from products with random directions.

    Returns:
        `trained`; `fresh`, the same network before training; `without attention`, what the trained one's blocks are
        given, which of an LSTM is what it remembers: one norm a distance k, from 0. Empty for a model without an
        encoder.
    """
    texts = [ticket.text for ticket in lengthened(dataset, model.config.max_length)["test"][:MESSAGES]]
    given = encoder_input(model, texts)
    if given is None:
        return {}
    encoder, vectors, mask = given
    keras.utils.set_random_seed(0)
    fresh = type(encoder).from_config(encoder.get_config())
    fresh.build(vectors.shape)
    read = {"trained": encoder, "fresh": fresh, "without attention": encoder.before_attention}
    return {name: _norms(function, vectors, mask).tolist() for name, function in read.items()}


def _norms(read: Callable[..., Any], vectors: Any, mask: Any) -> npt.NDArray[np.float64]:
    random = tf.random.Generator.from_seed(0)
    # A row for each direction: what a row gives doesn't depend on the others.
    x, mask = tf.repeat(tf.convert_to_tensor(vectors), DIRECTIONS, axis=0), tf.repeat(mask, DIRECTIONS, axis=0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        last = read(x, mask=mask)[:, -1]
        along = tf.reduce_sum(last * random.normal(tf.shape(last)))
    # E |J^T u|^2 = |J|_F^2 for u of unit variance; the last token comes first, at distance 0.
    squares = tf.reduce_mean(tf.reduce_sum(tape.gradient(along, x) ** 2, axis=-1), axis=0)
    norms: npt.NDArray[np.float64] = np.sqrt(squares.numpy())[::-1].astype("float64")
    return norms

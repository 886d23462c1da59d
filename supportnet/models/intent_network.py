"""The network of the classify task: token embedding -> encoder -> pooling -> intents."""

import keras

from supportnet.layers import MaskedPooling, TokenEmbedding
from supportnet.models.config import NetworkConfig
from supportnet.models.encoders import ENCODERS


def build_intent_network(config: NetworkConfig, vocab_size: int, num_intents: int) -> keras.Model:
    """Build the classifier over what the text front end returns.

    The encoder's output and the token vectors are pooled side by side: the words themselves decide many
    messages, what stands around them the rest.

    Args:
        config: sizes and rates.
        vocab_size: number of token ids V.
        num_intents: number of intents K.

    Returns:
        A functional model. Input: the front end's dictionary (see `TokenEmbedding`). Output: a dictionary of
        `logits` float32 `[B, K]` and `embedding` float `[B, 4 D]`, the pooled message.

    Raises:
        ValueError: a size below 1, a rate outside [0, 1), `num_heads` that doesn't divide `embedding_dim`.

    Example:
        >>> network = build_intent_network(NetworkConfig(), vocab_size=2000, num_intents=77)
        >>> network(front_end(["where is my parcel?"]))["logits"].shape
        (1, 77)
    """
    inputs = {
        "token_ids": keras.Input((None,), dtype="int32", name="token_ids"),
        "mask": keras.Input((None,), dtype="bool", name="mask"),
        "word_index": keras.Input((None,), dtype="int32", name="word_index"),
        "subword_ids": keras.Input((), dtype="int32", name="subword_ids"),
        "subword_segments": keras.Input((), dtype="int32", name="subword_segments"),
    }
    mask = inputs["mask"]
    embed = TokenEmbedding(vocab_size, config.embedding_dim, config.num_buckets, config.word_dropout, name="embed")
    encoder = ENCODERS[config.architecture](
        hidden_dim=config.hidden_dim,
        num_layers=config.num_layers,
        num_heads=config.num_heads,
        dropout_rate=config.dropout_rate,
        name="encoder",
    )
    tokens = embed(inputs)
    encoded = encoder(tokens, mask=mask)
    embedding = keras.layers.Concatenate(name="embedding")(
        [
            MaskedPooling(name="pool_encoded")(encoded, mask=mask),
            MaskedPooling(name="pool_tokens")(tokens, mask=mask),
        ]
    )
    pooled = keras.layers.Dropout(config.head_dropout_rate, name="head_dropout")(embedding)
    logits = keras.layers.Dense(num_intents, dtype="float32", name="intents")(pooled)
    return keras.Model(inputs, {"logits": logits, "embedding": embedding}, name="intent_network")

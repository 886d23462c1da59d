"""The article's own model (section 4.3), mended."""

import keras
from keras import ops

from supportnet.checks import check_divides, check_positive
from supportnet.layers import BiLSTMAttention


def build_model(
    vocab_size: int,
    embedding_dim: int,
    hidden_dim: int,
    num_layers: int,
    num_heads: int,
    dropout_rate: float,
) -> keras.Model:
    """Build the article's network: word embedding -> BiLSTM -> multi-head attention -> a word at each position.

    What was mended, and why:
        - It is a functional model: a Sequential one can't hold multi-head attention, which needs a query and a
          value (the article's code ends in a ValueError).
        - Id 0 is padding and is masked everywhere, so that padding changes nothing at real positions and counts
          in no loss.
        - Each attention layer has a residual and normalization; without them more than one layer hardly trains.
        - The attention's heads share the depth (depth / heads each) instead of having the full depth each.
        - Any length is accepted, not 128 only.

    Args:
        vocab_size: number of token ids V, padding included.
        embedding_dim: depth D of the word vectors.
        hidden_dim: units of the LSTM in each direction and of the feed-forward layers.
        num_layers: number of attention layers, 0 or more.
        num_heads: heads of each; must divide `embedding_dim`.
        dropout_rate: in [0, 1).

    Returns:
        A model from `token_ids` int `[B, T]` to float32 probabilities over the vocabulary, `[B, T, V]`.

    Raises:
        UserError: a number out of its range.

    Example:
        >>> model = build_model(1000, embedding_dim=64, hidden_dim=32, num_layers=2, num_heads=4, dropout_rate=0.1)
        >>> keras.ops.shape(model(keras.ops.array([[4, 8, 15, 0]])))
        (1, 4, 1000)
    """
    check_positive("vocab_size", vocab_size)
    check_divides("num_heads", num_heads, "embedding_dim", check_positive("embedding_dim", embedding_dim))
    token_ids = keras.Input((None,), dtype="int32", name="token_ids")
    mask = ops.not_equal(token_ids, 0)
    vectors = keras.layers.Embedding(vocab_size, embedding_dim, name="embed")(token_ids)
    encoded = BiLSTMAttention(hidden_dim, num_layers, num_heads, dropout_rate, name="encoder")(vectors, mask=mask)
    words = keras.layers.Dense(vocab_size, activation="softmax", dtype="float32", name="words")(encoded)
    return keras.Model(token_ids, words, name="article_model")

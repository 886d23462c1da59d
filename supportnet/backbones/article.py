"""The article's own networks: its model, mended (section 4.3), and its Transformer (section 3)."""

import keras
from keras import ops

from supportnet.checks import check_divides, check_positive
from supportnet.layers import BiLSTMAttention, TransformerDecoder, TransformerEncoder


def build_model(
    vocab_size: int, embedding_dim: int, hidden_dim: int, num_layers: int, num_heads: int, dropout_rate: float
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


def build_transformer(
    vocab_size: int,
    embedding_dim: int,
    hidden_dim: int,
    num_layers: int,
    num_heads: int,
    dropout_rate: float,
    max_length: int = 128,
    norm: str = "pre",
) -> keras.Model:
    """Build the full Transformer on token ids: from a source and a target to logits of each next token of the target.

    The table of word vectors serves source, target and output (Press & Wolf 2017, Using the Output Embedding; Vaswani
    et al. 2017, section 3.4). To train, give the targets with a start token before them, and as labels the same targets
    with an end token after them; leave padding (label 0) out of the loss.

    Args:
        vocab_size: number of token ids V, padding included, of source and target together.
        embedding_dim: depth D of the word vectors.
        hidden_dim: width of the feed-forward layers.
        num_layers: number of blocks of the encoder and of the decoder, 1 or more.
        num_heads: heads of each attention; must divide `embedding_dim`.
        dropout_rate: in [0, 1).
        max_length: length of the longest source and of the longest target.
        norm: "pre" (Xiong et al. 2020) or "post", the article's: where the blocks normalize.

    Returns:
        A model from `{"source_ids": int [B, S], "target_ids": int [B, T]}`, where 0 is padding and stands at the end,
        to float32 logits `[B, T, V]`. Those at position t depend on the target up to t, and on the source.

    Raises:
        UserError: a number is out of its range, or `norm` is neither.

    Example:
        >>> sizes = {"embedding_dim": 64, "hidden_dim": 256, "num_layers": 2, "num_heads": 4, "dropout_rate": 0.1}
        >>> model = build_transformer(vocab_size=1000, **sizes)
        >>> ids = {"source_ids": keras.ops.array([[4, 8, 15, 0]]), "target_ids": keras.ops.array([[1, 16, 23]])}
        >>> keras.ops.shape(model(ids))
        (1, 3, 1000)
    """
    check_positive("vocab_size", vocab_size)
    check_divides("num_heads", num_heads, "embedding_dim", check_positive("embedding_dim", embedding_dim))
    sizes = (hidden_dim, check_positive("num_layers", num_layers), num_heads, dropout_rate)
    source_ids = keras.Input((None,), dtype="int32", name="source_ids")
    target_ids = keras.Input((None,), dtype="int32", name="target_ids")
    # The encoder and the decoder scale the vectors by sqrt(D); unscaled, they give logits of a deviation around 1.
    embed = keras.layers.ReversibleEmbedding(
        vocab_size,
        embedding_dim,
        embeddings_initializer=keras.initializers.RandomNormal(stddev=embedding_dim**-0.5),
        dtype="float32",
        name="embed",
    )
    mask = ops.not_equal(source_ids, 0)
    encoder = TransformerEncoder(*sizes, max_length=max_length, norm=norm, name="encoder")
    decoder = TransformerDecoder(*sizes, max_length=max_length, norm=norm, name="decoder")
    memory = encoder(embed(source_ids), mask=mask)
    decoded = decoder(embed(target_ids), memory, memory_mask=mask)
    logits = embed(decoded, reverse=True)
    return keras.Model({"source_ids": source_ids, "target_ids": target_ids}, logits, name="transformer")

"""Keras layers for encoding and decoding text. They need Keras and NumPy, and run on its TensorFlow and JAX backends.

Import them without the rest of the package: nothing here knows a task, a text or a file.

    x, mask = keras.Input((None, 128)), keras.Input((None,), dtype="bool")
    encoded = BiLSTMAttention(hidden_dim=96, num_layers=1, num_heads=4)(x, mask=mask)
    model = keras.Model([x, mask], MaskedPooling()(encoded, mask=mask))

`import supportnet.layers` registers them all, so that `keras.saving.load_model` reads a model of them.

Encoders, `[B, T, D]` and a mask `[B, T]` -> `[B, T, D]`; all take the same sizes:

- `Encoder`: their base, and what is expected of one of your own.
- `BiLSTMAttention`: a bidirectional LSTM, then attention blocks.
- `TransformerEncoder`: positions, then attention blocks.
- `ConvEncoder`: dilated convolutions, no attention.

Decoders, `[B, T, D]` beside a memory `[B, S, D]` -> `[B, T, D]`, for a whole target or one token at a time:

- `Decoder`: their base.
- `RecurrentDecoder`: an LSTM, then attention to the memory.
- `TransformerDecoder`: positions, then causal attention and attention to the memory.
- `PrefixDecoder`: a GPT, which reads the memory as the beginning of its own sequence.

What they are made of:

- `MultiHeadAttention`: attention of a sequence to itself or to another one.
- `CausalSelfAttention`: attention to what came before.
- `AttentionBlock`: attention and feed-forward, the block of an encoder.
- `CausalBlock`: the same, looking back only.
- `CrossAttentionBlock`: attention to a memory, and feed-forward.
- `DecoderBlock`: causal attention, then a `CrossAttentionBlock`.
- `ConvBlock`: convolutions with a residual.
- `LayerNorm`: layer normalization in few operations.
- `PositionalEncoding`: adds sines and cosines of the positions.
- `Phrases`: convolutions over two and over three words.

From tokens to vectors, and from vectors to scores:

- `TokenEmbedding`: a vector a token, of the word and its character n-grams.
- `PairEmbedding`: a vector for each pair of words that follow each other.
- `MaskedPooling`: the maximum and the mean over the real tokens.
- `MeanSimilarity`: cosines of messages' vectors and the mean ones of intents.
- `NgramScores`: a linear classifier of words, pairs and character n-grams.
- `ScaledCosine`: cosines of two sets of vectors, on a learned scale.

Functions: `scaled_dot_product_attention`, `positional_encoding`.
"""

from supportnet.layers.attention import CausalSelfAttention, MultiHeadAttention, scaled_dot_product_attention
from supportnet.layers.blocks import AttentionBlock, CausalBlock, CrossAttentionBlock, DecoderBlock, LayerNorm
from supportnet.layers.conv import ConvBlock, ConvEncoder, Phrases
from supportnet.layers.embedding import PairEmbedding, PositionalEncoding, TokenEmbedding, positional_encoding
from supportnet.layers.recurrent import BiLSTMAttention, RecurrentDecoder
from supportnet.layers.scores import MaskedPooling, MeanSimilarity, NgramScores, ScaledCosine
from supportnet.layers.stacks import Decoder, Encoder
from supportnet.layers.transformer import PrefixDecoder, TransformerDecoder, TransformerEncoder

__all__ = [
    "AttentionBlock",
    "BiLSTMAttention",
    "CausalBlock",
    "CausalSelfAttention",
    "ConvBlock",
    "ConvEncoder",
    "CrossAttentionBlock",
    "Decoder",
    "DecoderBlock",
    "Encoder",
    "LayerNorm",
    "MaskedPooling",
    "MeanSimilarity",
    "MultiHeadAttention",
    "NgramScores",
    "PairEmbedding",
    "Phrases",
    "PositionalEncoding",
    "PrefixDecoder",
    "RecurrentDecoder",
    "ScaledCosine",
    "TokenEmbedding",
    "TransformerDecoder",
    "TransformerEncoder",
    "positional_encoding",
    "scaled_dot_product_attention",
]

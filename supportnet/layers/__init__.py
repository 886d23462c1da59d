"""Layers: attention, positional encoding, embedding, encoders, decoders, pooling, scores. No tasks, no data."""

from supportnet.layers.attention import CausalSelfAttention, MultiHeadAttention, scaled_dot_product_attention
from supportnet.layers.blocks import AttentionBlock, CausalBlock, CrossAttentionBlock, DecoderBlock
from supportnet.layers.conv import Phrases
from supportnet.layers.embedding import PairEmbedding, TokenEmbedding
from supportnet.layers.ngram_scores import NgramScores
from supportnet.layers.norm import LayerNorm
from supportnet.layers.pooling import MaskedPooling
from supportnet.layers.positional_encoding import PositionalEncoding, positional_encoding
from supportnet.layers.recurrent import BiLSTMAttention, RecurrentDecoder
from supportnet.layers.scaled_cosine import ScaledCosine
from supportnet.layers.transformer import PrefixDecoder, TransformerDecoder, TransformerEncoder

__all__ = [
    "AttentionBlock",
    "BiLSTMAttention",
    "CausalBlock",
    "CausalSelfAttention",
    "CrossAttentionBlock",
    "DecoderBlock",
    "LayerNorm",
    "MaskedPooling",
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

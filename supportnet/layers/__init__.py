"""Layers: attention, positional encoding, embedding, encoders, pooling, scores. They know nothing of tasks or data."""

from supportnet.layers.attention import MultiHeadAttention, scaled_dot_product_attention
from supportnet.layers.attention_block import AttentionBlock
from supportnet.layers.bilstm_attention import BiLSTMAttention
from supportnet.layers.ngram_scores import NgramScores
from supportnet.layers.pair_embedding import PairEmbedding
from supportnet.layers.pooling import MaskedPooling
from supportnet.layers.positional_encoding import PositionalEncoding, positional_encoding
from supportnet.layers.scaled_cosine import ScaledCosine
from supportnet.layers.token_embedding import TokenEmbedding
from supportnet.layers.transformer_encoder import TransformerEncoder

__all__ = [
    "AttentionBlock",
    "BiLSTMAttention",
    "MaskedPooling",
    "MultiHeadAttention",
    "NgramScores",
    "PairEmbedding",
    "PositionalEncoding",
    "ScaledCosine",
    "TokenEmbedding",
    "TransformerEncoder",
    "positional_encoding",
    "scaled_dot_product_attention",
]

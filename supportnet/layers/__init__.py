"""Layers: attention, positional encoding, embedding, encoders, decoders, pooling, scores. No tasks, no data."""

from supportnet.layers.attention import MultiHeadAttention, scaled_dot_product_attention
from supportnet.layers.attention_block import AttentionBlock
from supportnet.layers.bilstm_attention import BiLSTMAttention
from supportnet.layers.causal_block import CausalBlock
from supportnet.layers.causal_self_attention import CausalSelfAttention
from supportnet.layers.conv import Phrases
from supportnet.layers.cross_attention_block import CrossAttentionBlock
from supportnet.layers.decoder_block import DecoderBlock
from supportnet.layers.embedding import TokenEmbedding
from supportnet.layers.ngram_scores import NgramScores
from supportnet.layers.norm import LayerNorm
from supportnet.layers.pair_embedding import PairEmbedding
from supportnet.layers.pooling import MaskedPooling
from supportnet.layers.positional_encoding import PositionalEncoding, positional_encoding
from supportnet.layers.prefix_decoder import PrefixDecoder
from supportnet.layers.recurrent import RecurrentDecoder
from supportnet.layers.scaled_cosine import ScaledCosine
from supportnet.layers.transformer import TransformerDecoder
from supportnet.layers.transformer_encoder import TransformerEncoder

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

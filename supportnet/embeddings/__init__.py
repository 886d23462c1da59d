"""Word vectors: read from files or trained on a company's own tickets, and turned into an embedding layer's matrix.

    vectors = load_word_embeddings("wiki-news-300d-1M.vec", words=vocabulary)
    matrix, coverage = embedding_matrix(vocabulary, vectors)

Vectors are gensim's `KeyedVectors`, so that all of gensim works on them (`vectors["refund"]`, `most_similar`); those
of fastText with n-grams are its `FastTextKeyedVectors`. Neither gensim nor TensorFlow is imported before it is needed.
"""

from supportnet.embeddings.load_save import load_word_embeddings, save_word_embeddings
from supportnet.embeddings.matrix import Coverage, check_embedding_dim, embedding_matrix
from supportnet.embeddings.train import METHODS, train_word_embeddings

__all__ = [
    "METHODS",
    "Coverage",
    "check_embedding_dim",
    "embedding_matrix",
    "load_word_embeddings",
    "save_word_embeddings",
    "train_word_embeddings",
]

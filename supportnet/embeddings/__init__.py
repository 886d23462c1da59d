"""Word vectors: load from files or train on your own tickets, and make the matrix of an embedding layer.

    vectors = load_word_embeddings("wiki-news-300d-1M.vec", words=vocabulary)
    matrix, coverage = embedding_matrix(vocabulary, vectors)

Vectors are gensim's `KeyedVectors`, so gensim's functions work on them (`vectors["refund"]`, `most_similar`); fastText
vectors with n-grams are its `FastTextKeyedVectors`. gensim and TensorFlow are imported when they are needed.
"""

from supportnet.embeddings.formats import load_word_embeddings, save_word_embeddings
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

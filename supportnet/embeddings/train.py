"""Train word vectors on your own texts."""

import zlib
from collections import Counter
from collections.abc import Iterable
from itertools import chain
from typing import TYPE_CHECKING

from tqdm import tqdm

from supportnet.checks import check_choice, check_many, check_positive
from supportnet.errors import UserError

if TYPE_CHECKING:
    from gensim.models import KeyedVectors

METHODS = ("word2vec", "fasttext")
#: Lengths and buckets of fastText's n-grams. gensim's default of 2,000,000 buckets takes 1 GB at 128 dimensions.
_NGRAMS = {"min_n": 3, "max_n": 5, "bucket": 100_000}


def train_word_embeddings(
    texts: Iterable[str],
    method: str = "word2vec",
    embedding_dim: int = 128,
    epochs: int = 20,
    window: int = 5,
    min_count: int = 2,
    mode: str = "unicode",
    seed: int = 0,
    progress_bar: bool = True,
) -> "KeyedVectors":
    """Train word vectors on texts that are tokenized and redacted as for the models.

    Uses gensim's skip-gram with negative sampling, which is better than CBOW on few texts. It runs on one core, so the
    same texts and seed give the same vectors in every process.

    Args:
        texts: the texts, normally the messages of the training split.
        method: `word2vec` (Mikolov et al. 2013, Distributed Representations of Words and Phrases), or `fasttext`
            (Bojanowski et al. 2017, Enriching Word Vectors with Subword Information), which also has vectors for
            unseen words.
        embedding_dim: D, the length of the vectors.
        epochs: passes over the texts. gensim's default of 5 is for billions of words.
        window: maximum number of context tokens on each side.
        min_count: minimum frequency of a word.
        mode: `unicode` or `article`, as in the model.
        seed: seed of the initial vectors, the windows and the negative samples.
        progress_bar: show one on standard error, one step per epoch.

    Returns:
        gensim's `KeyedVectors`, float32 `[N, D]`, most frequent words first; for `fasttext` its `FastTextKeyedVectors`.

    Raises:
        UserError: if an argument is invalid, or there are no words to train on.

    Example (needs a training run):
        >>> vectors = train_word_embeddings([ticket.text for ticket in tickets], method="fasttext")
        >>> vectors.most_similar("refund")
    """
    check_choice("method", method, METHODS)
    check_many("texts", "a list of texts", texts)
    sizes = {"epochs": epochs, "window": window, "min_count": min_count}
    for name, number in {"embedding_dim": embedding_dim, **sizes}.items():
        check_positive(name, number)
    # Here, because it imports TensorFlow.
    from supportnet.text.vocabulary import tokenize_batches

    batches = tokenize_batches(texts, mode)
    sentences = [[token.decode("utf-8") for token in sentence] for batch in batches for sentence in batch.to_list()]
    counts = Counter(chain.from_iterable(sentences))
    if not counts:
        raise UserError("texts must hold at least one word to train on. Received: none")
    if (most := max(counts.values())) < min_count:
        raise UserError(f"min_count must be at most {most}: no word occurs more often. Received: {min_count=}")
    from gensim.models import FastText, Word2Vec
    from gensim.models.callbacks import CallbackAny2Vec

    make, extra = (Word2Vec, {}) if method == "word2vec" else (FastText, _NGRAMS)
    with tqdm(total=epochs, desc=f"training {method}", unit="epoch", disable=not progress_bar) as bar:
        counter = CallbackAny2Vec()
        counter.on_epoch_end = lambda model: bar.update()
        model = make(
            sentences,
            vector_size=embedding_dim,
            sg=1,
            seed=seed,
            workers=1,
            hashfxn=stable_hash,
            callbacks=[counter],
            **sizes,
            **extra,
        )
    return model.wv


def stable_hash(word: str) -> int:
    """Return a hash of a word that is equal in all processes, unlike Python's `hash`.

    Example:
        >>> stable_hash("refund")
        1529615448
    """
    return zlib.crc32(word.encode("utf-8", "surrogatepass"))

"""Linear SVMs: TF-IDF with one, the baseline of classifiers, and the n-gram classifier inside a network."""

import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array, diags_array, hstack, vstack
from scipy.special import softmax
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline, make_union
from sklearn.svm import LinearSVC

from supportnet.errors import UserError
from supportnet.layers.scores import NgramScores
from supportnet.metrics.calibration import fit_temperature
from supportnet.text.preprocessor import TextFrontEnd
from supportnet.text.special_tokens import SPECIAL_TOKENS
from supportnet.training.examples import Examples

#: Messages that are read at once.
_BATCH_SIZE = 512

#: Minutes that the solver takes for a message and a class, on one core; measured on BANKING77.
_MINUTES = 6e-8
#: What margins are multiplied by where no validation message can tell: near what BANKING77 and CLINC150 say.
USUAL_SCALE = 5.0


def tfidf() -> FeatureUnion:
    """Make the features: words (1, 2) and characters (2, 5), sublinear TF-IDF."""
    return make_union(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True),
        TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True),
    )


def fit_svm(texts: Sequence[str], labels: Sequence[str]) -> Pipeline:
    """Fit the features and a linear SVM.

    Example:
        >>> fit_svm(["my parcel", "my money"], ["track", "refund"]).predict(["the parcel"]).tolist()
        ['track']
    """
    return make_pipeline(tfidf(), LinearSVC(C=1, random_state=0)).fit(list(texts), list(labels))


def fit_ngrams(
    preprocessor: TextFrontEnd,
    layer: NgramScores,
    labelled: Examples,
    pseudo: Examples | None = None,
    validation: Examples | None = None,
    balanced: bool = False,
    seed: int = 0,
) -> None:
    """Set the weights of a layer in place: one linear SVM per class, against all others.

    An SVM's margins are no logits. One factor for all of them, the one that makes the validation messages likeliest,
    turns them into some (Platt 1999, Probabilistic outputs for support vector machines, with a softmax).

    Args:
        preprocessor: texts -> features.
        layer: whose weights are set; its classes are those of the examples.
        labelled: labelled messages.
        pseudo: messages with the probabilities that another model gives them; each counts as much as its likeliest
            class is probable. Coverage is that of the labelled ones alone.
        validation: labelled messages that the factor is fitted on; it is `USUAL_SCALE` without any.
        balanced: weigh every class alike.
        seed: of the solver.
    """
    parts = [labelled] if pseudo is None else [labelled, pseudo]
    counts_by_part = [ngram_counts(preprocessor, layer, part.texts) for part in parts]
    counts = [vstack(matrices, format="csr") for matrices in zip(*counts_by_part, strict=True)]
    # As in scikit-learn: at least 1, and finite for what training never saw.
    idf = [np.log((1 + matrix.shape[0]) / (1 + (matrix > 0).sum(axis=0))) + 1 for matrix in counts]
    svm = LinearSVC(class_weight="balanced" if balanced else None, random_state=seed)
    targets, certainty = (np.concatenate([getattr(part, name) for part in parts]) for name in ("best", "certainty"))
    svm.fit(_tfidf(counts, idf), targets, sample_weight=certainty)
    weights, bias = svm.coef_, svm.intercept_
    if layer.num_intents == 2:
        # Of two classes, scikit-learn's SVM has only the second one's.
        weights, bias = np.vstack([-weights, weights]), np.concatenate([-bias, bias])
    scale = USUAL_SCALE
    if validation is not None and len(validation):
        margins = _tfidf(ngram_counts(preprocessor, layer, validation.texts), idf) @ weights.T + bias
        scale = scale_of(margins, validation.best)
    all_idf = np.concatenate(idf)[:, None]
    table = np.hstack([weights.T * all_idf, all_idf**2])
    words, pairs, ngrams = np.split(table, np.cumsum([layer.vocab_size, layer.num_pairs]))
    # Whether each character n-gram occurs in a message of each class, `[F, K]`.
    by_class = _counts(np.arange(len(labelled)), labelled.best, (len(labelled), layer.num_intents))
    seen = (counts_by_part[0][1].T @ by_class).toarray() > 0
    # Punctuation is in the vocabulary too, and special tokens are.
    is_word = [any(map(str.isalnum, token)) and token not in SPECIAL_TOKENS for token in preprocessor.vocabulary]
    words = np.hstack([words, np.array(is_word)[:, None]])
    ngrams = np.hstack([ngrams, seen, np.ones((layer.num_buckets, 1))])
    layer.set_weights([words, pairs, ngrams, bias, np.array(scale)])


def check_size(num_classes: int, num_messages: int, vocab_size: int, num_pairs: int, num_buckets: int) -> None:
    """Check, before anything is made, that the classifier fits into memory, and say where it will take long.

    Both grow with the number of classes: each has an SVM and columns of its own.

    Args:
        num_classes: number of classes.
        num_messages: number of training messages.
        vocab_size, num_pairs, num_buckets: rows of the tables; see `NgramScores`.

    Raises:
        UserError: it takes more memory than the machine has.

    Warns:
        UserWarning: it will take minutes.
    """
    # Weights in double precision, idf times weights, the table and its parts; and in single precision, the layer's own
    # and two copies of it in training.
    needed = num_classes * (36 * (vocab_size + num_pairs + num_buckets) + 16 * num_buckets)
    minutes = _MINUTES * num_classes * num_messages
    what = f"The linear classifier of {num_classes:,} classes takes about {needed / 1e9:.1f} GB of memory"
    if needed > machine_memory():
        raise UserError(
            f"{what}, and the machine has {machine_memory() / 1e9:.1f}: merge rare classes, or take smaller tables "
            "(num_pairs, num_buckets)."
        )
    if minutes > 2:
        warnings.warn(f"{what} and {minutes:.0f} minutes to fit. Fewer classes take less.", stacklevel=4)


def machine_memory() -> int:
    """Return the memory that this process may have at most, in bytes: the machine's, or a container's limit."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    limit = Path("/sys/fs/cgroup/memory.max")
    said = limit.read_text().strip() if limit.exists() else "max"
    return min(memory, int(said)) if said.isdecimal() else memory


def scale_of(margins: npt.NDArray[np.floating], targets: npt.NDArray[np.int64]) -> float:
    """Return the factor of margins `[N, K]` under whose softmax the targets `[N]` are likeliest.

    Example:
        >>> scale_of(np.array([[1.0, -1.0]] * 9 + [[-1.0, 1.0]]), np.zeros(10, int)) < 1.0
        True
    """
    return 1 / fit_temperature(softmax(margins, axis=1), targets)


def ngram_counts(preprocessor: TextFrontEnd, layer: NgramScores, texts: Sequence[str]) -> list[csr_array]:
    """Count in each message the features that a layer looks up.

    Returns:
        Words and pairs of words `[N, V + P]`, and character n-grams `[N, buckets]`.
    """
    batches = []
    for start in range(0, len(texts), _BATCH_SIZE):
        tensors = preprocessor(texts[start : start + _BATCH_SIZE])
        features = {name: value.numpy() for name, value in tensors.items()}
        token_ids, mask = features["token_ids"], features["mask"]
        unknown, hashed, pairs, followed = (np.asarray(found) for found in layer.feature_ids(tensors))
        known = mask & ~unknown
        words = _counts(np.nonzero(known)[0], token_ids[known], (len(mask), layer.vocab_size))
        buckets = [
            _counts(np.nonzero(chosen)[0], found[chosen], (len(mask), layer.num_pairs))
            for chosen, found in ((unknown, hashed), (followed, pairs))
        ]
        # Messages by distinct words, times distinct words by their n-grams.
        num_words = int(features["word_index"].max(initial=0)) + 1
        by_message = _counts(np.nonzero(mask)[0], features["word_index"][mask], (len(mask), num_words))
        by_word = _counts(features["subword_segments"], features["subword_ids"], (num_words, layer.num_buckets))
        batches.append((hstack([words, buckets[0] + buckets[1]], format="csr"), by_message @ by_word))
    return [vstack(matrices, format="csr") for matrices in zip(*batches, strict=True)]


def _counts(rows: npt.NDArray[Any], columns: npt.NDArray[Any], shape: tuple[int, int]) -> csr_array:
    # scikit-learn's solver takes 32-bit indices only.
    return csr_array((np.ones(len(rows)), (rows.astype("int32"), columns.astype("int32"))), shape)


def _tfidf(counts: Sequence[csr_array], idf: Sequence[npt.NDArray[np.float64]]) -> csr_array:
    """Weigh the counts and divide each row by its length, as `NgramScores` does, both kinds side by side."""
    return hstack(
        [
            diags_array(1 / np.sqrt(np.maximum(matrix @ weights**2, 1))) @ matrix @ diags_array(weights)
            for matrix, weights in zip(counts, idf, strict=True)
        ],
        format="csr",
    )

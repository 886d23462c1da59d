"""TF-IDF with a linear SVM: what a user would pick instead of a network that classifies."""

from collections.abc import Sequence

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline, make_union
from sklearn.svm import LinearSVC


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

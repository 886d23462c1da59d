"""What a user would pick instead: TF-IDF with a linear SVM, given the confidence that the package fits for its own."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from keras import ops
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline, make_union
from sklearn.svm import LinearSVC

from supportnet.data.ticket import Ticket
from supportnet.tasks.classify.answers import ANSWERS, Answers
from supportnet.tasks.classify.calibrate import fit_confidence
from supportnet.tasks.classify.config import ClassifyConfig
from supportnet.tasks.classify.fitted import Confidence
from supportnet.tasks.classify.scores import decide


def tfidf() -> FeatureUnion:
    """Make the peer's features: words (1, 2) and characters (2, 5), sublinear TF-IDF."""
    return make_union(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True),
        TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True),
    )


def fitted(tickets: Sequence[Ticket]) -> Pipeline:
    """Fit the features and a linear SVM."""
    svm = make_pipeline(tfidf(), LinearSVC(C=1, random_state=0))
    return svm.fit([ticket.text for ticket in tickets], [ticket.intent for ticket in tickets])


class Svm:
    """A fitted SVM that answers as this package's models do: its margins stand where their logits do.

    So it is decide by the same code: the score of scope and of routing is the largest probability of the softmax of
    the margins, untempered, and the probabilities are those at the fitted temperature.

    Attributes:
        pipeline: the SVM with its TF-IDF.
        intents: the names of the intents, in the order of the margins.
        confidence: temperature and thresholds.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline
        self.intents = [str(intent) for intent in pipeline.classes_]
        self.confidence = Confidence()

    def calibrate(self, validation: Sequence[Ticket], config: ClassifyConfig) -> None:
        """Fit temperature and thresholds on messages that the SVM hasn't seen, as `supportnet.train` does."""
        self.confidence = Confidence()
        answers = self.answers([ticket.text for ticket in validation])
        self.confidence = fit_confidence(answers, validation, config.precision, config.out_of_scope_share)

    def answers(self, texts: Sequence[str], batch_size: int = 64) -> Answers:
        """Return all that is said of every message."""
        logits = self.pipeline.decision_function(texts).astype("float32")
        # It knows no coverage: a whole one for all discounts nothing.
        judgement = decide({"logits": logits, "coverage": np.ones_like(logits)}, self.confidence, self.intents)
        return Answers(self.intents, **{name: ops.convert_to_numpy(judgement[name]) for name in ANSWERS})

    def probabilities(self, texts: Sequence[str], batch_size: int = 64) -> npt.NDArray[np.float32]:
        """Return the probability of every intent for every message, `[N, K]`."""
        return self.answers(texts, batch_size).probabilities

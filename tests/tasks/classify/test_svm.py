"""The SVM that stands beside the models."""

import numpy as np

from supportnet.data.ticket import OUT_OF_SCOPE, Ticket
from supportnet.tasks.classify.comparison import Svm
from supportnet.tasks.classify.config import ClassifyConfig
from supportnet.tasks.classify.evaluate import evaluate_model
from supportnet.training.svm import fit_svm


def test_svm_is_judged_as_a_model_is() -> None:
    words = {"cancel": "please cancel my order", "track": "where is my parcel", "refund": "give the money back"}
    tickets = [Ticket(f"{text} number {i}", intent) for intent, text in words.items() for i in range(12)]
    svm = Svm(fit_svm([t.text for t in tickets], [str(t.intent) for t in tickets]))
    svm.calibrate([*tickets, Ticket("sing me a song", OUT_OF_SCOPE)], ClassifyConfig(out_of_scope_share=0.1))
    answers = svm.answers(["where is it", "cancel it"])
    assert svm.intents == ["cancel", "refund", "track"]
    assert answers.predicted.tolist() == [2, 0]
    np.testing.assert_allclose(answers.probabilities.sum(axis=1), 1, rtol=1e-5)
    assert evaluate_model(svm, tickets)["coverage_at_precision"] == 1.0

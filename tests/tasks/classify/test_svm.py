"""The SVM that stands beside the models."""

import numpy as np
from scipy.special import softmax

from supportnet.data.ticket import OUT_OF_SCOPE, Ticket
from supportnet.tasks.classify.comparison import Svm
from supportnet.tasks.classify.config import ClassifyConfig
from supportnet.tasks.classify.evaluate import evaluate_model
from supportnet.training.svm import fit_svm


def test_svm_is_judged_as_a_model_is() -> None:
    words = {"cancel": "please cancel my order", "track": "where is my parcel", "refund": "give the money back"}
    tickets = [Ticket(f"{text} number {i}", intent) for intent, text in words.items() for i in range(60)]
    svm = Svm(fit_svm([t.text for t in tickets], [str(t.intent) for t in tickets]))
    outside = [Ticket("sing me a song", OUT_OF_SCOPE)] * 12
    svm.calibrate([*tickets, *outside], ClassifyConfig(precision=0.8, out_of_scope_share=0.1))
    # The SVM knows nothing of words, coverage and margins: every message can be routed, by its probability alone.
    assert svm.confidence.promised_precision == 0.8
    answers = svm.answers(["where is it", "cancel it"])
    assert svm.intents == ["cancel", "refund", "track"]
    assert answers.predicted.tolist() == [2, 0]
    assert answers.can_route.all()
    untempered = softmax(svm.pipeline.decision_function(["where is it", "cancel it"]), axis=1).max(axis=1)
    np.testing.assert_allclose(answers.route_score, untempered, rtol=1e-5)
    np.testing.assert_allclose(answers.in_scope_score, untempered, rtol=1e-5)
    np.testing.assert_allclose(answers.probabilities.sum(axis=1), 1, rtol=1e-5)
    assert evaluate_model(svm, tickets)["coverage_at_precision"] == 1.0

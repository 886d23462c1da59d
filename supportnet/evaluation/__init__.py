"""Scores of a trained or exported model, one against another, and doubtful labels."""

from supportnet.evaluation.against import compare_models
from supportnet.evaluation.classify import evaluate_model
from supportnet.evaluation.label_noise import find_doubtful_labels

__all__ = ["compare_models", "evaluate_model", "find_doubtful_labels"]

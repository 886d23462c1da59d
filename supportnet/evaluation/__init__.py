"""Scores of a trained or exported model."""

from supportnet.evaluation.classify import evaluate_model

__all__ = ["evaluate_model"]

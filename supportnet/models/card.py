"""The model card: what a model is and what it learned from, for whoever finds it later."""

from dataclasses import asdict
from typing import Any

import keras

from supportnet.version import __version__

#: Task -> the names that a model of it knows, and what was fitted on validation data; attributes of the model.
_NAMES = {"classify": "intents", "suggest": "labels", "reply": "pieces"}
_FITTED = {"classify": "confidence", "suggest": "relevance", "reply": "handoff"}


def model_card(model: Any) -> dict[str, Any]:
    """Describe a model of any task, in what JSON can hold.

    Args:
        model: an `IntentClassifier`, a `Suggester` or a `Replier`.

    Returns:
        Among others `task`, `architecture`, `parameters`, `network` (all options), and, of a trained one, `data`, with
        its licence, and `validation`.

    Example (needs a run folder):
        >>> model_card(load_run("runs/banking77"))["parameters"]
        1935465
    """
    names, fitted = _NAMES[model.task], _FITTED[model.task]
    return {
        "task": model.task,
        "supportnet": __version__,
        "keras": keras.__version__,
        "architecture": model.config.architecture,
        "parameters": model.network.count_params(),
        "vocabulary": len(model.vocabulary),
        names: len(getattr(model, names)),
        "network": asdict(model.config),
        **model.origin,
        fitted: asdict(getattr(model, fitted)),
        "personal_data": "Redacted by pattern before the vocabulary is built; see supportnet.text.redaction.",
    }

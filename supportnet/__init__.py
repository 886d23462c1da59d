"""Customer support in Keras: classify messages and serve the model with TensorFlow Serving.

import supportnet

tickets = supportnet.load("sample")
model = supportnet.train(tickets)
model.classify(["where is my parcel?"])
model.export("saved_models/support")
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from supportnet.version import __version__

if TYPE_CHECKING:
    from supportnet.api import SupportModel, load_model, train
    from supportnet.backbones.article import build_model
    from supportnet.backbones.transformer import build_transformer
    from supportnet.data import load, load_bank
    from supportnet.embeddings import load_word_embeddings
    from supportnet.startup import start_tensorflow
    from supportnet.tasks.classify.evaluate import evaluate_model
    from supportnet.tasks.joint import train_tasks
    from supportnet.tasks.reply.learner import train_replier
    from supportnet.tasks.reply.run import load_replier
    from supportnet.tasks.suggest.learner import train_suggester
    from supportnet.tasks.suggest.run import load_suggester
    from supportnet.text.preprocess import preprocess
    from supportnet.training.pretrain import pretrain

__all__ = [
    "SupportModel",
    "__version__",
    "build_model",
    "build_transformer",
    "evaluate_model",
    "load",
    "load_bank",
    "load_model",
    "load_replier",
    "load_suggester",
    "load_word_embeddings",
    "preprocess",
    "pretrain",
    "start_tensorflow",
    "train",
    "train_replier",
    "train_suggester",
    "train_tasks",
]

#: Where each name lives. It is imported when it is first used: TensorFlow takes seconds.
_HOMES = {
    "SupportModel": "supportnet.api",
    "build_model": "supportnet.backbones.article",
    "build_transformer": "supportnet.backbones.transformer",
    "evaluate_model": "supportnet.tasks.classify.evaluate",
    "load": "supportnet.data",
    "load_bank": "supportnet.data",
    "load_model": "supportnet.api",
    "load_replier": "supportnet.tasks.reply.run",
    "load_suggester": "supportnet.tasks.suggest.run",
    "load_word_embeddings": "supportnet.embeddings",
    "preprocess": "supportnet.text.preprocess",
    "pretrain": "supportnet.training.pretrain",
    "start_tensorflow": "supportnet.startup",
    "train": "supportnet.api",
    "train_replier": "supportnet.tasks.reply.learner",
    "train_suggester": "supportnet.tasks.suggest.learner",
    "train_tasks": "supportnet.tasks.joint",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'supportnet' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__

"""Customer support in Keras: classify messages, suggest answers, write replies, serve them with TensorFlow Serving.

import supportnet

tickets = supportnet.load("sample")
model = supportnet.train(tickets)
model.classify(["where is my parcel?"])
model.export("saved_models/support")

Rooms: `supportnet.layers`, `supportnet.backbones`, `supportnet.tasks`, `supportnet.serving`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from supportnet.version import __version__

if TYPE_CHECKING:
    from supportnet.api import (
        SupportModel,
        load_model,
        load_replier,
        load_suggester,
        train,
        train_replier,
        train_suggester,
        train_tasks,
    )
    from supportnet.architectures import register_encoder
    from supportnet.backbones.article import build_model
    from supportnet.backbones.transformer import build_transformer
    from supportnet.data import load, load_bank
    from supportnet.embeddings import load_word_embeddings
    from supportnet.serving.saved_models import export, index
    from supportnet.startup import start_tensorflow
    from supportnet.tasks.classify.evaluate import evaluate_model
    from supportnet.tasks.tune import tune
    from supportnet.text.preprocess import preprocess
    from supportnet.training.pretrain import pretrain

__all__ = [
    "SupportModel",
    "__version__",
    "build_model",
    "build_transformer",
    "evaluate_model",
    "export",
    "index",
    "load",
    "load_bank",
    "load_model",
    "load_replier",
    "load_suggester",
    "load_word_embeddings",
    "preprocess",
    "pretrain",
    "register_encoder",
    "start_tensorflow",
    "train",
    "train_replier",
    "train_suggester",
    "train_tasks",
    "tune",
]

#: name -> its module. It is imported when it is first used: TensorFlow takes seconds.
_MODULES = {
    "SupportModel": "supportnet.api",
    "build_model": "supportnet.backbones.article",
    "build_transformer": "supportnet.backbones.transformer",
    "evaluate_model": "supportnet.tasks.classify.evaluate",
    "export": "supportnet.serving.saved_models",
    "index": "supportnet.serving.saved_models",
    "load": "supportnet.data",
    "load_bank": "supportnet.data",
    "load_model": "supportnet.api",
    "load_replier": "supportnet.api",
    "load_suggester": "supportnet.api",
    "load_word_embeddings": "supportnet.embeddings",
    "preprocess": "supportnet.text.preprocess",
    "pretrain": "supportnet.training.pretrain",
    "register_encoder": "supportnet.architectures",
    "start_tensorflow": "supportnet.startup",
    "train": "supportnet.api",
    "train_replier": "supportnet.api",
    "train_suggester": "supportnet.api",
    "train_tasks": "supportnet.api",
    "tune": "supportnet.tasks.tune",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'supportnet' has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return __all__

"""Customer support in Keras: classify messages, suggest answers, write replies, serve them with TensorFlow Serving.

import supportnet

tickets = supportnet.load("sample")
model = supportnet.train(tickets)
model.classify(["where is my parcel?"])
model.export("saved_models/support")

What most users need stands here. The rest is exported by `supportnet.layers`, `supportnet.backbones`,
`supportnet.tasks`, `supportnet.serving` and `supportnet.compare`.
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
    from supportnet.backbones.article import build_model, build_transformer
    from supportnet.config import PRESETS
    from supportnet.data import (
        Answer,
        Bank,
        Ticket,
        TicketDataset,
        bank_of_replies,
        load,
        load_bank,
        train_validation_split,
    )
    from supportnet.embeddings import (
        embedding_matrix,
        load_word_embeddings,
        save_word_embeddings,
        train_word_embeddings,
    )
    from supportnet.serving.saved_models import export, index
    from supportnet.serving.verify.verify import verify
    from supportnet.startup import start_tensorflow
    from supportnet.tasks.classify.evaluate import evaluate_model
    from supportnet.tasks.tune import tune
    from supportnet.text.preprocess import preprocess
    from supportnet.text.redaction import redact
    from supportnet.text.tokenizer import tokenize
    from supportnet.text.vocabulary import Vocabulary, count_tokens
    from supportnet.training.pretrain import pretrain

__all__ = [
    "PRESETS",
    "Answer",
    "Bank",
    "SupportModel",
    "Ticket",
    "TicketDataset",
    "Vocabulary",
    "__version__",
    "bank_of_replies",
    "build_model",
    "build_transformer",
    "count_tokens",
    "embedding_matrix",
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
    "redact",
    "register_encoder",
    "save_word_embeddings",
    "start_tensorflow",
    "tokenize",
    "train",
    "train_replier",
    "train_suggester",
    "train_tasks",
    "train_validation_split",
    "train_word_embeddings",
    "tune",
    "verify",
]

#: name -> its module. It is imported when it is first used: TensorFlow takes seconds.
_MODULES = {
    "PRESETS": "supportnet.config",
    "Answer": "supportnet.data",
    "Bank": "supportnet.data",
    "SupportModel": "supportnet.api",
    "Ticket": "supportnet.data",
    "TicketDataset": "supportnet.data",
    "Vocabulary": "supportnet.text.vocabulary",
    "bank_of_replies": "supportnet.data",
    "build_model": "supportnet.backbones.article",
    "build_transformer": "supportnet.backbones.article",
    "count_tokens": "supportnet.text.vocabulary",
    "embedding_matrix": "supportnet.embeddings",
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
    "redact": "supportnet.text.redaction",
    "register_encoder": "supportnet.architectures",
    "save_word_embeddings": "supportnet.embeddings",
    "start_tensorflow": "supportnet.startup",
    "tokenize": "supportnet.text.tokenizer",
    "train": "supportnet.api",
    "train_replier": "supportnet.api",
    "train_suggester": "supportnet.api",
    "train_tasks": "supportnet.api",
    "train_validation_split": "supportnet.data",
    "train_word_embeddings": "supportnet.embeddings",
    "tune": "supportnet.tasks.tune",
    "verify": "supportnet.serving.verify.verify",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'supportnet' has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return __all__

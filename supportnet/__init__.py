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
    from supportnet.backbones.article import build_model
    from supportnet.backbones.transformer import build_transformer
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

#: module -> its names, which are imported when they are first used: TensorFlow takes seconds.
_MODULES = {
    "supportnet.api": "SupportModel load_model load_replier load_suggester "
    "train train_replier train_suggester train_tasks",
    "supportnet.architectures": "register_encoder",
    "supportnet.backbones.article": "build_model",
    "supportnet.backbones.transformer": "build_transformer",
    "supportnet.config": "PRESETS",
    "supportnet.data": "Answer Bank Ticket TicketDataset bank_of_replies load load_bank train_validation_split",
    "supportnet.embeddings": "embedding_matrix load_word_embeddings save_word_embeddings train_word_embeddings",
    "supportnet.serving.saved_models": "export index",
    "supportnet.serving.verify.verify": "verify",
    "supportnet.startup": "start_tensorflow",
    "supportnet.tasks.classify.evaluate": "evaluate_model",
    "supportnet.tasks.tune": "tune",
    "supportnet.text.preprocess": "preprocess",
    "supportnet.text.redaction": "redact",
    "supportnet.text.tokenizer": "tokenize",
    "supportnet.text.vocabulary": "Vocabulary count_tokens",
    "supportnet.training.pretrain": "pretrain",
}


def __getattr__(name: str) -> Any:
    for module, names in _MODULES.items():
        if name in names.split():
            return getattr(import_module(module), name)
    raise AttributeError(f"module 'supportnet' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__

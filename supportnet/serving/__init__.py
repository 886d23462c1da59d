"""Serving: exports, the stand-in behind `supportnet serve`, and the client.

>>> from supportnet.serving import Client
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from supportnet.serving.client import Client, RequestError

if TYPE_CHECKING:
    from supportnet.savedmodel.load import SavedModel
    from supportnet.serving.saved_models import export, index
    from supportnet.tasks.classify.serve import ExportedModel
    from supportnet.tasks.suggest.serve import ExportedSuggester

__all__ = ["Client", "ExportedModel", "ExportedSuggester", "RequestError", "SavedModel", "export", "index"]

#: name -> its module. It is imported when it is first used: the client needs no TensorFlow.
_MODULES = {
    "ExportedModel": "supportnet.tasks.classify.serve",
    "ExportedSuggester": "supportnet.tasks.suggest.serve",
    "SavedModel": "supportnet.savedmodel.load",
    "export": "supportnet.serving.saved_models",
    "index": "supportnet.serving.saved_models",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'supportnet.serving' has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)

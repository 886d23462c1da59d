"""Serving: exports, the stand-in behind `supportnet serve`, and the client.

>>> from supportnet.serving import Client
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from supportnet.serving.client import Client
    from supportnet.serving.client.rest_client import RequestError

__all__ = ["Client", "RequestError"]

#: Where each name lives. It is imported when it is first used.
_HOMES = {"Client": "supportnet.serving.client", "RequestError": "supportnet.serving.client.rest_client"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'supportnet.serving' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)

"""Serving: exports, the stand-in behind `supportnet serve`, and the client.

>>> from supportnet.serving import Client
"""

import lazy_loader

# `__init__.pyi` says which name is from which module. It is imported when first used: the client needs no TensorFlow.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

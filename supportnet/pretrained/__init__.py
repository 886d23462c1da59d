"""Pretrained encoders, read from local folders in the form of Hugging Face's models; and where weights come from.

>>> from supportnet.pretrained import read_folder
"""

import lazy_loader

# `__init__.pyi` says which name is from which module. It is imported when first used: to list weights needs no Keras.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

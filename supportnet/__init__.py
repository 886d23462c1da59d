"""Customer support in Keras: classify messages, suggest answers, write replies, serve them with TensorFlow Serving.

import supportnet

tickets = supportnet.load("sample")
model = supportnet.train(tickets)
model.classify(["where is my parcel?"])
model.export("saved_models/support")

What most users need stands here. The rest is exported by `supportnet.layers`, `supportnet.backbones`,
`supportnet.tasks`, `supportnet.serving` and `supportnet.compare`.
"""

import lazy_loader

# `__init__.pyi` says which name is from which module. It is imported when it is first used: TensorFlow takes seconds.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

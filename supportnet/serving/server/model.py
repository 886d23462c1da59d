"""One version of a model, loaded: a session that is fed by its signatures' names, as in TensorFlow Serving."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from weakref import finalize

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from supportnet.serving.server.codes import Code, ServingError

#: As many requests run at a time as there are cores: handing operations to more threads only makes them wait.
_IN_THIS_THREAD = tf.compat.v1.RunOptions(inter_op_thread_pool=-1)

Arrays = Mapping[str, npt.NDArray[Any]]


class LoadedModel:
    """A SavedModel with the tag `serve`. It is closed when nobody holds it any more, after its last request.

    Args:
        name: what it is served as.
        version: its number.
        folder: the SavedModel.

    Attributes:
        signatures: its SignatureDefs by name.

    Raises:
        ServingError: it can't be loaded.

    Example (needs an export):
        >>> model = LoadedModel("tickets", 1, Path("saved_models/tickets/1"))
        >>> model.run("embed", {"text": np.array([b"hello"], object)})["embedding"].shape
        (1, 768)
    """

    def __init__(self, name: str, version: int, folder: Path) -> None:
        self.name, self.version, self.folder = name, version, folder
        session = tf.compat.v1.Session(graph=tf.Graph())
        finalize(self, session.close)
        try:
            with session.graph.as_default():
                meta_graph = tf.compat.v1.saved_model.load(session, [tf.saved_model.SERVING], str(folder))
            self.signatures: dict[str, Any] = dict(meta_graph.signature_def)
            self._callables = {key: _callable(session, signature) for key, signature in self.signatures.items()}
        # Nothing is certain about a damaged file: the loader trips over it in many ways.
        except Exception as error:
            raise ServingError(Code.INTERNAL, str(error).partition("\n")[0] or type(error).__name__) from None

    def run(self, signature: str, inputs: Arrays) -> dict[str, npt.NDArray[Any]]:
        """Run a signature that is there on inputs that fit it; strings are `bytes`.

        Raises:
            ServingError: TensorFlow refuses.
        """
        definition = self.signatures[signature]
        try:
            values = (inputs[name] for name in sorted(definition.inputs))
            outputs = self._callables[signature](*values, options=_IN_THIS_THREAD)
        except tf.errors.OpError as error:
            raise ServingError(Code(error.error_code), error.message.partition("\n")[0]) from None
        return dict(zip(sorted(definition.outputs), map(np.asarray, outputs), strict=True))


def _callable(session: Any, signature: Any) -> Any:
    """Return the signature as a function of its inputs' values, in the order of their names."""
    fetches = [signature.outputs[name].name for name in sorted(signature.outputs)]
    feeds = [signature.inputs[name].name for name in sorted(signature.inputs)]
    # The signature that initializes a model stands among the others, and has an operation for an output.
    return session.make_callable(fetches, feeds, accept_options=True) if feeds else None

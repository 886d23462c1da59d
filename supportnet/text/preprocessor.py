"""Base class of preprocessors: strings -> the tensors that a backbone reads."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import keras

from supportnet.errors import UserError
from supportnet.text.tokenizer_graph import as_strings

#: Shape, with None for a size that is known only at run time, and dtype of a tensor.
Spec = tuple[tuple[int | None, ...], str]


class Preprocessor(keras.layers.Layer, ABC):
    """Turn texts into a dictionary of tensors, with TensorFlow operations and no weights.

    A preprocessor is part of the model and of the exported graph, so training and serving read a text alike. Subclasses
    set `specs` and `table`, implement `features`, and are registered with Keras; `get_config` holds their tokens.

    Args:
        max_length: maximum number of tokens of a text.
        text_mode: name of the rules that cut a text into tokens.

    Attributes:
        specs: name -> shape and dtype of each returned tensor. A tensor of rank 2 or more is batched, one of rank 1 has
            a length of its own. `mask`, bool `[B, T]`, True = real token, is always there.
        table: lookup table that calls use, token -> id.

    Call arguments:
        texts: string `[B]`, or a list or an array of `str`; B may be 0, a text empty or invalid UTF-8.

    Returns:
        A dict with the tensors of `specs`.

    Raises:
        UserError: if `max_length` isn't positive.

    Example:
        >>> from supportnet.text.front_end import TextFrontEnd
        >>> inputs = {name: keras.Input(shape[1:], dtype=dtype) for name, (shape, dtype) in TextFrontEnd.specs.items()}
        >>> inputs["mask"].shape, inputs["mask"].dtype
        ((None, None), 'bool')
    """

    specs: ClassVar[Mapping[str, Spec]]
    table: Any

    def __init__(self, max_length: int, text_mode: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if max_length < 1:
            raise UserError(f"max_length must be positive. Received: max_length={max_length}")
        self.max_length, self.text_mode = max_length, text_mode
        # XLA has no operations on strings.
        self.supports_jit = False

    def __call__(self, texts: Any, **kwargs: Any) -> Any:
        """Accept lists and arrays of texts too; Keras would read a list as several inputs."""
        if isinstance(texts, keras.KerasTensor):
            return super().__call__(texts, **kwargs)
        # No weights to build, nothing to cast, no mask to pass on: Keras's own call would only add to the time.
        return self.call(as_strings(texts))

    def call(self, texts: Any) -> dict[str, Any]:
        return self.features(texts, self.table)

    @abstractmethod
    def features(self, texts: Any, table: Any) -> dict[str, Any]:
        """Return what a call returns, looked up in another table.

        Args:
            texts: string `[B]`.
            table: table with the same tokens, such as one from `table_from_file`, whose file an export holds.
        """

    def compute_output_spec(self, texts: Any) -> dict[str, Any]:
        return {
            name: keras.KerasTensor((texts.shape[0], *shape[1:]) if len(shape) > 1 else shape, dtype)
            for name, (shape, dtype) in self.specs.items()
        }

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "max_length": self.max_length, "text_mode": self.text_mode}

"""Types of the layers' arguments."""

from typing import Any, TypeAlias

#: A tensor or a variable of any backend, a symbolic tensor, or an array. They have no base class in common, and to name
#: them all would import every backend.
Tensor: TypeAlias = Any

#: A bool tensor, True = real token.
Mask: TypeAlias = Any

#: The sizes of a tensor: an integer each, None where a size isn't known. The last one, the depth, is always known.
Shape: TypeAlias = tuple[Any, ...]

#: What a decoder keeps between two steps: tensors with the batch first, or dictionaries of them, by name.
State: TypeAlias = dict[str, Any]

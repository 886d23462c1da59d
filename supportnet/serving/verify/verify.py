"""Verification: what an operator wants to know of an export before its release."""

import os

from supportnet.serving.verify.check import Check
from supportnet.serving.verify.running_checks import running_checks
from supportnet.serving.verify.static_checks import static_checks
from supportnet.serving.verify.written import WrittenModel


def verify(path: str | os.PathLike[str]) -> list[Check]:
    """Check an exported model.

    Its files are read, and it is loaded by TensorFlow's C API, which reaches the loader that TensorFlow Serving uses,
    with XLA off as there, in processes that import neither supportnet nor keras. None of this is TensorFlow Serving.

    Args:
        path: `NAME` (its highest version) or `NAME/VERSION`.

    Returns:
        What was found, in the order in which it was looked for.

    Raises:
        UserError: there is no model.

    Example (needs an export):
        >>> [check.name for check in verify("saved_models/support") if check.passed is False]
        []
    """
    model = WrittenModel(path)
    return [*static_checks(model), *running_checks(model)]

"""Verify an export before its release."""

import os

from supportnet.serving.verify.running_checks import running_checks
from supportnet.serving.verify.static_checks import Check, SavedModelFiles, static_checks


def verify(path: str | os.PathLike[str]) -> list[Check]:
    """Check an exported model.

    The files are checked, and the model is run through TensorFlow's C API, which uses the loader of TensorFlow Serving,
    with XLA off as there, in processes that import neither supportnet nor keras. TensorFlow Serving itself isn't run.

    Args:
        path: `NAME` (its highest version) or `NAME/VERSION`.

    Returns:
        The results, in the order of the checks.

    Raises:
        UserError: if there is no model.

    Example (needs an export):
        >>> [check.name for check in verify("saved_models/support") if check.passed is False]
        []
    """
    model = SavedModelFiles(path)
    return [*static_checks(model), *running_checks(model)]

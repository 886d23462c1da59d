"""Plain strings in front of a model: checked, encoded, and run in batches."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from supportnet.layers.checks import check_positive
from supportnet.models.config import NetworkConfig
from supportnet.models.messages import checked_texts
from supportnet.text.front_end import TextFrontEnd
from supportnet.text.graph import as_strings
from supportnet.text.vocabulary import Vocabulary


def build_front_end(config: NetworkConfig, vocabulary: Vocabulary) -> TextFrontEnd:
    """Make what turns texts into the input of a network with this configuration.

    Example:
        >>> build_front_end(NetworkConfig(max_length=64), Vocabulary(["where", "parcel"])).max_length
        64
    """
    return TextFrontEnd(vocabulary, mode=config.text_mode, max_length=config.max_length, num_buckets=config.num_buckets)


def run_in_batches(
    serve: Callable[[Any], Mapping[str, Any]], texts: Iterable[str], outputs: Sequence[str], batch_size: int
) -> dict[str, npt.NDArray[Any]]:
    """Run `serve` on all texts, in batches of similar length: padding costs as much as words do.

    Args:
        serve: string `[B]` -> tensors by name, `[B, ...]`.
        texts: N strings.
        outputs: names of the tensors that are wanted.
        batch_size: texts a batch, at most.

    Returns:
        Arrays by name, `[N, ...]`, rows in the order of the texts.

    Raises:
        UserError: see `checked_texts`; or `batch_size` is below 1.
    """
    texts = checked_texts(texts)
    check_positive("batch_size", batch_size)
    order = np.argsort([len(text) for text in texts], kind="stable")
    batches = [order[i : i + batch_size] for i in range(0, len(order), batch_size)] or [order]
    served = (serve(as_strings([texts[i] for i in batch])) for batch in batches)
    rows = [{name: batch[name].numpy() for name in outputs} for batch in served]
    back = np.argsort(order)
    return {name: np.concatenate([row[name] for row in rows])[back] for name in outputs}

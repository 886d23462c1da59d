"""Reading rows of tables: by id, and summed over the character n-grams of each distinct word."""

from typing import Any

from keras import ops


def take_rows(table: Any, rows: Any) -> Any:
    """Take rows of a layer's weight. TensorFlow's variables can be read by the row; `ops.take` alone copies them.

    Args:
        table: weight `[R, D]`.
        rows: int, any shape `[...]`.

    Returns:
        `[..., D]`.
    """
    read = getattr(table.value, "sparse_read", None)
    return ops.take(table, rows, axis=0) if read is None else read(rows)


def sum_over_ngrams(vectors: Any, inputs: dict[str, Any]) -> Any:
    """Add up the vectors of the n-grams of each distinct word of a batch.

    Args:
        vectors: float `[N, D]`, one for each of `inputs["subword_ids"]`.
        inputs: what the text front end returns; see `TokenEmbedding`.

    Returns:
        float `[U, D]`, one row a distinct word, zeros for a word without n-grams; U is an upper bound of their number.
    """
    batch, time = ops.shape(inputs["token_ids"])[0], ops.shape(inputs["token_ids"])[1]
    # A batch has at most B T distinct words. Unlike their true number, that bound is known to every backend.
    # One row more, because none can be taken from an empty table when B is 0.
    return ops.segment_sum(vectors, inputs["subword_segments"], num_segments=batch * time + 1)

"""The rows of a bank as a FAISS file: for banks that are too large for an exact search in the graph."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from supportnet.errors import UserError
from supportnet.files import write_json, written_whole
from supportnet.tasks.suggest.serve import ExportedSuggester


def write_faiss(model: ExportedSuggester, path: str | os.PathLike[str]) -> None:
    """Write what an exported model searches to a FAISS file, and the answers' ids beside it.

    Searched with what the signature `embed_message` returns, the file's distances are the answers' logits.

    Args:
        model: what `supportnet index` wrote.
        path: the file to write, an `IndexFlatIP`, which FAISS turns into any other index; `path`.ids.json holds the id
            of each of its rows.

    Raises:
        UserError: faiss-cpu isn't installed.

    Example (needs an export):
        >>> write_faiss(ExportedSuggester("saved_models/answers"), "answers.faiss")
        >>> queries = model.run("embed_message", ["where is it?"])["embedding"]
        >>> scores, rows = faiss.read_index("answers.faiss").search(queries, 3)
    """
    faiss = import_faiss()
    rows = np.ascontiguousarray(model.bank.columns.numpy().T)
    index = faiss.IndexFlatIP(rows.shape[1])
    index.add(rows)
    write_json(f"{os.fspath(path)}.ids.json", [answer_id.decode() for answer_id in model.bank.ids.numpy()])
    with written_whole(Path(path)) as temporary:
        faiss.write_index(index, str(temporary))


def import_faiss() -> Any:
    """Import FAISS, which only this file needs; a `UserError` where it isn't installed."""
    try:
        import faiss
    except ImportError:
        raise UserError("A FAISS file (--faiss) needs faiss-cpu: pip install 'supportnet[faiss]'.") from None
    return faiss

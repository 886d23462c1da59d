"""Load word vectors once and print what it took: `python one_load.py LOADER FILE WORDS`.

LOADER is `gensim` (all words, as it offers no choice), `supportnet` (the words of the file WORDS, one a line) or
`supportnet-all`. What is printed is JSON: seconds, and the most memory that the process held. A process of its own,
because memory that was held once counts for ever.
"""

import json
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gensim.models import KeyedVectors

from supportnet.embeddings import load_word_embeddings

LOADERS: dict[str, Callable[[str, list[str]], Any]] = {
    "gensim": lambda path, words: KeyedVectors.load_word2vec_format(path, binary=True),
    "supportnet": lambda path, words: load_word_embeddings(path, words=words, progress_bar=False),
    "supportnet-all": lambda path, words: load_word_embeddings(path, progress_bar=False),
}


def peak_megabytes() -> float:
    """Return the most memory that this process held. Not `getrusage`, which counts its parent's too."""
    status = Path("/proc/self/status").read_text()
    return int(re.findall(r"VmHWM:\s*(\d+) kB", status)[0]) / 1000


if __name__ == "__main__":
    load, wanted = LOADERS[sys.argv[1]], Path(sys.argv[3]).read_text().split()
    before = peak_megabytes()
    started = time.perf_counter()
    vectors = load(sys.argv[2], wanted)
    seconds = time.perf_counter() - started
    assert all(word in vectors.key_to_index for word in wanted)
    figures = {"seconds": seconds, "peak_megabytes": peak_megabytes(), "megabytes_before": before}
    print(json.dumps({**figures, "words": len(vectors)}))

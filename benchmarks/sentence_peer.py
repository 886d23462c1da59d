"""Time sentence-transformers on one core: `python sentence_peer.py FOLDER CORE`, or `... FOLDER CORE vectors`.

Asked and answering as `one_core.py`; with `vectors`, it reads a list of messages and prints the vector of each. Run by
the interpreter of an environment of its own, which needs sentence-transformers, and nothing of this package.
"""

import json
import os
import sys
from importlib.metadata import version

from one_core import answer_turns

BATCH = 64

if __name__ == "__main__":
    # Before torch is loaded, which sizes its thread pools by this.
    os.sched_setaffinity(0, {int(sys.argv[2])})
    import torch
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(1)
    model = SentenceTransformer(sys.argv[1], device="cpu")
    if sys.argv[3:] == ["vectors"]:
        vectors = model.encode(json.load(sys.stdin), batch_size=BATCH, show_progress_bar=False)
        versions = {name: version(name) for name in ("sentence-transformers", "transformers", "torch")}
        print(json.dumps({"vectors": vectors.tolist(), "versions": versions}))
    else:
        answer_turns(lambda texts: model.encode(texts, batch_size=BATCH, show_progress_bar=False))

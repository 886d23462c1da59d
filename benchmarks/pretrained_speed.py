"""How fast an export with a pretrained encoder answers on one core, beside sentence-transformers; and its size.

Turns and messages are those of `intent_speed.py`. oneDNN is off, as in TensorFlow Serving's release build.
"""

import os
import statistics
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from intent_speed import ROUNDS, Pairs, Peer, megabytes, speed_figures, timed_messages, turns
from pretrained_peers import OFFLINE, ask
from real_traffic_runs import messages

import supportnet
from supportnet.data.ticket import TicketDataset
from supportnet.pretrained import weights_folder
from supportnet.savedmodel.signatures import TEXT

SENTENCE_PEER = Path(__file__).parent / "sentence_peer.py"
#: Names of what is timed.
EMBED, CLASSIFY, SENTENCE, PIECES, NOTHING = "embed", "classify", "sentence-transformers", "word pieces", "nothing"
#: Variable that turns TensorFlow's oneDNN off.
WITHOUT_ONEDNN = {"TF_ENABLE_ONEDNN_OPTS": "0"}


def measured(spec: dict[str, Any]) -> dict[str, Any]:
    """Train and export a model, and time its export.

    Args:
        spec: `data`, `data_dir`, `options` of `supportnet.train`; `peer_python`, the interpreter that has
            sentence-transformers; `rounds`, if not as many as `ROUNDS`.

    Returns:
        `rows`, see `speed_rows`; `tokenizer_share`, see there; `smallest_cosine` of the vectors of both; `megabytes` of
        the export's `files` and of its `weights`; `load_average` of the machine before and after; `versions`.
    """
    train, _, test = messages(spec)
    model = supportnet.train(
        TicketDataset(spec["data"], {"train": train}), progress_bar=False, baseline=False, **spec["options"]
    )
    python, weights = spec["peer_python"], weights_folder(spec["options"]["backbone"])
    texts = timed_messages(test)
    with tempfile.TemporaryDirectory() as folder:
        exported = model.export(Path(folder) / "model", version=1)
        tokenizer = Path(folder) / "tokenizer"
        write_tokenizer(model.preprocessor, tokenizer)
        peers = {
            EMBED: Peer(exported, "embed", **WITHOUT_ONEDNN),
            CLASSIFY: Peer(exported, "classify", **WITHOUT_ONEDNN),
            SENTENCE: Peer(weights, python=python, script=SENTENCE_PEER, **OFFLINE),
            PIECES: Peer(tokenizer, "pieces", **WITHOUT_ONEDNN),
            NOTHING: Peer(tokenizer, "nothing", **WITHOUT_ONEDNN),
        }
        before = os.getloadavg()
        timed = turns(peers, texts, spec.get("rounds", ROUNDS))
        load_average = [before[0], os.getloadavg()[0]]
        sizes = {"files": file_sizes(exported), "weights": weight_sizes(model.model)}
    theirs = ask(python, SENTENCE_PEER, str(weights), str(min(os.sched_getaffinity(0))), "vectors", given=texts)
    return {
        "rows": speed_rows(timed),
        "tokenizer_share": tokenizer_share(timed),
        "median_words": statistics.median(len(text.split()) for text in texts),
        "num_messages": len(texts),
        "smallest_cosine": smallest_cosine(model.embed(texts), np.array(theirs["vectors"])),
        "megabytes": sizes,
        "load_average": load_average,
        "versions": theirs["versions"],
    }


def speed_rows(timed: Mapping[str, tuple[Pairs, Pairs]]) -> list[dict[str, Any]]:
    """Return a row for all that was timed.

    Args:
        timed: name -> what `turns` returns.

    Returns:
        `name`; medians over the rounds, by the clock and of the CPU; and CPU time relative to sentence-transformers in
        the same round, of one message (`relative_time`) and the inverse of a batch (`relative_rate`): the median, the
        smallest and the largest of the rounds.
    """
    peer_single, peer_batched = timed[SENTENCE]
    return [
        {
            "name": name,
            **speed_figures(single, batched),
            "relative_time": _spread(cpu_ratios(single, peer_single)),
            "relative_rate": _spread(cpu_ratios(peer_batched, batched)),
        }
        for name, (single, batched) in timed.items()
    ]


def cpu_ratios(over: Pairs, under: Pairs) -> list[float]:
    """Return the ratio of CPU times in each round."""
    return [above[1] / below[1] for above, below in zip(over, under, strict=True)]


def tokenizer_share(timed: Mapping[str, tuple[Pairs, Pairs]]) -> dict[str, float]:
    """Return the share of the word pieces in the CPU time of `embed`, for `one` message and in a `batch`.

    The time of a call that does nothing isn't the tokenizer's: it is taken off.
    """
    shares = {}
    for number, name in enumerate(("one", "batch")):
        pieces, nothing, whole = (timed[part][number] for part in (PIECES, NOTHING, EMBED))
        rounds = zip(pieces, nothing, whole, strict=True)
        shares[name] = statistics.median((p[1] - n[1]) / w[1] for p, n, w in rounds)
    return shares


def write_tokenizer(preprocessor: Any, path: Path) -> None:
    """Write a SavedModel of the word pieces alone: signatures `pieces`, and `nothing`, which only says the count."""
    module = tf.Module()
    module.table = preprocessor.table

    @tf.function(input_signature=[TEXT])
    def pieces(text: Any) -> dict[str, Any]:
        found = preprocessor.features(text, module.table)
        return {name: found[name] for name in ("piece_ids", "piece_mask")}

    @tf.function(input_signature=[TEXT])
    def nothing(text: Any) -> dict[str, Any]:
        return {"count": tf.size(text)}

    tf.saved_model.save(module, str(path), signatures={"pieces": pieces, "nothing": nothing})


def file_sizes(exported: Path) -> dict[str, float]:
    """Return the megabytes of each file and folder of an export."""
    return {path.name: megabytes(path) for path in sorted(exported.iterdir())}


def weight_sizes(model: Any) -> dict[str, float]:
    """Return the megabytes of the parts of a model's weights."""
    encoder = model.backbone.encoder
    ngrams = model.head.get_layer("ngrams")
    table = [encoder.words, *([encoder.word_scales] if encoder.word_table == "int8" else [])]
    parts = {"word table": table, "whole encoder": encoder.weights, "n-gram classifier": ngrams.weights}
    sizes = {name: sum(_bytes(weight) for weight in weights) / 1e6 for name, weights in parts.items()}
    rest = sum(_bytes(weight) for weight in model.network.weights) / 1e6
    blocks = sizes.pop("whole encoder") - sizes["word table"]
    return {**sizes, "blocks and positions": blocks, "other heads": rest - blocks - sum(sizes.values())}


def smallest_cosine(ours: Any, theirs: Any) -> float:
    """Return the smallest cosine between rows of equal number, `[N, D]` each."""
    lengths = np.linalg.norm(ours, axis=1) * np.linalg.norm(theirs, axis=1)
    return float(((ours * theirs).sum(axis=1) / lengths).min())


def _spread(ratios: Sequence[float]) -> dict[str, float]:
    return {"median": statistics.median(ratios), "smallest": min(ratios), "largest": max(ratios)}


def _bytes(weight: Any) -> int:
    return int(keras.ops.convert_to_numpy(weight).nbytes)

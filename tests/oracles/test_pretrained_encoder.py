"""Pretrained encoders beside transformers: the same hidden states from the same folder.

Where SUPPORTNET_MINILM names the folder of all-MiniLM-L6-v2, its states are compared too.
"""

import importlib.util
import itertools
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_encoders
from golden_cases import read_golden
from keras import ops
from tokenizers import Tokenizer

from supportnet.pretrained import SentencePooling, load_encoder, read_folder

MISSING = [name for name in ("torch", "transformers") if importlib.util.find_spec(name) is None]
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}")

MESSAGES = [
    "Where is my parcel? It should have come on Monday.",
    "hi",
    "",
    "J'attends toujours mon remboursement, 45,90\u20ac!",
    "\u6211\u8981\u9000\u6b3e",
    "My card was charged twice for the same order, and support has not answered for a week. " * 4,
]

#: In a process of its own: PyTorch and TensorFlow load libraries that don't bear each other everywhere.
ASK = """
import sys

import numpy as np
import torch
from transformers import AutoModel

path, *folders = sys.argv[1:]
given = {name: torch.tensor(array) for name, array in np.load(path).items()}
with torch.no_grad():
    states = [AutoModel.from_pretrained(folder).eval()(**given).last_hidden_state.numpy() for folder in folders]
np.save(path + ".npy", np.stack(states))
"""


def their_states(folders: Sequence[Path], ids: np.ndarray, mask: np.ndarray, tmp_path: Path) -> np.ndarray:
    """The states of each folder, `[F, B, T, D]`."""
    path = tmp_path / "inputs.npz"
    np.savez(path, input_ids=ids.astype("int64"), attention_mask=mask.astype("int64"))
    command = [sys.executable, "-c", ASK, str(path), *map(str, folders)]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "USE_TF": "0", "USE_FLAX": "0"})
    assert done.returncode == 0, done.stderr
    states: np.ndarray = np.load(f"{path}.npy")
    return states


def our_states(folder: Path, ids: np.ndarray, mask: np.ndarray, word_table: str = "float32") -> np.ndarray:
    return ops.convert_to_numpy(load_encoder(read_folder(folder), word_table=word_table)(ids, mask=mask))


def test_tiny_encoders(tmp_path: Path) -> None:
    ids, mask = tiny_encoders.IDS, tiny_encoders.MASK
    folders = []
    for kind, activation in itertools.product(tiny_encoders.CONFIGS, tiny_encoders.ACTIVATIONS):
        named = {"hidden_act" if kind == "bert" else "activation": activation}
        folders.append(tiny_encoders.write_folder(tmp_path / kind / activation, kind, **named))
    for folder, theirs in zip(folders, their_states(folders, ids, mask, tmp_path), strict=True):
        np.testing.assert_allclose(our_states(folder, ids, mask)[mask], theirs[mask], atol=2e-5, err_msg=str(folder))


def test_golden(keep: Callable[[str, dict[str, Any]], None], tmp_path: Path) -> None:
    """What stands in tests/golden is what transformers gives today."""
    kinds, mask = list(tiny_encoders.CONFIGS), tiny_encoders.MASK
    folders = [tiny_encoders.write_folder(tmp_path / kind, kind) for kind in kinds]
    theirs = dict(zip(kinds, their_states(folders, tiny_encoders.IDS, mask, tmp_path)[:, mask], strict=True))
    keep("transformers.json", {kind: rows.astype(float).round(6).tolist() for kind, rows in theirs.items()})
    golden = read_golden("transformers.json")
    assert set(golden) == set(theirs)
    for kind, rows in theirs.items():
        np.testing.assert_allclose(rows, golden[kind], atol=2e-6)


@pytest.mark.skipif("SUPPORTNET_MINILM" not in os.environ, reason="SUPPORTNET_MINILM names no folder of weights")
def test_minilm(tmp_path: Path) -> None:
    folder = Path(os.environ["SUPPORTNET_MINILM"])
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_padding()
    tokenizer.enable_truncation(64)
    read = tokenizer.encode_batch(MESSAGES)
    ids, mask = np.array([each.ids for each in read], "int32"), np.array([each.attention_mask for each in read], bool)
    (theirs,) = their_states([folder], ids, mask, tmp_path)
    ours = our_states(folder, ids, mask)
    np.testing.assert_allclose(ours[mask], theirs[mask], atol=1e-4)
    pool = SentencePooling()
    rounded = our_states(folder, ids, mask, word_table="int8")
    vectors = [ops.convert_to_numpy(pool(states, mask=mask)) for states in (theirs, ours, rounded)]
    cosines = [np.sum(vectors[0] * other, axis=1).min() for other in vectors[1:]]
    print(f"largest difference {np.abs(ours - theirs)[mask].max():.1e}, least cosines {cosines}")
    assert cosines[0] > 0.999999
    assert cosines[1] > 0.9998

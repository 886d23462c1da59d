"""Our numbers beside those that other libraries gave; `tox run -e oracles -- --write-golden` writes them."""

from pathlib import Path

import numpy as np
import pytest
import tiny_encoders
from golden_cases import MASK, MEMORY, VECTORS, decoder_block, read_golden, transformer_encoder
from keras import ops

from supportnet.pretrained import load_encoder, read_folder
from supportnet.text.byte_pairs import BytePairVocabulary


def test_transformer_encoder() -> None:
    ours = ops.convert_to_numpy(transformer_encoder()(VECTORS, mask=MASK))
    np.testing.assert_allclose(ours[MASK], read_golden("keras_hub.json")["transformer_encoder"], atol=1e-5)


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_decoder_block(norm: str) -> None:
    ours = ops.convert_to_numpy(decoder_block(norm)(VECTORS, MEMORY, memory_mask=MASK))
    theirs = np.array(read_golden("keras_hub.json")[f"decoder_block_{norm}"])
    np.testing.assert_allclose(ours, theirs.reshape(VECTORS.shape), atol=1e-5)


def test_byte_pairs() -> None:
    golden = read_golden("byte_pairs.json")
    vocabulary = BytePairVocabulary(golden["slots"], [tuple(merge) for merge in golden["merges"]])
    assert dict(zip(golden["ids"], vocabulary.encode(golden["ids"]), strict=True)) == golden["ids"]


@pytest.mark.parametrize("kind", tiny_encoders.CONFIGS)
def test_pretrained_encoder(kind: str, tmp_path: Path) -> None:
    encoder = load_encoder(read_folder(tiny_encoders.write_folder(tmp_path, kind)), word_table="float32")
    states = ops.convert_to_numpy(encoder(tiny_encoders.IDS, mask=tiny_encoders.MASK))
    np.testing.assert_allclose(states[tiny_encoders.MASK], read_golden("transformers.json")[kind], atol=2e-5)

"""The package's own exports, served: the same answers as when they are loaded in Python."""

from pathlib import Path

import numpy as np
import pytest
from small_replier import MESSAGES

from supportnet.savedmodel.load import SavedModel
from supportnet.serving.server.model import LoadedModel

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("export", ["tiny_export", "tiny_suggestions", "tiny_replies"])
def test_every_signature_that_takes_messages(export: str, request: pytest.FixtureRequest) -> None:
    folder: Path = request.getfixturevalue(export)
    loaded, expected = LoadedModel("m", 1, folder, 100), SavedModel(folder)
    texts = np.array([text.encode() for text in MESSAGES], object)
    asked = [name for name, signature in loaded.signatures.items() if set(signature.inputs) == {"text"}]
    assert {"serving_default", "embed"} <= set(asked)
    for name in asked:
        wanted = expected.run(name, MESSAGES)
        outputs = loaded.run(name, {"text": texts})
        assert set(outputs) == set(wanted)
        for output, value in wanted.items():
            if value.dtype == object:
                assert outputs[output].tolist() == value.tolist()
            else:
                np.testing.assert_allclose(outputs[output], value, rtol=1e-5, atol=1e-6)

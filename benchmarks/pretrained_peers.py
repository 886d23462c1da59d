"""Peers of models on a pretrained encoder: a logistic regression on its vectors, and scripts of other environments."""

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from supportnet.backbones.backbone import Backbone, build_preprocessor
from supportnet.backbones.texts import run_in_batches
from supportnet.config import NetworkConfig
from supportnet.data.ticket import OUT_OF_SCOPE, Ticket
from supportnet.pretrained.backbone import PretrainedBackbone
from supportnet.savedmodel.signatures import TEXT
from supportnet.tasks.classify.comparison import Svm
from supportnet.text.vocabulary import Vocabulary

#: Inverse strength of the regression's penalty.
INVERSE_PENALTY = 10.0
BATCH = 64
#: Variables of processes that read a local folder alone: nothing is looked for elsewhere, and no GPU is used.
OFFLINE = {
    "CUDA_VISIBLE_DEVICES": "",
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TOKENIZERS_PARALLELISM": "false",
}


class SentenceVectors:
    """Reads messages with a frozen encoder, as a model of this package does.

    Args:
        backbone: a name of `supportnet.pretrained.list_weights`, or a folder.

    Call arguments:
        texts: N messages.

    Returns:
        float32 `[N, D]`.
    """

    def __init__(self, backbone: str) -> None:
        read = PretrainedBackbone.read(backbone)
        config = NetworkConfig(**read.network_options)
        # The words are another branch's.
        vocabulary = Vocabulary([], read.pieces)
        preprocessor, network = build_preprocessor(config, vocabulary), Backbone(config, len(vocabulary))
        read.initialize(network.encoder)
        self._serve = tf.function(
            lambda texts: {"sentence": keras.ops.cast(network(preprocessor(texts))["sentence"], "float32")},
            input_signature=[TEXT],
        )

    def __call__(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        return run_in_batches(self._serve, texts, ["sentence"], BATCH)["sentence"]


def fit_regression(tickets: Sequence[Ticket], vectors: Any) -> Svm:
    """Fit the regression to the tickets in scope; what is returned answers, and is judged, as the SVM is.

    Args:
        tickets: labelled messages of three intents at least: of two, scikit-learn gives one score.
        vectors: texts -> `[N, D]`.

    Example (needs weights):
        >>> fit_regression(tickets, SentenceVectors("minilm")).answers(["where is my parcel?"]).route_score
    """
    inside = [ticket for ticket in tickets if ticket.intent not in (None, OUT_OF_SCOPE)]
    regression = LogisticRegression(C=INVERSE_PENALTY, max_iter=2000)
    pipeline = make_pipeline(FunctionTransformer(vectors), regression)
    return Svm(pipeline.fit([ticket.text for ticket in inside], [ticket.intent for ticket in inside]))


def ask(python: str, script: Path, *arguments: str, given: Any, folder: str | Path | None = None) -> dict[str, Any]:
    """Run a script of another environment once.

    Args:
        python: the interpreter of the environment.
        script: reads JSON from standard input, and prints JSON as its last line.
        *arguments: of the script.
        given: what it reads.
        folder: where it runs; here by default.

    Returns:
        What it printed.

    Raises:
        RuntimeError: it failed; with the end of what it wrote to standard error.
    """
    done = subprocess.run(
        [python, str(script), *arguments],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        env={**os.environ, **OFFLINE},
        cwd=folder,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{script.name}: {done.stderr[-2000:]}")
    return dict(json.loads(done.stdout.splitlines()[-1]))

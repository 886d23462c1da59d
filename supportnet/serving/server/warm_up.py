"""The requests in an export that a server answers before it serves: no client waits for what happens only once."""

from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

from supportnet.savedmodel.warmup import WARMUP
from supportnet.serving.server.codes import Code, ServingError, invalid
from supportnet.serving.server.inference import DEFAULT_SIGNATURE, classify, predict, regress
from supportnet.serving.server.model import LoadedModel
from supportnet.serving.server.tensors import arrays_of

#: The same in TensorFlow Serving's saved_model_warmup_util.h.
MOST_RECORDS = 1000


def warm_up(model: LoadedModel, max_batch_size: int) -> int:
    """Replay a model's warm-up records, and return how many it has.

    Raises:
        ServingError: a record fails, or there are more than 1000; TensorFlow Serving doesn't load the model either.
    """
    path = model.folder / WARMUP
    if not path.exists():
        return 0
    records = _records(path)
    if len(records) > MOST_RECORDS:
        raise invalid(f"Number of warmup records exceeds the maximum ({MOST_RECORDS}) at {path}")
    for record in records:
        _replay(model, record, max_batch_size)
    return len(records)


def _records(path: Path) -> list[PredictionLog]:
    try:
        return [PredictionLog.FromString(data) for data in tf.data.TFRecordDataset(str(path)).as_numpy_iterator()]
    # What protobuf raises has no public name.
    except Exception as error:
        raise ServingError(Code.DATA_LOSS, f"{path} can't be read: {str(error).partition(' [Op:')[0]}") from None


def _replay(model: LoadedModel, record: PredictionLog, max_batch_size: int) -> None:
    kind = record.WhichOneof("log_type")
    if kind == "predict_log":
        request = record.predict_log.request
        predict(model, _signature(request), arrays_of(request.inputs), max_batch_size, list(request.output_filter))
    elif kind in ("classify_log", "regress_log"):
        request = getattr(record, kind).request
        run = classify if kind == "classify_log" else regress
        run(model, _signature(request), request.input, max_batch_size)
    else:
        raise ServingError(Code.UNIMPLEMENTED, f"Unsupported log_type for warmup: {kind}")


def _signature(request: Any) -> str:
    return request.model_spec.signature_name or DEFAULT_SIGNATURE

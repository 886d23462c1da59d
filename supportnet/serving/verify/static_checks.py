"""The files of an exported version, and their checks: operations, signatures, assets, size."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import saved_model_pb2

from supportnet.errors import UserError
from supportnet.files import folder_bytes, read_json
from supportnet.pretrained.licence import LICENCES, read_licences
from supportnet.pretrained.weights import LICENCE_FILE, SOURCE_FILE
from supportnet.savedmodel.load import CARD, version_folder
from supportnet.savedmodel.signatures import EXAMPLES, INPUTS, WARMUP

OPERATIONS = Path(__file__).with_name("operations.py")
#: Dtypes of the inputs that signatures may have, `[B]` each.
DTYPES = {spec.name: spec.dtype for spec in INPUTS}
#: Maximum ratio of the variables' files to the parameters; a variable that is stored twice doubles it.
MOST_TIMES_PARAMETERS = 1.15


class SavedModelFiles:
    """The files of an exported version, read without loading it.

    Args:
        path: `NAME` (its highest version) or `NAME/VERSION`.

    Attributes:
        folder: folder of the version.
        signatures: name -> `SignatureDef`, sorted, without the initialization.
        assets: names of the files that the graph reads.

    Raises:
        UserError: if there is no model, or it isn't a SavedModel.

    Example (needs an export):
        >>> list(SavedModelFiles("saved_models/support").signatures)
        ['classify', 'embed', 'serving_default']
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.folder = version_folder(path)
        file = self.folder / "saved_model.pb"
        try:
            graphs = saved_model_pb2.SavedModel.FromString(file.read_bytes()).meta_graphs
        except (OSError, DecodeError) as error:
            raise UserError(f"{file} can't be read: it is damaged or no SavedModel ({error}).") from None
        served = [graph for graph in graphs if "serve" in graph.meta_info_def.tags]
        if not served:
            raise UserError(f"{file} holds no graph with the tag serve.")
        signatures: Any = served[0].signature_def
        self.signatures = {name: signatures[name] for name in sorted(signatures) if not name.startswith("__")}
        self.assets = sorted({asset.filename for asset in served[0].asset_file_def})

    def parameters_bytes(self) -> int:
        """Return the size of the variables: four bytes a parameter; variables with equal values count once.

        Raises:
            tf.errors.OpError: if their file is missing or damaged.
        """
        reader = tf.train.load_checkpoint(str(self.folder / "variables" / "variables"))
        sizes = {}
        for name in reader.get_variable_to_shape_map():
            if not name.startswith("_"):
                value = reader.get_tensor(name)
                data = b"".join(value.ravel()) if value.dtype == object else np.ascontiguousarray(value).tobytes()
                sizes[value.shape, hashlib.sha256(data).digest()] = len(data)
        return sum(sizes.values())


@dataclass(frozen=True)
class Check:
    """The result of one check.

    Attributes:
        name: name of the check.
        passed: whether it passed; None for a measurement without a limit.
        says: the finding in one line.
        figures: measurements by name: seconds, bytes and ratios.
    """

    name: str
    passed: bool | None
    says: str
    figures: dict[str, float] = field(default_factory=dict)


def static_checks(model: SavedModelFiles) -> list[Check]:
    """Run all checks of the files."""
    return [*operations(model), signatures(model), assets(model), *licences(model), size(model)]


def operations(model: SavedModelFiles) -> Iterator[Check]:
    """Check that all operations are of core TensorFlow, have a CPU kernel and need no compiler."""
    command = [sys.executable, "-P", str(OPERATIONS), str(model.folder.absolute())]
    done = subprocess.run(command, capture_output=True, text=True, cwd=OPERATIONS.anchor, check=False)
    if done.returncode:
        yield Check("operations", False, f"can't be listed: {done.stderr.strip()[-300:]}")
        return
    found = json.loads(done.stdout)
    problems = [f"{node} {reason}" for node, reason in found["problems"].items()]
    fine = f"{len(found['operations'])} operations, all of core TensorFlow"
    yield Check("operations", not problems, "; ".join(problems[:3]) or fine, {"operations": len(found["operations"])})
    compiled = ", ".join(found["compiled"])
    yield Check("no compiler", not compiled, f"{compiled} must be compiled" if compiled else "no jit_compile")


def signatures(model: SavedModelFiles) -> Check:
    """Check that a server can pass on the inputs and outputs of all signatures."""
    problems = [] if "serving_default" in model.signatures else ["there is no serving_default"]
    for name, signature in model.signatures.items():
        problems += [f"{name}: {problem}" for problem in signature_problems(signature)]
    return Check("signatures", not problems, "; ".join(problems) or ", ".join(model.signatures))


def signature_problems(signature: Any) -> Iterator[str]:
    """Yield what a server couldn't handle in a `SignatureDef`."""
    if EXAMPLES.name in signature.inputs and len(signature.inputs) > 1:
        yield f"the Classify API takes one input, {EXAMPLES.name}"
    if not {"text", EXAMPLES.name} & set(signature.inputs):
        yield "no input takes messages"
    for name, info in signature.inputs.items():
        if name not in DTYPES:
            yield f"the input {name} is not known"
        elif tf.as_dtype(info.dtype) != DTYPES[name]:
            yield f"the input {name} must be {DTYPES[name].name}, not {tf.as_dtype(info.dtype).name}"
        if [dim.size for dim in info.tensor_shape.dim] != [-1]:
            yield f"the input {name} must have rank 1, a value a message"
    for name, info in signature.outputs.items():
        # The server writes outputs with such names in base64.
        if info.dtype == tf.string.as_datatype_enum and name.endswith("_bytes"):
            yield f"the text output {name} would be sent as base64"
        if not info.tensor_shape.dim or info.tensor_shape.dim[0].size != -1:
            yield f"the output {name} has no row for each message"
    if EXAMPLES.name in signature.inputs and not set(signature.outputs) <= {"classes", "scores"}:
        yield f"the Classify API takes classes and scores, not {', '.join(sorted(signature.outputs))}"


def assets(model: SavedModelFiles) -> Check:
    """Check that the files that the graph reads exist, and the warm-up."""
    wanted = [*(f"assets/{name}" for name in model.assets), WARMUP]
    found = {name for name in wanted if (model.folder / name).is_file() and (model.folder / name).stat().st_size}
    missing = [name for name in wanted if name not in found]
    return Check("assets", not missing, f"missing or empty: {', '.join(missing)}" if missing else ", ".join(wanted))


def licences(model: SavedModelFiles) -> Iterator[Check]:
    """Check that the weights of a pretrained encoder come with their licence, where there is such an encoder."""
    card = model.folder / CARD
    networks = [own.get("network", {}) for own in read_json(card).values()] if card.exists() else []
    names = {network["pretrained"]["source"]["name"] for network in networks if network.get("pretrained")}
    for name in sorted(names):
        texts = read_licences(model.folder / "assets.extra").get(name, {})
        missing = [file for file in (LICENCE_FILE, SOURCE_FILE) if not texts.get(file, "").strip()]
        says = f"missing or empty in {LICENCES}/{name}: {', '.join(missing)}"
        yield Check("licences", not missing, says if missing else f"{name}: {', '.join(texts)}")


def size(model: SavedModelFiles) -> Check:
    """Check that no variable is stored twice."""
    try:
        parameters = model.parameters_bytes()
    # TensorFlow's checkpoint reader raises Python's own errors for those of C++.
    except (tf.errors.OpError, RuntimeError, ValueError) as error:
        return Check("size", False, f"the variables can't be read ({str(error).splitlines()[0]})")
    variables, total = folder_bytes(model.folder / "variables"), folder_bytes(model.folder)
    times, limit = variables / max(parameters, 1), MOST_TIMES_PARAMETERS
    return Check(
        "size",
        times <= limit,
        f"{total / 1e6:.1f} MB, {total / max(parameters, 1):.2f} times the parameters; "
        f"the variables alone {times:.2f} times, at most {limit}",
        {"bytes": total, "parameters_bytes": parameters, "times_parameters": total / max(parameters, 1)},
    )

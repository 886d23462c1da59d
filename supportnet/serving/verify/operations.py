"""List the operations of an export, and those that a TensorFlow server on a CPU couldn't run, in a process of its own.

python -P operations.py FOLDER > operations.json
"""

import json
import sys
from pathlib import Path
from typing import Any

from tensorflow.core.protobuf import saved_model_pb2
from tensorflow.python.framework import kernels, op_def_registry


def problem(node: Any) -> str | None:
    """Return why a server couldn't run a node of a graph, None if it could."""
    if op_def_registry.get(node.op) is None:
        return "no operation of core TensorFlow"
    if "PyFunc" in node.op:
        return "calls back to Python"
    # Kernels of DEFAULT, such as NoOp's, run on any device.
    devices = {kernel.device_type for kernel in kernels.get_registered_kernels_for_op(node.op).kernel}
    if not devices & {"CPU", "DEFAULT"}:
        return "has no kernel for the CPU"
    if node.device and "CPU" not in node.device:
        return f"is tied to {node.device}"
    return None


def main() -> None:
    """Print the operations, the problems by node, and the functions that require a compiler."""
    saved_model = saved_model_pb2.SavedModel.FromString(Path(sys.argv[1], "saved_model.pb").read_bytes())
    graph = saved_model.meta_graphs[0].graph_def
    nodes = [*graph.node, *(node for function in graph.library.function for node in function.node_def)]
    found = {f"{node.op} {node.name}": problem(node) for node in nodes}
    report = {
        "operations": sorted({node.op for node in nodes}),
        "problems": {node: reason for node, reason in found.items() if reason},
        # With XLA off, as in the server, such a function fails at the first request.
        "compiled": [f.signature.name for f in graph.library.function if f.attr["_XlaMustCompile"].b],
    }
    if "supportnet" in sys.modules:
        sys.exit("supportnet was imported")
    json.dump(report, sys.stdout)


if __name__ == "__main__":
    main()

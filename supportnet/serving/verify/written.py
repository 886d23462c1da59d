"""What stands in the folder of an exported version."""

import hashlib
import os
from typing import Any

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import saved_model_pb2

from supportnet.errors import UserError
from supportnet.files import folder_bytes
from supportnet.models.exported_model import version_folder


class WrittenModel:
    """The files of an exported version, read without loading it.

    Args:
        path: `NAME` (its highest version) or `NAME/VERSION`.

    Attributes:
        folder: the version's.
        signatures: name -> `SignatureDef`, sorted, without that of the initialisation.
        assets: names of the files that the graph reads.

    Raises:
        UserError: no model there, or one that isn't a SavedModel.

    Example (needs an export):
        >>> list(WrittenModel("saved_models/support").signatures)
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

    def total_bytes(self) -> int:
        """Size of all files."""
        return folder_bytes(self.folder)

    def variables_bytes(self) -> int:
        """Size of the files that hold the variables."""
        return sum(file.stat().st_size for file in self.folder.glob("variables/*"))

    def parameters_bytes(self) -> int:
        """Size of the variables: four bytes a parameter; variables with the same numbers count once.

        Raises:
            tf.errors.OpError: their file isn't there, or damaged.
        """
        reader = tf.train.load_checkpoint(str(self.folder / "variables" / "variables"))
        sizes = {}
        for name in reader.get_variable_to_shape_map():
            if not name.startswith("_"):
                value = reader.get_tensor(name)
                data = b"".join(value.ravel()) if value.dtype == object else np.ascontiguousarray(value).tobytes()
                sizes[value.shape, hashlib.sha256(data).digest()] = len(data)
        return sum(sizes.values())

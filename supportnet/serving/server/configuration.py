"""Which models are served: one folder, or TensorFlow Serving's models.config."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from google.protobuf import text_format
from tensorflow_serving.config.model_server_config_pb2 import ModelConfig, ModelServerConfig

from supportnet.errors import UserError

#: Version policy: the version numbers in the folder -> those to serve.
Policy = Callable[[set[int]], set[int]]


@dataclass(frozen=True)
class ConfiguredModel:
    """A model to serve.

    Attributes:
        name: name in requests.
        folder: base path, with one folder for each version, named by its number.
        policy: versions to serve; the highest by default.
        labels: version label, such as `stable` -> version.
    """

    name: str
    folder: Path
    policy: Policy = field(default=lambda versions: _latest(versions, 1))
    labels: Mapping[str, int] = field(default_factory=dict)


def read_config(path: str | os.PathLike[str]) -> list[ConfiguredModel]:
    """Read a models.config: names, base paths, version policies and labels.

    Raises:
        UserError: if the file can't be read, isn't a ModelServerConfig, or lists no model or one twice.
    """
    try:
        config = text_format.Parse(Path(path).read_text("utf-8"), ModelServerConfig())
    except (OSError, UnicodeDecodeError, text_format.ParseError) as error:
        raise UserError(f"--config {path} can't be read: {error}.") from None
    models = [_served(model) for model in config.model_config_list.config]
    names = [model.name for model in models]
    if not models or len(set(names)) < len(names):
        raise UserError(f"--config {path} must list models with names of their own. It lists: {', '.join(names)}.")
    return models


def _served(config: ModelConfig) -> ConfiguredModel:
    return ConfiguredModel(config.name, Path(config.base_path), _policy(config), dict(config.version_labels))


def _policy(config: ModelConfig) -> Policy:
    policy = config.model_version_policy
    if policy.HasField("all"):
        return lambda versions: versions
    if policy.HasField("specific"):
        listed = set(policy.specific.versions)
        return lambda versions: versions & listed
    return lambda versions: _latest(versions, policy.latest.num_versions or 1)


def _latest(versions: set[int], count: int) -> set[int]:
    return set(sorted(versions)[-count:])

"""The served models and their versions: configured, found, loaded, warmed up, looked up by ModelSpec, unloaded."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import Any, NamedTuple

from google.protobuf import text_format
from tensorflow_serving.apis import get_model_metadata_pb2 as metadata_pb2
from tensorflow_serving.apis.get_model_status_pb2 import GetModelStatusRequest, GetModelStatusResponse
from tensorflow_serving.apis.model_pb2 import ModelSpec
from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

from supportnet.errors import UserError
from supportnet.savedmodel.load import versions_in
from supportnet.serving.server.codes import Code, ServingError, invalid
from supportnet.serving.server.model import LoadedModel

#: Version policy: the version numbers in the folder -> those to serve.
Policy = Callable[[set[int]], set[int]]
#: Path, size and time of each file in a folder: changes while files are copied into it.
Fingerprint = frozenset[tuple[str, int, int]]
#: TensorFlow Serving's interval between looks for new versions.
POLL_SECONDS = 1.0


def _latest(count: int) -> Policy:
    return lambda versions: set(sorted(versions)[-count:])


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
    policy: Policy = field(default=_latest(1))
    labels: Mapping[str, int] = field(default_factory=dict)


def read_config(path: str | os.PathLike[str]) -> list[ConfiguredModel]:
    """Read TensorFlow Serving's models.config: names, base paths, version policies and labels.

    Raises:
        UserError: if the file can't be read, isn't a ModelServerConfig, or lists no model or one twice.
    """
    try:
        listed = text_format.Parse(Path(path).read_text("utf-8"), ModelServerConfig()).model_config_list.config
    except (OSError, UnicodeDecodeError, text_format.ParseError) as error:
        raise UserError(f"--config {path} can't be read: {error}.") from None
    names = [model.name for model in listed]
    if not names or len(set(names)) < len(names):
        raise UserError(f"--config {path} must list models with names of their own. It lists: {', '.join(names)}.")
    return [
        ConfiguredModel(one.name, Path(one.base_path), _policy(one.model_version_policy), dict(one.version_labels))
        for one in listed
    ]


def _policy(policy: Any) -> Policy:
    if policy.HasField("all"):
        return set
    if policy.HasField("specific"):
        return set(policy.specific.versions).intersection
    return _latest(policy.latest.num_versions or 1)


class Version(NamedTuple):
    """What is known of a version.

    Attributes:
        state: as TensorFlow Serving names it.
        model: the loaded model while it is served.
        error: why it couldn't be loaded.
        seen: its files when it couldn't.
    """

    state: str
    model: LoadedModel | None = None
    error: ServingError | None = None
    seen: Fingerprint = frozenset()


class Versions:
    """The served versions of a model; `poll` updates them, and the other methods may be called meanwhile.

    A version that can't be loaded is skipped until its folder changes; older versions stay available.

    Args:
        model: the model and its version policy.
        max_batch_size: maximum number of rows of a request.
        say: called with one line for each version that is loaded, unloaded or skipped.
    """

    def __init__(self, model: ConfiguredModel, max_batch_size: int, say: Callable[[str], None]) -> None:
        self.model, self._max_batch_size, self._say = model, max_batch_size, say
        # Replaced as a whole: other threads read the one they got.
        self._versions: dict[int, Version] = {}

    def get(self, version: int | None) -> LoadedModel | None:
        """Return a version, or the highest one for None; None if it isn't served."""
        loaded = self._loaded()
        return loaded.get(max(loaded, default=0) if version is None else version)

    def states(self) -> dict[int, Version]:
        """Return every version ever seen by its number, the newest first."""
        return dict(sorted(self._versions.items(), reverse=True))

    def poll(self) -> None:
        """Load new versions, then unload those that the policy no longer includes."""
        try:
            there = versions_in(self.model.folder)
        # A folder that can't be listed now may be at the next poll.
        except OSError:
            return
        for version in sorted(self._wanted(there) - set(self._loaded())):
            self._load(version, there[version])
        wanted, loaded = self._wanted(there), set(self._loaded())
        # Nothing is unloaded while the folder is empty for a moment, such as when a version is replaced.
        for version in loaded - wanted if loaded & wanted else ():
            self._set(version, Version("END"), f"let go of version {version} of {self.model.name}")

    def _loaded(self) -> dict[int, LoadedModel]:
        return {number: version.model for number, version in self._versions.items() if version.model}

    def _wanted(self, there: dict[int, Path]) -> set[int]:
        failed = {number: version.seen for number, version in self._versions.items() if version.error}
        return self.model.policy({number for number in there if failed.get(number) != _fingerprint(there[number])})

    def _load(self, version: int, folder: Path) -> None:
        seen = _fingerprint(folder)
        self._set(version, Version("LOADING"))
        try:
            if not (folder / "saved_model.pb").exists():
                raise ServingError(Code.NOT_FOUND, "it holds no saved_model.pb")
            loaded = LoadedModel(self.model.name, version, folder, self._max_batch_size)
            warmed = loaded.warm_up()
        except ServingError as error:
            self._set(version, Version("END", error=error, seen=seen), f"left out {folder}: {error.message}")
            return
        said = f"serving version {version} of {self.model.name} ({warmed} warm-up requests)"
        self._set(version, Version("AVAILABLE", loaded), said)

    def _set(self, number: int, version: Version, said: str = "") -> None:
        self._versions = {**self._versions, number: version}
        if said:
            self._say(said)


def _fingerprint(folder: Path) -> Fingerprint:
    try:
        stats = [(str(path), path.stat()) for path in folder.rglob("*")]
    # A file that was deleted meanwhile: the next poll sees another state.
    except OSError:
        return frozenset()
    return frozenset((path, stat.st_size, stat.st_mtime_ns) for path, stat in stats)


class Store:
    """The loaded models; inside a `with` block a thread polls for new versions.

    Args:
        models: models to serve.
        max_batch_size: maximum number of rows of a request.
        say: called with one line for each version that is loaded, unloaded or skipped.

    Raises:
        UserError: if a model has no version that can be loaded.

    Example (needs an export):
        >>> with Store([ConfiguredModel("tickets", Path("saved_models/tickets"))], 4096, print) as store:
        ...     store.get(ModelSpec(name="tickets")).version
        serving version 1 of tickets (0 warm-up requests)
        1
    """

    def __init__(self, models: Sequence[ConfiguredModel], max_batch_size: int, say: Callable[[str], None]) -> None:
        self._models = {model.name: Versions(model, max_batch_size, say) for model in models}
        self._stopped = Event()
        self._poller = Thread(target=self._poll, name="versions", daemon=True)
        for versions in self._models.values():
            versions.poll()
            if versions.get(None) is None:
                raise UserError(_nothing_to_serve(versions))

    @property
    def names(self) -> list[str]:
        """Names of the models."""
        return list(self._models)

    def __enter__(self) -> "Store":
        self._poller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._poller.join()

    def get(self, spec: ModelSpec) -> LoadedModel:
        """Return the requested version. It stays loaded as long as the caller holds it.

        Raises:
            ServingError: if the model, the version or the label doesn't exist.
        """
        version = self._version(spec)
        versions = self._models.get(spec.name)
        loaded = versions.get(version) if versions else None
        if loaded is None:
            asked = f"Latest({spec.name})" if version is None else f"Specific({spec.name}, {version})"
            raise ServingError(Code.NOT_FOUND, f"Servable not found for request: {asked}")
        return loaded

    def metadata(self, request: metadata_pb2.GetModelMetadataRequest) -> metadata_pb2.GetModelMetadataResponse:
        """Answer PredictionService.GetModelMetadata: the signatures of the requested version."""
        if not request.HasField("model_spec"):
            raise invalid("Missing ModelSpec")
        if not request.metadata_field:
            raise invalid("metadata_pb2.GetModelMetadataRequest must specify at least one metadata_field")
        for name in request.metadata_field:
            if name != "signature_def":
                raise invalid(f"Metadata field {name} is not supported")
        model = self.get(request.model_spec)
        response = metadata_pb2.GetModelMetadataResponse(model_spec=model.spec())
        response.metadata["signature_def"].Pack(metadata_pb2.SignatureDefMap(signature_def=model.signatures))
        return response

    def status(self, request: GetModelStatusRequest) -> GetModelStatusResponse:
        """Answer ModelService.GetModelStatus: the states of all versions of a model, or of the requested one.

        Raises:
            ServingError: if the model, the version or the label doesn't exist.
        """
        if not request.HasField("model_spec"):
            raise invalid("Missing ModelSpec")
        spec, version = request.model_spec, self._version(request.model_spec)
        states = self._models[spec.name].states() if spec.name in self._models else {}
        if version is not None and version not in states:
            raise ServingError(Code.NOT_FOUND, f"Could not find version {version} of model {spec.name}")
        if not states:
            raise ServingError(Code.NOT_FOUND, f"Could not find any versions of model {spec.name}")
        response = GetModelStatusResponse()
        for number in states if version is None else [version]:
            state, _, error, _ = states[number]
            said = {"error_code": error.code, "error_message": error.message} if error else {"error_code": Code.OK}
            response.model_version_status.add(version=number, state=state, status=said)
        return response

    def _version(self, spec: ModelSpec) -> int | None:
        choice = spec.WhichOneof("version_choice")
        if choice == "version_label":
            labels = self._models[spec.name].model.labels if spec.name in self._models else {}
            if spec.version_label not in labels:
                raise invalid(f"Unrecognized servable version label: {spec.version_label}")
            return labels[spec.version_label]
        return spec.version.value if choice == "version" else None

    def _poll(self) -> None:
        while not self._stopped.wait(POLL_SECONDS):
            for versions in self._models.values():
                versions.poll()


def _nothing_to_serve(versions: Versions) -> str:
    folder = versions.model.folder
    if (folder / "saved_model.pb").exists():
        return f"{folder} is one version of a model: name the folder that holds its versions, {folder.parent}."
    errors = {number: version.error for number, version in versions.states().items() if version.error}
    reasons = [f"{folder / str(number)}: {error.message}" for number, error in errors.items()]
    if reasons:
        return f"No version of {folder} can be served: {'; '.join(reasons)}."
    return f"{folder} is no model: it holds no version, a folder with a number for its name."

"""All models that are served, found by the ModelSpec of a request."""

from collections.abc import Callable, Sequence
from threading import Event, Thread

from tensorflow_serving.apis.get_model_status_pb2 import GetModelStatusResponse, ModelVersionStatus
from tensorflow_serving.apis.model_pb2 import ModelSpec

from supportnet.errors import UserError
from supportnet.serving.server.codes import Code, ServingError, invalid
from supportnet.serving.server.configuration import ConfiguredModel
from supportnet.serving.server.model import LoadedModel
from supportnet.serving.server.versions import Versions

#: How often TensorFlow Serving looks for new versions.
POLL_SECONDS = 1.0


class Store:
    """The models, loaded; new versions are found while a `with` block runs.

    Args:
        models: what to serve.
        max_batch_size: most rows of a request.
        say: told in one line what was loaded, let go or left out.

    Raises:
        UserError: a model has no version that can be loaded.

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
        """Return the version that a request asks for. Who holds it keeps it loaded.

        Raises:
            ServingError: the model, the version or the label isn't there.
        """
        version = self._version(spec)
        versions = self._models.get(spec.name)
        loaded = versions.get(version) if versions else None
        if loaded is None:
            asked = f"Latest({spec.name})" if version is None else f"Specific({spec.name}, {version})"
            raise ServingError(Code.NOT_FOUND, f"Servable not found for request: {asked}")
        return loaded

    def status(self, spec: ModelSpec) -> GetModelStatusResponse:
        """Return the states of a model's versions, or of one.

        Raises:
            ServingError: the model, the version or the label isn't there.
        """
        version = self._version(spec)
        states = self._models[spec.name].states() if spec.name in self._models else {}
        if version is not None and version not in states:
            raise ServingError(Code.NOT_FOUND, f"Could not find version {version} of model {spec.name}")
        if not states:
            raise ServingError(Code.NOT_FOUND, f"Could not find any versions of model {spec.name}")
        response = GetModelStatusResponse()
        for number in states if version is None else [version]:
            state, error = states[number]
            status = response.model_version_status.add(version=number, state=ModelVersionStatus.State.Value(state))
            status.status.error_code = error.code if error else Code.OK
            status.status.error_message = error.message if error else ""
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
    reasons = [f"{folder / str(number)}: {error.message}" for number, (_, error) in versions.states().items() if error]
    if reasons:
        return f"No version of {folder} can be served: {'; '.join(reasons)}."
    return f"{folder} is no model: it holds no version, a folder with a number for its name."

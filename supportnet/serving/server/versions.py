"""The versions of one model: found in its folder, loaded, warmed up, served, and let go when newer ones are there."""

from collections.abc import Callable
from pathlib import Path
from threading import Lock

from supportnet.savedmodel.load import versions_in
from supportnet.serving.server.codes import Code, ServingError
from supportnet.serving.server.configuration import ConfiguredModel
from supportnet.serving.server.model import LoadedModel
from supportnet.serving.server.warm_up import warm_up

#: What changes in a folder while files are copied into it: each file's path, size and time.
Fingerprint = frozenset[tuple[str, int, int]]


class Versions:
    """The versions of a model that are served; `poll` brings them up to date, the rest may be called meanwhile.

    A version that can't be loaded is left out until its folder changes; what was served before goes on being served.

    Args:
        model: which model, and which of its versions.
        max_batch_size: most rows of a request of the warm-up.
        say: told in one line what was loaded, let go or left out.
    """

    def __init__(self, model: ConfiguredModel, max_batch_size: int, say: Callable[[str], None]) -> None:
        self.model = model
        self._max_batch_size = max_batch_size
        self._say = say
        self._lock = Lock()
        self._loaded: dict[int, LoadedModel] = {}
        self._failed: dict[int, tuple[Fingerprint, ServingError]] = {}
        self._states: dict[int, str] = {}

    def get(self, version: int | None) -> LoadedModel | None:
        """Return a version, or the highest one; nothing if it isn't served."""
        with self._lock:
            return self._loaded.get(max(self._loaded, default=0) if version is None else version)

    def states(self) -> dict[int, tuple[str, ServingError | None]]:
        """Return the state of every version that was ever seen, and what failed, the newest first."""
        with self._lock:
            errors = {version: error for version, (_, error) in self._failed.items()}
            return {version: (self._states[version], errors.get(version)) for version in sorted(self._states)[::-1]}

    def poll(self) -> None:
        """Load the versions to serve that are new, then let go of those that aren't to be served any more."""
        try:
            there = versions_in(self.model.folder)
        # What can't be listed now may be at the next look.
        except OSError:
            return
        for version in sorted(self._wanted(there) - set(self._loaded)):
            self._load(version, there[version])
        wanted = self._wanted(there)
        # A folder that is empty for a moment, while a version is replaced, ends nothing.
        if wanted & set(self._loaded):
            for version in set(self._loaded) - wanted:
                self._let_go(version)

    def _wanted(self, there: dict[int, Path]) -> set[int]:
        broken = {version for version, (seen, _) in self._failed.items() if seen == _fingerprint(there.get(version))}
        return self.model.policy(set(there) - broken)

    def _load(self, version: int, folder: Path) -> None:
        seen = _fingerprint(folder)
        self._set(version, "LOADING")
        try:
            if not (folder / "saved_model.pb").exists():
                raise ServingError(Code.NOT_FOUND, "it holds no saved_model.pb")
            loaded = LoadedModel(self.model.name, version, folder)
            warmed = warm_up(loaded, self._max_batch_size)
        except ServingError as error:
            self._failed[version] = seen, error
            self._set(version, "END")
            self._say(f"left out {folder}: {error.message}")
            return
        self._failed.pop(version, None)
        self._set(version, "AVAILABLE", loaded)
        self._say(f"serving version {version} of {self.model.name} ({warmed} warm-up requests)")

    def _let_go(self, version: int) -> None:
        self._set(version, "END")
        self._say(f"let go of version {version} of {self.model.name}")

    def _set(self, version: int, state: str, loaded: LoadedModel | None = None) -> None:
        with self._lock:
            self._states[version] = state
            if loaded:
                self._loaded[version] = loaded
            else:
                self._loaded.pop(version, None)


def _fingerprint(folder: Path | None) -> Fingerprint:
    if folder is None:
        return frozenset()
    try:
        stats = [(str(path), path.stat()) for path in folder.rglob("*")]
    # A file that goes while it is looked at: the next look sees something else.
    except OSError:
        return frozenset()
    return frozenset((path, stat.st_size, stat.st_mtime_ns) for path, stat in stats)

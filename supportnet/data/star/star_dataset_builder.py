"""The tensorflow-datasets builder of STAR."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tensorflow_datasets as tfds
from tensorflow_datasets.core.download.download_manager import NonMatchingChecksumError

from supportnet.data import star
from supportnet.data.star import archive
from supportnet.data.star.pairs import Pair
from supportnet.errors import UserError


@dataclass
class StarConfig(tfds.core.BuilderConfig):
    """How many turns a context has at most."""

    context_turns: int = star.CONTEXT_TURNS


def config_of(context_turns: int) -> StarConfig:
    """Return the builder's configuration: the one that it has, or a new one."""
    known = {config.context_turns: config for config in Builder.BUILDER_CONFIGS}
    return known.get(context_turns) or StarConfig(name=f"turns_{context_turns}", context_turns=context_turns)


class Builder(tfds.core.GeneratorBasedBuilder):
    """Downloads the archive, checks the dialogues in it, prepares their pairs in the order of the numbers.

    There is no checksums.tsv: an archive that is packed anew for each download has no hash of its own to hold it to.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "The dialogues of commit 3058975."}  # noqa: RUF012  (tfds reads a class attribute)
    BUILDER_CONFIGS = [StarConfig(name=f"turns_{star.CONTEXT_TURNS}")]  # noqa: RUF012

    def _info(self) -> tfds.core.DatasetInfo:
        text = tfds.features.Text
        return tfds.core.DatasetInfo(
            builder=self,
            description=star.INFO.description,
            features=tfds.features.FeaturesDict(
                {
                    "text": text(doc="The newest turns, the newest first."),
                    "reply": text(doc="What the agent answered."),
                    "label": text(doc="The action of the reply; empty where it has none."),
                    "dialogue": text(doc="The dialogue's number."),
                }
            ),
            supervised_keys=("text", "reply"),
            homepage=star.INFO.source,
            citation=star.INFO.citation,
            license=star.INFO.licence,
            # The order of the dialogues, so that a prepared set and the user's own copy give the same tickets.
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Any]:
        files = _recorded_dialogues(dl_manager.download(archive.URL))
        by_split = star.parse(files, self.builder_config.context_turns)
        return {split: self._generate_examples(pairs) for split, pairs in by_split.items()}

    def _generate_examples(self, pairs: list[Pair]) -> Iterator[tuple[int, dict[str, str]]]:
        for index, pair in enumerate(pairs):
            yield index, pair._asdict()


def _recorded_dialogues(path: Path) -> dict[str, bytes]:
    """Read a downloaded archive; remove it if it isn't the recorded one.

    tfds keeps a download that has no recorded hash, and would take the same file the next time; what it notes beside
    the file has to go too, or it refuses another one.
    """
    try:
        files = archive.read_dialogues(path.read_bytes(), archive.URL)
        if archive.dialogues_sha256(files) != archive.DIALOGUES_SHA256:
            raise NonMatchingChecksumError(f"The dialogues in {archive.URL} aren't the recorded ones.")
    except (UserError, NonMatchingChecksumError):
        for file in (path, path.with_name(f"{path.name}.INFO")):
            file.unlink(missing_ok=True)
        raise
    return files

"""The tensorflow-datasets builders of the public data sets, and reading what one prepared or has to prepare first.

A builder downloads the pinned files, checks them, and prepares their examples in the order of the files, so that a
prepared set and the user's own copies give the same tickets. Once this module is imported, `tfds.load` knows them.
"""

import contextlib
import sys
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

import requests
import tensorflow_datasets as tfds
from tensorflow_datasets.core.download.download_manager import NonMatchingChecksumError

from supportnet.data import banking77, clinc150, star
from supportnet.data.upstream import SourceInfo, recorded_urls
from supportnet.errors import UserError

_SECONDS_TO_CONNECT = 10
#: Read one by one, 20,000 messages take 15 seconds; in batches, about two.
_BATCH_SIZE = 1024


class _Builder(tfds.core.GeneratorBasedBuilder):
    """What the builders share: every feature is text, and the files of each split are parsed by the data set's module.

    Attributes:
        source: what is known of the data set.
        columns: name -> documentation of each feature; the first two are a model's input and target.
    """

    VERSION = tfds.core.Version("1.0.0")
    source: ClassVar[SourceInfo]
    columns: ClassVar[Mapping[str, str | None]]

    @abstractmethod
    def urls(self) -> dict[str, str]:
        """Return name -> address of each file to download."""

    @abstractmethod
    def examples(self, paths: Mapping[str, Path]) -> Mapping[str, Iterable[tuple[str, ...]]]:
        """Return split -> the values of each example, given name -> path of each downloaded file."""

    def _info(self) -> tfds.core.DatasetInfo:
        features = {name: tfds.features.Text(doc=doc) for name, doc in self.columns.items()}
        return tfds.core.DatasetInfo(
            builder=self,
            description=self.source.description,
            features=tfds.features.FeaturesDict(features),
            supervised_keys=tuple(self.columns)[:2],
            homepage=self.source.source,
            citation=self.source.citation,
            license=self.source.licence,
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Any]:
        by_split = self.examples(dl_manager.download(self.urls()))
        return {split: self._generate_examples(examples) for split, examples in by_split.items()}

    def _generate_examples(self, examples: Iterable[tuple[str, ...]]) -> Iterator[tuple[int, dict[str, str]]]:
        for index, example in enumerate(examples):
            yield index, dict(zip(self.columns, example, strict=True))


class Banking77(_Builder):
    """Builder of BANKING77; the files are checked against checksums.tsv."""

    RELEASE_NOTES: ClassVar = {"1.0.0": "The upstream files of commit 57ec275."}
    source = banking77.INFO
    columns: ClassVar = {"text": None, "intent": None}

    def urls(self) -> dict[str, str]:
        return recorded_urls(banking77.CATEGORIES_FILE, *banking77.SPLIT_FILES.values())

    def examples(self, paths: Mapping[str, Path]) -> Mapping[str, Iterable[tuple[str, ...]]]:
        categories = paths[banking77.CATEGORIES_FILE].read_bytes()
        files = banking77.SPLIT_FILES.items()
        return {split: banking77.parse(paths[name].read_bytes(), categories, name) for split, name in files}


class Clinc150(_Builder):
    """Builder of CLINC150 and its variants; the files are checked against checksums.tsv."""

    RELEASE_NOTES: ClassVar = {"1.0.0": "The upstream files of commit 828f809."}
    BUILDER_CONFIGS: ClassVar = [
        tfds.core.BuilderConfig(name=variant, description=description)
        for variant, description in clinc150.DESCRIPTION_BY_VARIANT.items()
    ]
    DEFAULT_BUILDER_CONFIG_NAME = "full"
    source = clinc150.INFOS["full"]
    columns: ClassVar = {"text": None, "intent": None, "domain": "Group of the intent; empty where out of scope."}

    def urls(self) -> dict[str, str]:
        return recorded_urls(clinc150.data_file(self.builder_config.name), clinc150.DOMAINS_FILE)

    def examples(self, paths: Mapping[str, Path]) -> Mapping[str, Iterable[tuple[str, ...]]]:
        name = clinc150.data_file(self.builder_config.name)
        domains = clinc150.parse_domains(paths[clinc150.DOMAINS_FILE].read_bytes())
        return {
            split: [(text, intent, domains.get(intent, "")) for text, intent in pairs]
            for split, pairs in clinc150.parse(paths[name].read_bytes(), name).items()
        }


@dataclass
class StarConfig(tfds.core.BuilderConfig):
    """How many turns a context has at most."""

    context_turns: int = star.CONTEXT_TURNS


class Star(_Builder):
    """Builder of STAR; the dialogues in the archive are checked.

    checksums.tsv has nothing of it: an archive that is packed anew for each download has no hash of its own to hold it
    to.
    """

    RELEASE_NOTES: ClassVar = {"1.0.0": "The dialogues of commit 3058975."}
    BUILDER_CONFIGS: ClassVar = [StarConfig(name=f"turns_{star.CONTEXT_TURNS}")]
    source = star.INFO
    columns: ClassVar = {
        "text": "The newest turns, the newest first.",
        "reply": "What the agent answered.",
        "label": "The action of the reply; empty where it has none.",
        "dialogue": "The dialogue's number.",
    }

    def urls(self) -> dict[str, str]:
        return {star.FILE: star.URL}

    def examples(self, paths: Mapping[str, Path]) -> Mapping[str, Iterable[tuple[str, ...]]]:
        """Parse the archive; remove it if it isn't the recorded one.

        tfds keeps a download that has no recorded hash, and would take the same file the next time; what it notes
        beside the file has to go too, or it refuses another one.
        """
        path = paths[star.FILE]
        try:
            files = star.read_dialogues(path.read_bytes(), star.URL)
            if star.dialogues_sha256(files) != star.DIALOGUES_SHA256:
                raise NonMatchingChecksumError(f"The dialogues in {star.URL} aren't the recorded ones.")
        except (UserError, NonMatchingChecksumError):
            for file in (path, path.with_name(f"{path.name}.INFO")):
                file.unlink(missing_ok=True)
            raise
        return star.parse(files, self.builder_config.context_turns)


def star_config(context_turns: int) -> StarConfig:
    """Return the configuration of `Star`: the one that it has, or a new one."""
    known = {config.context_turns: config for config in Star.BUILDER_CONFIGS}
    return known.get(context_turns) or StarConfig(name=f"turns_{context_turns}", context_turns=context_turns)


def read_prepared(builder: _Builder, splits: Iterable[str]) -> dict[str, list[tuple[str, ...]]]:
    """Return the examples of splits in the order in which they were generated, their values in that of the columns.

    What isn't prepared yet is downloaded and prepared first.

    Args:
        builder: of a public data set.
        splits: names of its splits.

    Raises:
        UserError: if the files can't be downloaded, or aren't the recorded ones.
    """
    if not builder.is_prepared():
        _prepare(builder)
    return {split: _read_split(builder, split) for split in splits}


def _prepare(builder: _Builder) -> None:
    config = tfds.download.DownloadConfig(try_download_gcs=False, compute_stats=tfds.download.ComputeStatsMode.SKIP)
    url = next(iter(builder.urls().values()))
    try:
        # Fails within seconds where there is no network: the download itself tries for three minutes.
        requests.head(url, timeout=_SECONDS_TO_CONNECT).raise_for_status()
        # tfds reports on stdout, which belongs to the command that asked for the data.
        with contextlib.redirect_stdout(sys.stderr):
            builder.download_and_prepare(download_config=config)
    except (requests.RequestException, tfds.download.DownloadError, NonMatchingChecksumError) as error:
        if isinstance(error, requests.ConnectionError | requests.Timeout):
            reason = f"there is no network, or {urlsplit(url).hostname} can't be reached"
        elif isinstance(error, NonMatchingChecksumError):
            reason = "a downloaded file isn't the recorded one (its SHA-256 differs)"
        else:
            reason = str(error)
        raise UserError(
            f"{builder.name} can't be downloaded: {reason}. "
            f"Put its files in DIR/{builder.name}/ and give data_dir=DIR (--data-dir DIR)."
        ) from error


def _read_split(builder: _Builder, split: str) -> list[tuple[str, ...]]:
    examples: list[tuple[str, ...]] = []
    for batch in tfds.as_numpy(builder.as_dataset(split=split, batch_size=_BATCH_SIZE)):
        examples += zip(*([value.decode("utf-8") for value in batch[name]] for name in builder.columns), strict=True)
    return examples

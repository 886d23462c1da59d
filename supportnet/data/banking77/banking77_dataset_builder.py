"""The tensorflow-datasets builder of BANKING77."""

from collections.abc import Iterator
from typing import Any

import tensorflow_datasets as tfds

from supportnet.data import banking77
from supportnet.data.upstream import recorded_files


class Builder(tfds.core.GeneratorBasedBuilder):
    """Downloads the pinned files, checks them against checksums.tsv, prepares them in the files' order."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "The upstream files of commit 57ec275."}  # noqa: RUF012  (tfds reads a class attribute)

    def _info(self) -> tfds.core.DatasetInfo:
        return tfds.core.DatasetInfo(
            builder=self,
            description=banking77.INFO.description,
            features=tfds.features.FeaturesDict({"text": tfds.features.Text(), "intent": tfds.features.Text()}),
            supervised_keys=("text", "intent"),
            homepage=banking77.INFO.source,
            citation=banking77.INFO.citation,
            license=banking77.INFO.licence,
            # The order of the files, so that a prepared set and the user's own copies give the same tickets.
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Any]:
        files = recorded_files(banking77.__name__)
        paths = dl_manager.download({name: file.url for name, file in files.items()})
        categories = paths[banking77.CATEGORIES_FILE].read_bytes()
        return {
            split: self._generate_examples(paths[name].read_bytes(), categories, name)
            for split, name in banking77.SPLIT_FILES.items()
        }

    def _generate_examples(self, content: bytes, categories: bytes, name: str) -> Iterator[tuple[int, dict[str, str]]]:
        for index, (text, intent) in enumerate(banking77.parse(content, categories, name)):
            yield index, {"text": text, "intent": intent}

"""The tensorflow-datasets builder of CLINC150 and its variants."""

from collections.abc import Iterator
from typing import Any

import tensorflow_datasets as tfds

from supportnet.data import clinc150
from supportnet.data.upstream import recorded_files

_VERSION = tfds.core.Version("1.0.0")


class Builder(tfds.core.GeneratorBasedBuilder):
    """Downloads the pinned files, checks them against checksums.tsv, prepares them in the files' order."""

    VERSION = _VERSION
    RELEASE_NOTES = {"1.0.0": "The upstream files of commit 828f809."}  # noqa: RUF012  (tfds reads a class attribute)
    BUILDER_CONFIGS = [  # noqa: RUF012
        tfds.core.BuilderConfig(name=variant, description=description)
        for variant, description in clinc150.DESCRIPTION_BY_VARIANT.items()
    ]
    DEFAULT_BUILDER_CONFIG_NAME = "full"

    def _info(self) -> tfds.core.DatasetInfo:
        info = clinc150.INFOS["full"]
        return tfds.core.DatasetInfo(
            builder=self,
            description=info.description,
            features=tfds.features.FeaturesDict(
                {
                    "text": tfds.features.Text(),
                    "intent": tfds.features.Text(),
                    "domain": tfds.features.Text(doc="Group of the intent; empty where out of scope."),
                }
            ),
            supervised_keys=("text", "intent"),
            homepage=info.source,
            citation=info.citation,
            license=info.licence,
            # The order of the files, so that a prepared set and the user's own copies give the same tickets.
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Any]:
        files = recorded_files(clinc150.__name__)
        name = clinc150.data_file(self.builder_config.name)
        paths = dl_manager.download({file: files[file].url for file in (name, clinc150.DOMAINS_FILE)})
        domains = clinc150.parse_domains(paths[clinc150.DOMAINS_FILE].read_bytes())
        by_split = clinc150.parse(paths[name].read_bytes(), name)
        return {split: self._generate_examples(pairs, domains) for split, pairs in by_split.items()}

    def _generate_examples(
        self, pairs: list[tuple[str, str]], domains: dict[str, str]
    ) -> Iterator[tuple[int, dict[str, str]]]:
        for index, (text, intent) in enumerate(pairs):
            yield index, {"text": text, "intent": intent, "domain": domains.get(intent, "")}

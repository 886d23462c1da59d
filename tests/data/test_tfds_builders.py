"""The tensorflow-datasets builders: tfds's own checks, on invented data."""

import shutil
import tempfile
from pathlib import Path
from unittest import mock

import tensorflow_datasets as tfds
from star_archive import DIALOGUES, write_archive

from supportnet.data import star
from supportnet.data.prepared import Banking77, Clinc150, Star

DUMMY_DATA = Path(__file__).parent / "dummy_data"


class Banking77Test(tfds.testing.DatasetBuilderTestCase):
    DATASET_CLASS = Banking77
    EXAMPLE_DIR = DUMMY_DATA / "banking77"
    DL_DOWNLOAD_RESULT = {name: name for name in ("train.csv", "test.csv", "categories.json")}  # noqa: RUF012
    SPLITS = {"train": 6, "test": 3}  # noqa: RUF012


class Clinc150Case(tfds.testing.DatasetBuilderTestCase):
    """What the variants share; tfds wants one case for each set of numbers."""

    __test__ = False
    DATASET_CLASS = Clinc150
    EXAMPLE_DIR = DUMMY_DATA / "clinc150"


class Clinc150FullTest(Clinc150Case):
    __test__ = True
    BUILDER_CONFIG_NAMES_TO_TEST = ["full"]  # noqa: RUF012
    DL_DOWNLOAD_RESULT = {name: name for name in ("data_full.json", "domains.json")}  # noqa: RUF012
    SPLITS = {"train": 6, "validation": 4, "test": 5, "oos_train": 1}  # noqa: RUF012


class Clinc150SmallTest(Clinc150Case):
    __test__ = True
    BUILDER_CONFIG_NAMES_TO_TEST = ["small"]  # noqa: RUF012
    DL_DOWNLOAD_RESULT = {name: name for name in ("data_small.json", "domains.json")}  # noqa: RUF012
    SPLITS = {"train": 3, "validation": 4, "test": 5, "oos_train": 1}  # noqa: RUF012


class Clinc150ImbalancedTest(Clinc150Case):
    __test__ = True
    BUILDER_CONFIG_NAMES_TO_TEST = ["imbalanced"]  # noqa: RUF012
    DL_DOWNLOAD_RESULT = {name: name for name in ("data_imbalanced.json", "domains.json")}  # noqa: RUF012
    SPLITS = {"train": 5, "validation": 4, "test": 5, "oos_train": 1}  # noqa: RUF012


class Clinc150OosPlusTest(Clinc150Case):
    __test__ = True
    BUILDER_CONFIG_NAMES_TO_TEST = ["oos_plus"]  # noqa: RUF012
    DL_DOWNLOAD_RESULT = {name: name for name in ("data_oos_plus.json", "domains.json")}  # noqa: RUF012
    SPLITS = {"train": 6, "validation": 4, "test": 5, "oos_train": 3}  # noqa: RUF012


class StarTest(tfds.testing.DatasetBuilderTestCase):
    DATASET_CLASS = Star
    DL_DOWNLOAD_RESULT = {star.FILE: star.FILE}  # noqa: RUF012
    SPLITS = {"train": 5, "validation": 2, "test": 2}  # noqa: RUF012
    #: The archive has none of its own: the dialogues in it are checked.
    SKIP_CHECKSUMS = True

    @classmethod
    def setUpClass(cls):
        folder = Path(tempfile.mkdtemp())
        cls.addClassCleanup(shutil.rmtree, folder)
        cls.EXAMPLE_DIR = write_archive(folder).parent
        recorded = star.dialogues_sha256(DIALOGUES)
        cls.enterClassContext(mock.patch.object(star, "DIALOGUES_SHA256", recorded))
        super().setUpClass()

"""Reading what a tensorflow-datasets builder prepared, and preparing it where that hasn't happened yet."""

import contextlib
import sys
from urllib.parse import urlsplit

import requests
import tensorflow_datasets as tfds
from tensorflow_datasets.core.download.download_manager import NonMatchingChecksumError

from supportnet.errors import UserError

_SECONDS_TO_CONNECT = 10
#: Read one by one, 20,000 messages take 15 seconds; in batches, about two.
_BATCH_SIZE = 1024


def read_prepared(builder: tfds.core.DatasetBuilder, url: str | None = None) -> dict[str, list[dict[str, str]]]:
    """Return every split's examples in the order in which they were generated.

    What isn't prepared yet is downloaded and prepared first.

    Args:
        builder: a builder whose features are all text.
        url: one of the files that it downloads; by default the first in its checksums.tsv.

    Raises:
        UserError: if the files can't be downloaded, or aren't the recorded ones.
    """
    if not builder.is_prepared():
        _prepare(builder, url or next(iter(builder.url_infos)))
    return {split: _read_split(builder, split) for split in builder.info.splits}


def _prepare(builder: tfds.core.DatasetBuilder, url: str) -> None:
    _check_reachable(builder, url)
    config = tfds.download.DownloadConfig(try_download_gcs=False, compute_stats=tfds.download.ComputeStatsMode.SKIP)
    try:
        # tfds reports on stdout, which belongs to the command that asked for the data.
        with contextlib.redirect_stdout(sys.stderr):
            builder.download_and_prepare(download_config=config)
    except (requests.RequestException, tfds.download.DownloadError, NonMatchingChecksumError) as error:
        raise _not_downloaded(builder, url, error) from error


def _check_reachable(builder: tfds.core.DatasetBuilder, url: str) -> None:
    """Fail within seconds where there is no network: the download itself tries for three minutes."""
    try:
        requests.head(url, timeout=_SECONDS_TO_CONNECT).raise_for_status()
    except requests.RequestException as error:
        raise _not_downloaded(builder, url, error) from error


def _not_downloaded(builder: tfds.core.DatasetBuilder, url: str, error: Exception) -> UserError:
    if isinstance(error, requests.ConnectionError | requests.Timeout):
        reason = f"there is no network, or {urlsplit(url).hostname} can't be reached"
    elif isinstance(error, NonMatchingChecksumError):
        reason = "a downloaded file isn't the recorded one (its SHA-256 differs)"
    else:
        reason = str(error)
    return UserError(
        f"{builder.name} can't be downloaded: {reason}. "
        f"Put its files in DIR/{builder.name}/ and give data_dir=DIR (--data-dir DIR)."
    )


def _read_split(builder: tfds.core.DatasetBuilder, split: str) -> list[dict[str, str]]:
    examples = []
    for batch in tfds.as_numpy(builder.as_dataset(split=split, batch_size=_BATCH_SIZE)):
        columns = [[value.decode("utf-8") for value in values] for values in batch.values()]
        examples += [dict(zip(batch, values, strict=True)) for values in zip(*columns, strict=True)]
    return examples

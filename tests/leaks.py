"""Searching files for personal data, whatever container or encoding it hides in."""

import gzip
import io
import re
import unicodedata
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np

#: What Python, NumPy's arrays of strings and Windows write.
ENCODINGS = ("utf-8", "utf-32-le", "utf-16-le")


def leaks(folder: Path, values: Iterable[str]) -> list[tuple[str, str]]:
    """Return file and value for each of `values` that stands in a file below `folder`, in any of its forms.

    Values that share a form, such as their digits, count as one.
    """
    forms = {form.encode(code).lower(): value for value in values for form in _forms(value) for code in ENCODINGS}
    # Longest first, so that the alternation doesn't stop at a form's beginning.
    pattern = re.compile(b"|".join(re.escape(form) for form in sorted(forms, key=len, reverse=True)))
    found = set()
    for path in sorted(folder.rglob("*")):
        for content in _contents(path.name, path.read_bytes()) if path.is_file() else ():
            found |= {(str(path.relative_to(folder)), forms[hit]) for hit in pattern.findall(content.lower())}
    return sorted(found)


def _forms(value: str) -> set[str]:
    """As it was typed, in plain characters, its letters and digits alone, and its digits where they are many."""
    typed = unicodedata.normalize("NFKC", value).lower()
    plain = "".join(filter(str.isalnum, typed))
    digits = "".join(filter(str.isdecimal, typed))
    return {value, value.lower(), typed, plain, *([digits] if len(digits) >= 10 else [])}


def _contents(name: str, content: bytes) -> Iterator[bytes]:
    """Yield the bytes of a file, and those of all that is packed in it."""
    yield content
    # TensorBoard's logs and saved_model.pb aren't compressed: strings stand in them as they are.
    if content.startswith(b"\x1f\x8b"):
        yield from _contents(name, gzip.decompress(content))
    if zipfile.is_zipfile(io.BytesIO(content)):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for member in archive.namelist():
                yield member.encode()
                yield from _contents(member, archive.read(member))
    if content.startswith(b"\x89HDF"):
        with h5py.File(io.BytesIO(content)) as file:
            yield from _hdf5(file)


def _hdf5(item: Any) -> Iterator[bytes]:
    yield item.name.encode()
    yield from (_bytes(value) for pair in item.attrs.items() for value in pair)
    if isinstance(item, h5py.Dataset):
        yield _bytes(item[()])
    else:
        for child in item.values():
            yield from _hdf5(child)


def _bytes(value: Any) -> bytes:
    """Return the bytes of a string, an array of numbers, or an array of strings."""
    array = np.asarray(value)
    if array.dtype != object:
        return array.tobytes()
    return b"\0".join(item if isinstance(item, bytes) else str(item).encode() for item in array.ravel())

"""Every example in a docstring of the package runs, and prints what stands there.

An example that needs more than a few small files says so in its heading, `Example (needs a run folder):`. It isn't run,
but it must be Python, and what it imports from the package must be there.
"""

import ast
import doctest
import gzip
import importlib
import re
from pathlib import Path

import pytest

import supportnet

PACKAGE = Path(supportnet.__file__).parent
HEADING = re.compile(r"\s*Example(?: \((needs .+)\))?:")

#: The files that examples may name. They run in a folder that holds these.
FILES = {
    "tickets.csv": "text,intent\nWhere is my parcel?,track_order\nI want my money back,refund\n",
    "macros.csv": "id,text,tags,uses\nm1,Your refund is on its way.,refund|billing,7\n",
    "queries.csv": "query,relevant\nWhere is my money?,m1|m7\n",
    "compare.toml": 'data = "sample"\n',
    "vectors.vec.gz": gzip.compress(b"2 3\nrefund 1 0 0\nparcel 0 1 0\n", mtime=0),
}

FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE

#: Class examples that call methods which the object before them doesn't have.
FAULTY: set[str] = set()


def _name(path: Path) -> str:
    parts = ["supportnet", *path.relative_to(PACKAGE).with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {_name(path): path for path in sorted(PACKAGE.rglob("*.py")) if ">>> " in path.read_text("utf-8")}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _marked(test: doctest.DocTest, example: doctest.Example) -> bool:
    """Whether the last heading above the example says that it needs something."""
    assert test.docstring is not None
    headings = [found for line in test.docstring.splitlines()[: example.lineno] if (found := HEADING.fullmatch(line))]
    return bool(headings) and headings[-1][1] is not None


def _check_imports(example: doctest.Example) -> None:
    """Raise if a marked example isn't Python, or imports or names what the package doesn't have."""
    for node in ast.walk(ast.parse(example.source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            exec(ast.unparse(node), {})
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "supportnet":
            getattr(supportnet, node.attr)


@pytest.mark.usefixtures("folder", "own_architectures")
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.xfail(strict=True)) if name in FAULTY else name for name in MODULES]
)
def test_examples(name: str) -> None:
    tests = doctest.DocTestFinder().find(importlib.import_module(name), name)
    # An example where doctest doesn't look would never run.
    assert sum(len(test.examples) for test in tests) == MODULES[name].read_text("utf-8").count(">>> ")
    failures: list[str] = []
    for test in tests:
        for example in test.examples:
            if _marked(test, example):
                _check_imports(example)
        test.examples = [example for example in test.examples if not _marked(test, example)]
        doctest.DocTestRunner(optionflags=FLAGS).run(test, out=failures.append)
    assert not failures, "".join(failures)

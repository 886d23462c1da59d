"""How the package hangs together: which room may import which, and what `import supportnet` loads."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import supportnet

PACKAGE = Path(supportnet.__file__).parent

#: A room may import itself and the rooms before it.
ROOMS = [
    *("config", "presets", "options", "data", "text", "layers", "embeddings", "metrics", "backbones", "savedmodel"),
    *("training", "tasks", "serving", "compare", "api", "cli"),
]

#: Any module may import these, but for `__init__`, which imports from every room when a name is first used.
OUTSIDE = {"__init__", "checks", "errors", "files", "startup", "types", "version"}

#: Modules that still import upward; the tasks' contract turns them round.
UPWARD = {
    *("supportnet.config", "supportnet.options", "supportnet.savedmodel.load", "supportnet.training.batches"),
    *("supportnet.training.encoder", "supportnet.training.initial_weights", "supportnet.training.losses"),
}

#: The modules of `layers` and `backbones` that need TensorFlow's own operations: on strings, for search, for loops.
NEED_TENSORFLOW: set[str] = set()

BACKENDS = {"tensorflow", "jax", "torch"}
SLOW = {"tensorflow", "keras", "sklearn", "numpy", "pandas", "nltk", "tensorflow_datasets", "gensim"}
SLOW |= {"scipy", "matplotlib", "sacrebleu", "rouge_score", "tokenizers"}


def _name(path: Path) -> str:
    parts = ["supportnet", *path.relative_to(PACKAGE).with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {_name(path): ast.parse(path.read_text("utf-8")) for path in sorted(PACKAGE.rglob("*.py"))}


def _imported(tree: ast.AST) -> Iterator[str]:
    """Every module that is imported anywhere below `tree`, inside functions too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.module, "relative imports would hide where a module comes from"
            for alias in node.names:
                submodule = f"{node.module}.{alias.name}"
                yield submodule if submodule in MODULES else node.module


def _imported_at_once(module: str) -> set[str]:
    """The modules of the package that importing `module` imports, whatever is called later."""
    body = [node for node in MODULES[module].body if not _only_for_types(node)]
    statements = [node for node in body if not isinstance(node, ast.FunctionDef | ast.ClassDef)]
    return {name for node in statements for name in _imported(node) if name in MODULES} - {module}


def _only_for_types(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def _room(module: str) -> str:
    return [*module.split("."), "__init__"][1]


def test_every_room_is_known() -> None:
    assert {_room(module) for module in MODULES} <= {*ROOMS, *OUTSIDE, "__main__"}


@pytest.mark.parametrize("module", [name for name in MODULES if _room(name) in ROOMS and name not in UPWARD])
def test_imports_go_one_way(module: str) -> None:
    allowed = {*ROOMS[: ROOMS.index(_room(module)) + 1], *OUTSIDE} - {"__init__"}
    imported = {name for name in _imported(MODULES[module]) if name.split(".")[0] == "supportnet"}
    assert {name for name in imported if _room(name) not in allowed} == set()


def test_nothing_imports_in_a_circle() -> None:
    # Raises CycleError, which names the circle.
    order = list(TopologicalSorter({module: _imported_at_once(module) for module in MODULES}).static_order())
    assert len(order) == len(MODULES)


@pytest.mark.parametrize("module", MODULES)
def test_no_private_part_of_keras_is_used(module: str) -> None:
    assert not [name for name in _imported(MODULES[module]) if name.startswith("keras.src")]


@pytest.mark.parametrize("module", [name for name in MODULES if _room(name) in {"layers", "backbones"}])
def test_layers_and_backbones_run_on_every_backend(module: str) -> None:
    backends = {name.split(".")[0] for name in _imported(MODULES[module])} & BACKENDS
    assert backends == ({"tensorflow"} if module in NEED_TENSORFLOW else set())


@pytest.mark.parametrize(
    "arguments",
    [["-c", "import supportnet; dir(supportnet)"], ["-c", "import supportnet.checks"], ["-m", "supportnet", "--help"]],
)
def test_slow_libraries_are_loaded_only_when_needed(arguments: list[str]) -> None:
    done = subprocess.run([sys.executable, "-X", "importtime", *arguments], capture_output=True, text=True, check=True)
    loaded = {line.rpartition("|")[2].strip().split(".")[0] for line in done.stderr.splitlines()}
    assert "supportnet" in loaded
    assert loaded & SLOW == set()


def test_the_package_runs_as_a_module() -> None:
    done = subprocess.run([sys.executable, "-m", "supportnet", "--help"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("Usage: supportnet")
    assert "train" in done.stdout

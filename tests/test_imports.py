"""How the package hangs together: which room may import which, what loads what, and what belongs where."""

import ast
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from fnmatch import fnmatch
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import pytest

import supportnet

# The table of rules. A module or a package directly below `supportnet` is a room. Patterns are those of `fnmatch`.

#: From the lowest to the highest. A room may import itself and the rooms of lines above it, none beside it.
ROOMS = [
    ["errors", "version"],
    ["files", "startup", "checks", "types"],
    ["tables"],
    ["architectures"],
    ["config"],
    ["data"],
    ["text"],
    ["layers"],
    ["embeddings", "metrics", "pretrained"],
    ["backbones"],
    ["training", "savedmodel"],
    ["tasks"],
    ["serving"],
    # A comparison exports what it measures.
    ["compare"],
    ["api"],
    ["cli"],
]

#: Their modules use `keras.ops` only, but for those that need TensorFlow's operations.
EVERY_BACKEND = {"layers", "backbones", "pretrained"}
NEED_TENSORFLOW: set[str] = set()
BACKENDS = {"tensorflow", "jax", "torch"}

#: What `import supportnet`, `supportnet --help` and the modules of configurations don't load.
SLOW = {"tensorflow", "keras", "sklearn", "numpy", "pandas", "nltk", "tensorflow_datasets", "gensim"}
SLOW |= {"scipy", "matplotlib", "sacrebleu", "rouge_score", "tokenizers"}
CONFIGURATIONS = ["supportnet.config", "supportnet.tasks.*.config", "supportnet.architectures"]

#: Options of commands that have the name of a configuration's field and mean something else.
OWN_OPTIONS = {
    ("supportnet.cli.audit", "seed"),
    ("supportnet.cli.compare", "architecture"),
    ("supportnet.cli.predict", "seed"),
    ("supportnet.cli.quickstart", "epochs"),
    ("supportnet.cli.quickstart", "seed"),
    # What clients call a served model.
    ("supportnet.cli.serve", "name"),
    ("supportnet.cli.tune", "seed"),
}

#: The room with a package for each task, their names, and the rooms that may write one.
TASKS_ROOM = "tasks"
TASKS = {"classify", "attributes", "suggest", "reply"}
NAME_TASKS = {"tasks", "data"}

MOST_FILES = 20
FEWEST_LINES = 40
#: Modules with fewer lines, by pattern, and why they are alone.
SHORT = {
    "supportnet.__main__": "`python -m supportnet`",
    "supportnet.cli.drift": "each command has a file",
    "supportnet.errors": "every room imports it, and it imports nothing",
    "supportnet.startup": "runs before TensorFlow is imported",
    "supportnet.tables": "tasks, comparisons and commands print tables, and it imports nothing",
    "supportnet.tasks.*.answers": "a client makes records and loads nothing else",
    "supportnet.tasks.*.config": "options are listed before Keras is loaded",
    "supportnet.text.special_tokens": "whoever needs a token's id imports nothing else with it",
    "supportnet.types": "the signatures of all layers name these types; it imports nothing of the package",
    "supportnet.version": "setup.cfg reads it without importing the package",
}

#: Rules that the package doesn't keep yet. One that it keeps fails as long as it stands here.
PENDING: set[str] = set()

PACKAGE = Path(supportnet.__file__).parent


def _name(path: Path) -> str:
    parts = ["supportnet", *path.relative_to(PACKAGE).with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


PATHS = {_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}
MODULES = {name: ast.parse(path.read_text("utf-8")) for name, path in PATHS.items()}


def rule(test: Callable[[], None]) -> Any:
    pending = test.__name__ in PENDING
    return pytest.mark.xfail(pending, reason="not kept yet", raises=AssertionError, strict=True)(test)


def _imported(tree: ast.AST) -> Iterator[str]:
    """Every module that is imported anywhere below `tree`, inside functions and for types too."""
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


def _in_rooms(rooms: set[str]) -> list[str]:
    return [module for module in MODULES if _room(module) in rooms]


def _configurations() -> list[str]:
    return [module for module in MODULES if any(fnmatch(module, pattern) for pattern in CONFIGURATIONS)]


def _loaded(*arguments: str) -> set[str]:
    """The top-level packages that a fresh Python loads."""
    done = subprocess.run([sys.executable, "-X", "importtime", *arguments], capture_output=True, text=True, check=True)
    return {line.rpartition("|")[2].strip().split(".")[0] for line in done.stderr.splitlines()}


def test_every_room_is_known() -> None:
    assert {_room(module) for module in MODULES} - {"__init__", "__main__"} == {room for line in ROOMS for room in line}


def test_imports_go_one_way() -> None:
    # `__init__` imports from every room when a name is first used, and no room imports it.
    offenders = []
    below: set[str] = set()
    for line in ROOMS:
        for module in _in_rooms(set(line)):
            for name in sorted(set(_imported(MODULES[module]))):
                if name.split(".")[0] == "supportnet" and _room(name) not in below | {_room(module)}:
                    offenders.append(f"{module} imports {name}")
        below |= set(line)
    assert not offenders, "\n".join(offenders)


def test_nothing_imports_in_a_circle() -> None:
    # Raises CycleError, which names the circle.
    order = list(TopologicalSorter({module: _imported_at_once(module) for module in MODULES}).static_order())
    assert len(order) == len(MODULES)


def test_no_private_part_of_keras_is_used() -> None:
    offenders = [
        f"{module} imports {name}"
        for module, tree in MODULES.items()
        for name in _imported(tree)
        if name.startswith("keras.src")
    ]
    assert not offenders, "\n".join(offenders)


def test_networks_run_on_every_backend() -> None:
    modules = _in_rooms(EVERY_BACKEND)
    assert set(modules) >= NEED_TENSORFLOW
    needed = {module: {name.split(".")[0] for name in _imported(MODULES[module])} & BACKENDS for module in modules}
    assert {module: backends for module, backends in needed.items() if backends} == {
        module: {"tensorflow"} for module in modules if module in NEED_TENSORFLOW
    }


@pytest.mark.parametrize("arguments", [["-c", "import supportnet; dir(supportnet)"], ["-m", "supportnet", "--help"]])
def test_slow_libraries_are_loaded_only_when_needed(arguments: list[str]) -> None:
    loaded = _loaded(*arguments)
    assert "supportnet" in loaded
    assert loaded & SLOW == set()


@rule
def test_configurations_load_no_slow_library() -> None:
    loaded = _loaded("-c", f"import {', '.join(_configurations())}")
    assert "supportnet" in loaded
    assert loaded & SLOW == set()


@rule
def test_a_task_imports_no_other_task() -> None:
    assert {task for task in TASKS if f"supportnet.{TASKS_ROOM}.{task}" in MODULES} == TASKS
    offenders = []
    for module in _in_rooms({TASKS_ROOM}):
        for name in sorted(set(_imported(MODULES[module]))):
            own, other = _task(module), _task(name)
            if own and other and own != other:
                offenders.append(f"{module} imports {name}")
    assert not offenders, "\n".join(offenders)


def _task(module: str) -> str | None:
    """The task that a module belongs to."""
    parts = [*module.split("."), "", ""]
    return parts[2] if parts[:2] == ["supportnet", TASKS_ROOM] and parts[2] in TASKS else None


@rule
def test_only_tasks_and_data_name_a_task() -> None:
    offenders = [
        f"{PATHS[module]}:{node.lineno}: {node.value!r}"
        for module, tree in MODULES.items()
        if _room(module) not in NAME_TASKS
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and node.value in TASKS
    ]
    assert not offenders, "\n".join(offenders)


@rule
def test_no_default_of_a_configuration_stands_in_cli() -> None:
    trees = [MODULES[module] for module in _configurations()]
    classes = [node for tree in trees for node in tree.body if isinstance(node, ast.ClassDef)]
    fields = {node.target.id for one in classes for node in one.body if isinstance(node, ast.AnnAssign)}
    assert "learning_rate" in fields
    defaults = {(module, name) for module in _in_rooms({"cli"}) for name in _defaults(MODULES[module])}
    assert defaults >= OWN_OPTIONS
    offenders = sorted(f"{module}: {name}" for module, name in defaults - OWN_OPTIONS if name in fields)
    assert not offenders, "\n".join(offenders)


def _defaults(tree: ast.AST) -> Iterator[str]:
    """Names that have a literal as default: of an option or in its help, of a parameter, or first in a table's row."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            words = {word.arg: word.value for word in node.keywords}
            if _literal(words.get("default")) or ("help" in words and "[default:" in ast.unparse(words["help"])):
                flags = [word.value for word in node.args if isinstance(word, ast.Constant)]
                yield from (flag[2:].replace("-", "_") for flag in flags if str(flag).startswith("--"))
        elif isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                first = value.elts[0] if isinstance(value, ast.Tuple) and value.elts else None
                if isinstance(key, ast.Constant) and _literal(first):
                    yield key.value
        elif isinstance(node, ast.arguments):
            with_default = [*node.posonlyargs, *node.args][len(node.posonlyargs + node.args) - len(node.defaults) :]
            for argument, default in zip(
                [*with_default, *node.kwonlyargs], [*node.defaults, *node.kw_defaults], strict=True
            ):
                if _literal(default):
                    yield argument.arg


def _literal(node: ast.AST | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is not None


@rule
def test_no_room_has_too_many_files() -> None:
    sizes = Counter(path.parent.relative_to(PACKAGE.parent).as_posix() for path in PATHS.values())
    assert not {folder: size for folder, size in sizes.items() if size > MOST_FILES}


@rule
def test_short_files_have_a_reason() -> None:
    lines = {name: len(path.read_text("utf-8").splitlines()) for name, path in PATHS.items()}
    short = {name for name, path in PATHS.items() if path.name != "__init__.py" and lines[name] < FEWEST_LINES}
    assert not [pattern for pattern in SHORT if not any(fnmatch(name, pattern) for name in short)]
    unexplained = {name for name in short if not any(fnmatch(name, pattern) for pattern in SHORT)}
    assert not unexplained, "\n".join(sorted(unexplained))


def test_the_package_runs_as_a_module() -> None:
    done = subprocess.run([sys.executable, "-m", "supportnet", "--help"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("Usage: supportnet")
    assert "train" in done.stdout

"""Files, functions and folders stay small enough to be read at once, and no two modules import each other."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
LINES_OF_A_FILE = 300
LINES_OF_A_FUNCTION = 60
MODULES_OF_A_FOLDER = 15
# The pages, networks and units are symbolic links in here, and have tests of their own.
FILES = sorted(
    path
    for folder in (ROOT / "kiosk").iterdir()
    if not folder.is_symlink()
    for path in ([folder] if folder.suffix == ".py" else folder.rglob("*.py"))
)


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def test_there_is_something_to_measure() -> None:
    assert len(FILES) > 150


def test_no_file_is_long() -> None:
    lines = {named(path): len(path.read_text(encoding="utf-8").splitlines()) for path in FILES}
    assert {name for name, count in lines.items() if count > LINES_OF_A_FILE} == set()


def test_no_function_is_long() -> None:
    """From `def` to the last line, nested functions included; decorators are not counted."""
    long = {
        f"{named(path)}: {one.name}"
        for path in FILES
        for one in functions(ast.parse(path.read_text(encoding="utf-8")))
        if (one.end_lineno or 0) - one.lineno + 1 > LINES_OF_A_FUNCTION
    }
    assert long == set()


def test_no_folder_is_full() -> None:
    modules = Counter(named(path.parent) for path in FILES if path.name != "__init__.py")
    assert {name: count for name, count in modules.items() if count > MODULES_OF_A_FOLDER} == {}


def imports() -> dict[str, set[str]]:
    """Module -> the modules of kiosk that it imports anywhere: at its head, in a function, or for types alone."""
    files = {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in FILES}
    found = {}
    for module, path in files.items():
        names = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                inner = {f"{node.module}.{alias.name}" for alias in node.names}
                names.update(inner & files.keys() or {node.module})
        found[module] = (names & files.keys()) - {module}
    return found


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """The sets of modules each of which leads to all others of its set."""
    reach = {start: reachable(graph, start) for start in graph}
    groups = {frozenset(b for b in reach[a] if a in reach[b]) for a in graph if a in reach[a]}
    return sorted(sorted(group) for group in groups)


def reachable(graph: dict[str, set[str]], start: str) -> set[str]:
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        for name in graph[waiting.pop()] - seen:
            seen.add(name)
            waiting.append(name)
    return seen


def test_no_modules_import_each_other() -> None:
    assert circles(imports()) == []


@pytest.mark.parametrize(
    ("graph", "expected"),
    [
        ({"a": {"b"}, "b": set()}, []),
        ({"a": {"b"}, "b": {"a"}, "c": {"a"}}, [["a", "b"]]),
        ({"a": {"b"}, "b": {"c"}, "c": {"a"}}, [["a", "b", "c"]]),
    ],
)
def test_circles_are_found(graph: dict[str, set[str]], expected: list[list[str]]) -> None:
    assert circles(graph) == expected

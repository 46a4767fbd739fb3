"""How the pages' modules hang together: no circle of imports, small folders, short files and short functions."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections import Counter
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

import pytest

WEB = (Path(__file__).parents[3] / "kiosk" / "web").resolve()
MODULES = sorted(path for path in WEB.rglob("*.js") if "node_modules" not in path.parts)
MOST_MODULES = 15
MOST_LINES = 300
MOST_LINES_OF_A_FUNCTION = 60

# For each file: what it imports, statically or when asked for, and how many lines its functions have. Types in comments
# are no imports.
READ = """
const ts = require("typescript");
const fs = require("fs");
const found = {};
for (const name of process.argv.slice(1)) {
  const file = ts.createSourceFile(name, fs.readFileSync(name, "utf8"), ts.ScriptTarget.Latest, true);
  const line = (position) => file.getLineAndCharacterOfPosition(position).line;
  const imports = [];
  const functions = {};
  const walk = (node) => {
    if ((ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) && node.moduleSpecifier) {
      imports.push(node.moduleSpecifier.text);
    }
    if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      const [what] = node.arguments;
      imports.push(ts.isStringLiteral(what) ? what.text : null);
    }
    if (ts.isFunctionLike(node) && node.body) {
      const first = line(node.getStart());
      functions[first + 1] = Math.max(functions[first + 1] || 0, line(node.end) - first + 1);
    }
    ts.forEachChild(node, walk);
  };
  walk(file);
  found[name] = { imports, functions };
}
console.log(JSON.stringify(found));
"""


@pytest.fixture(scope="module")
def modules() -> dict[str, dict[str, Any]]:
    """What READ finds in each module, by its path below web/."""
    assert (WEB / "node_modules").is_dir(), "the page tools are not installed; `python -m tests` installs them"
    assert shutil.which("node"), "node is not on the PATH; `python -m tests` puts the dev extra's there"
    names = [path.relative_to(WEB).as_posix() for path in MODULES]
    answer = subprocess.run(["node", "-e", READ, *names], cwd=WEB, capture_output=True, text=True, check=True)
    return json.loads(answer.stdout)


@pytest.fixture(scope="module")
def graph(modules: dict[str, dict[str, Any]]) -> dict[str, set[str]]:
    """The modules that each module imports, statically or dynamically."""
    edges: dict[str, set[str]] = {}
    for name, module in modules.items():
        assert None not in module["imports"], f"{name}: a dynamic import whose module is not named"
        paths = [(WEB / name).parent.joinpath(specifier).resolve() for specifier in module["imports"]]
        edges[name] = {path.relative_to(WEB).as_posix() for path in paths}
        assert edges[name] <= set(modules), f"{name} imports what is not there"
    assert sum(map(len, edges.values())) > 50, "the search itself finds nothing any more"
    return edges


@pytest.mark.slow
def test_no_two_modules_import_each_other(graph: dict[str, set[str]]) -> None:
    assert [(one, other) for one in graph for other in graph[one] if one <= other and one in graph[other]] == []


def test_no_module_imports_one_that_loads_it(graph: dict[str, set[str]]) -> None:
    """Directly or through others."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" <- ".join(error.args[1]))


def test_no_folder_holds_more_modules_than_one_can_survey() -> None:
    counts = Counter(path.parent.relative_to(WEB).as_posix() for path in MODULES)
    assert {folder: count for folder, count in counts.items() if count > MOST_MODULES} == {}


def test_no_file_is_too_long() -> None:
    lines = {path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    assert {name: count for name, count in lines.items() if count > MOST_LINES} == {}


def test_no_function_is_too_long(modules: dict[str, dict[str, Any]]) -> None:
    long = {
        f"{name}:{line}": count
        for name, module in modules.items()
        for line, count in module["functions"].items()
        if count > MOST_LINES_OF_A_FUNCTION
    }
    assert long == {}

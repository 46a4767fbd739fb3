"""Bundles modules that a page needs at the same time into one file, named after the module that imports the others.

On a slow phone each file costs more than its bytes: with bundles, at 6x CPU throttling, the first sphere pixel came
about a sixth sooner, with a tenth fewer bytes. Members are concatenated, imported ones first. Nothing is renamed, so no
two members of a bundle may declare the same name.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

BUNDLES = ("shared/sphere/stage.js", "viewer/first.js", "viewer/main.js")
"""The bundles, in the order in which a page loads them. Each contains what it imports from its own top folder, directly
or indirectly, except members of earlier bundles."""

# Imports as the formatter writes them: at the start of a line, possibly over several lines.
_IMPORT = re.compile(r'^import \{([^}]*)\} from "(\.{1,2}/[^"]+)";\n', re.MULTILINE)
_SPECIFIER = re.compile(r'(\bfrom |\bimport\()"(\.{1,2}/[^"]+)"')


def members(folder: Path) -> dict[str, list[str]]:
    """Bundle -> its modules below `folder`, imported ones first, the one that gives the bundle its name last."""
    found: dict[str, list[str]] = {}
    taken: set[str] = set()

    def visit(module: str, together: list[str], top: str) -> None:
        taken.add(module)
        for _, specifier in _IMPORT.findall((folder / module).read_text(encoding="utf-8")):
            imported = _resolve(module, specifier)
            if imported not in taken and imported.split("/")[0] == top:
                visit(imported, together, top)
        together.append(module)

    for bundle in BUNDLES:
        if (folder / bundle).is_file():
            visit(bundle, found.setdefault(bundle, []), bundle.split("/")[0])
    return found


def source(folder: Path, name: str, bundles: dict[str, list[str]]) -> str:
    """The text of the module `name` ("viewer/keep.js") as pages get it, with comments. bundles: from `members`.

    A member requested by itself only re-exports its bundle: a module loaded twice would have its state twice.
    """
    bundle_of = {member: bundle for bundle, together in bundles.items() for member in together}
    if name in bundles:
        return _concatenated(folder, name, bundles[name], bundle_of)
    if name in bundle_of:
        return f'export * from "{_relative(name, bundle_of[name])}";\n'
    return _redirected((folder / name).read_text(encoding="utf-8"), name, bundle_of)


def _concatenated(folder: Path, bundle: str, together: list[str], bundle_of: dict[str, str]) -> str:
    """The concatenated text of the members, with their imports merged at the top."""
    imports: dict[str, set[str]] = {}
    texts = []
    for member in together:
        text = (folder / member).read_text(encoding="utf-8")
        for names, specifier in _IMPORT.findall(text):
            imported = _resolve(member, specifier)
            if imported not in together:
                imported = bundle_of.get(imported, imported)
                imports.setdefault(imported, set()).update(name.strip() for name in names.split(",") if name.strip())
        # Members of one bundle may be in different folders.
        texts.append(_redirected(_IMPORT.sub("", text), member, bundle_of, bundle))
    head = [
        f'import {{ {", ".join(sorted(names))} }} from "{_relative(bundle, imported)}";\n'
        for imported, names in imports.items()
    ]
    return "".join(head) + "\n".join(texts)


def _redirected(text: str, name: str, bundle_of: dict[str, str], place: str = "") -> str:
    """The text of the module `name` with imports of bundled modules changed to imports of their bundles.

    place: the module that the text becomes part of, if not `name`.
    """

    def redirect(found: re.Match[str]) -> str:
        imported = _resolve(name, found[2])
        return f'{found[1]}"{_relative(place or name, bundle_of.get(imported, imported))}"'

    return _SPECIFIER.sub(redirect, text)


def _resolve(module: str, specifier: str) -> str:
    """The path of the module that a relative import in `module` refers to."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(module), specifier))


def _relative(module: str, imported: str) -> str:
    """How `module` names the module `imported`; the inverse of `_resolve`."""
    path = posixpath.relpath(imported, posixpath.dirname(module))
    return path if path.startswith(".") else f"./{path}"

"""Modules that a page with a sphere needs at once are sent as one file, under the name of the one that imports them.

On a slow phone each file costs more than the bytes in it: at 6x CPU throttling the first sphere pixel came about a
sixth sooner, and the bytes are a tenth less. Members are put one after the other, what is imported first; nothing is
renamed, so no two of them may declare the same name. Other modules that import a member are told the joined file
instead: a module that came twice would have its state twice.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

JOINED = "shared/stage.js"

# As the formatter leaves them: at the beginning of a line, over several where there are many names.
_IMPORT = re.compile(r'^import \{[^}]*\} from "(\./[\w-]+\.js)";\n', re.MULTILINE)
_SPECIFIER = re.compile(r'(\bfrom |\bimport\()"(\.{1,2}/[\w/-]+\.js)"')


def members(folder: Path) -> list[str]:
    """The files below `folder` that are sent as JOINED, which is the last of them: what is imported comes before what
    imports it. Empty where there is no such file."""
    found: list[str] = []

    def visit(module: str) -> None:
        for specifier in _IMPORT.findall((folder / module).read_text(encoding="utf-8")):
            imported = _resolve(module, specifier)
            if imported not in found:
                visit(imported)
        if module not in found:
            found.append(module)

    if (folder / JOINED).is_file():
        visit(JOINED)
    return found


def source(folder: Path, name: str, together: list[str]) -> str:
    """The text of the module `name` ("viewer/viewer.js") as pages get it, comments included; together: the members."""
    if name == JOINED:
        return "\n".join(_IMPORT.sub("", (folder / member).read_text(encoding="utf-8")) for member in together)
    text = (folder / name).read_text(encoding="utf-8")
    if name in together:
        return text

    def redirect(found: re.Match[str]) -> str:
        if _resolve(name, found[2]) not in together:
            return found[0]
        room = PurePosixPath(JOINED)
        near = PurePosixPath(name).parent == room.parent
        return f'{found[1]}"{"./" + room.name if near else "../" + JOINED}"'

    return _SPECIFIER.sub(redirect, text)


def _resolve(module: str, specifier: str) -> str:
    """What a relative import of a module two folders deep means."""
    room = PurePosixPath(module).parent
    while specifier.startswith("../"):
        room, specifier = room.parent, specifier[3:]
    return (room / specifier.removeprefix("./")).as_posix()

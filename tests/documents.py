"""Links in Markdown files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

_CODE = re.compile(r"^(```|~~~).*?^\1|^(?: {4}|\t).*?$|`[^`\n]*`", re.MULTILINE | re.DOTALL)
_TARGETS = re.compile(r"\]\(\s*<?([^)\s>]+)|<(?:img|a)\s[^>]*?(?:src|href)=\"([^\"]+)\"")
_HEADINGS = re.compile(r"^#+ +(.+?)\s*#*$", re.MULTILINE)


def relative_links(text: str) -> Iterator[str]:
    """Targets of links and pictures in Markdown, but for those that name a server."""
    for found in _TARGETS.finditer(_CODE.sub("", text)):
        target = found[1] or found[2]
        if not re.match(r"[a-z][a-z0-9+.-]*:|//", target):
            yield target


def anchors(text: str) -> set[str]:
    """What a link may name behind #, as GitHub makes it of headings."""
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in _HEADINGS.findall(text)}


def broken_links(file: Path) -> list[str]:
    """The relative links in `file` that lead nowhere."""
    text = file.read_text(encoding="utf-8")
    broken = []
    for target in relative_links(text):
        name, _, anchor = unquote(target).partition("#")
        other = file.parent / name if name else file
        if not other.exists() or (anchor and anchor not in anchors(other.read_text(encoding="utf-8"))):
            broken.append(target)
    return broken


def documents(root: Path) -> list[Path]:
    """Every Markdown file below `root` that is the project's own."""
    others = {"node_modules", "site-packages", ".venv", ".git", ".pytest_cache", "dist", "build"}
    found = [path for path in root.rglob("*.md") if not others & set(path.relative_to(root).parts)]
    return sorted(found)

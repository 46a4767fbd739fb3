"""Version and commit. Standard library only: the build loads this file by path, before the package exists."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

RECORD = "commit.txt"
"""The file in a built package that holds its commit. A checkout has none; its .git is read instead."""
_SHOWN = 12
_COMMIT = re.compile("[0-9a-f]{40}(?:[0-9a-f]{24})?")


def described() -> str:
    """ "0.1.0 (commit 1a2b3c4d5e6f)", or "0.1.0" if the commit is unknown."""
    from kiosk import __version__

    commit = commit_of(Path(__file__).parents[1])
    return f"{__version__} (commit {commit[:_SHOWN]})" if commit else __version__


def commit_of(root: Path) -> str | None:
    """The full commit hash of the tree at `root`, the folder that holds kiosk/; None if unknown.

    Reads Git's files directly: the git program may be missing, and it refuses folders of other users.
    """
    with contextlib.suppress(OSError, ValueError):
        if found := _checked_out(root / ".git"):
            return found
    with contextlib.suppress(OSError, ValueError):
        return _valid((root / "kiosk" / RECORD).read_text())
    return None


def _valid(text: str) -> str | None:
    return text.strip() if _COMMIT.fullmatch(text.strip()) else None


def _checked_out(git: Path) -> str | None:
    if git.is_file():  # of a worktree or a submodule
        git = git.parent / git.read_text().removeprefix("gitdir:").strip()
    head = (git / "HEAD").read_text().strip()
    if not head.startswith("ref:"):
        return _valid(head)
    branch = head.removeprefix("ref:").strip()
    link = git / "commondir"
    shared = git / link.read_text().strip() if link.is_file() else git
    for place in (git / branch, shared / branch):
        if place.is_file():
            return _valid(place.read_text())
    for line in (shared / "packed-refs").read_text().splitlines():
        commit, _, name = line.partition(" ")
        if name == branch:
            return _valid(commit)
    return None

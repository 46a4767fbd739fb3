"""Version and commit. Standard library only: the build reads this file by its path, before there is a package."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

RECORD = "commit.txt"
"""In the package: the commit it was built from. A checkout has none and is asked itself."""
_SHOWN = 12
_COMMIT = re.compile("[0-9a-f]{40}(?:[0-9a-f]{24})?")


def described() -> str:
    """ "0.1.0 (commit 1a2b3c4d5e6f)"; without the commit where nobody knows it."""
    from kiosk import __version__

    commit = commit_of(Path(__file__).parents[1])
    return f"{__version__} (commit {commit[:_SHOWN]})" if commit else __version__


def commit_of(root: Path) -> str | None:
    """The whole hash of the commit that the tree at `root` (the folder that holds kiosk/) was made from; None where
    nothing tells.

    Git's files are read as they are: the program may be missing, and refuses folders of other users.
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

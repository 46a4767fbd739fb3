"""--version: the commit of a checkout, read without git; the commit recorded by a build; or none."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import kiosk
from kiosk.version import RECORD, commit_of, described

ROOT = Path(__file__).parents[3]
A, B = "a1" * 20, "b2" * 20


def tree(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@pytest.mark.parametrize(
    ("files", "commit"),
    [
        pytest.param({".git/HEAD": "ref: refs/heads/main\n", ".git/refs/heads/main": f"{A}\n"}, A, id="branch"),
        pytest.param(
            {
                ".git/HEAD": "ref: refs/heads/main\n",
                ".git/packed-refs": f"# pack-refs with: peeled\n{B} refs/heads/other\n{A} refs/heads/main\n",
            },
            A,
            id="packed",
        ),
        pytest.param({".git/HEAD": f"{A}\n"}, A, id="detached"),
        pytest.param(
            {
                ".git": "gitdir: main/.git/worktrees/here\n",
                "main/.git/worktrees/here/HEAD": "ref: refs/heads/here\n",
                "main/.git/worktrees/here/commondir": "../..\n",
                "main/.git/refs/heads/here": f"{A}\n",
            },
            A,
            id="worktree",
        ),
        pytest.param({".git/HEAD": "ref: refs/heads/main\n"}, None, id="no-commit-yet"),
        pytest.param({".git/HEAD": "\x00\n"}, None, id="nonsense"),
        pytest.param({".git/HEAD": "ref: refs/heads/main\n", ".git/refs/heads/main": "abc\n"}, None, id="torn"),
        pytest.param({"kiosk/commit.txt": f"{A}\n"}, A, id="built"),
        pytest.param({"kiosk/commit.txt": "<commit>\n"}, None, id="built-from-nonsense"),
        pytest.param({".git/HEAD": f"{A}\n", "kiosk/commit.txt": f"{B}\n"}, A, id="checkout-before-build"),
        pytest.param({}, None, id="neither"),
    ],
)
def test_the_commit_is_found_without_git(files: dict[str, str], commit: str | None, tmp_path: Path) -> None:
    assert commit_of(tree(tmp_path, files)) == commit


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a checkout")
def test_it_is_what_git_says(tmp_path: Path) -> None:
    command = ["git", "-c", f"safe.directory={ROOT}", "-C", str(ROOT), "rev-parse", "HEAD"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert commit_of(ROOT) == said.strip()


def test_the_command_says_version_and_commit_where_there_is_no_git(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "from kiosk.cli import main; main(['--version'])"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={"PATH": str(tmp_path)}, cwd=ROOT)
    assert done.stdout == f"dreamkiosk {described()}\n"
    commit = commit_of(ROOT)
    assert described() == f"{kiosk.__version__} (commit {commit[:12]})" if commit else kiosk.__version__


def test_the_tree_holds_no_record_of_its_own() -> None:
    """A commit recorded in a checkout would be wrong after the next commit."""
    assert not (ROOT / ".git").exists() or not (ROOT / "kiosk" / RECORD).exists()

"""Style, types and layers are tests like any other."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SCRIPTS = Path(sys.executable).parent
PYRIGHT = (ROOT / "kiosk" / "web").resolve() / "node_modules" / ".bin" / "pyright"


def run(*command: str | Path) -> None:
    done = subprocess.run([str(part) for part in command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_python_is_lint_free() -> None:
    run(SCRIPTS / "ruff", "check", ".")


def test_python_is_formatted() -> None:
    run(SCRIPTS / "ruff", "format", "--check", ".")


def test_lower_rooms_never_import_higher_ones() -> None:
    run(SCRIPTS / "lint-imports", "--no-cache")


@pytest.mark.slow
def test_types_hold() -> None:
    assert PYRIGHT.exists(), "the page tools are not installed; `python -m tests` installs them"
    run(PYRIGHT, "--pythonpath", sys.executable)

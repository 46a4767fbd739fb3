"""How tests run the command in a data folder of their own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from kiosk.cli import main

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command; returns its exit status, stdout and stderr."""

    def run(*arguments: object) -> tuple[int, str, str]:
        code = 0
        try:
            main(["--data", str(tmp_path / "data"), *map(str, arguments)])
        except SystemExit as exit_:
            code = int(exit_.code or 0)
        return code, *capsys.readouterr()

    return run

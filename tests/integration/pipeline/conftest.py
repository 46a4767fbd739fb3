"""Fixtures of the tests of the worker and its parts."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from kiosk.library.library import Library
from kiosk.storage import DataFolder


@pytest.fixture(scope="module")
def graphs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder where graphs are built once for all tests of a module."""
    return tmp_path_factory.mktemp("graphs")


@pytest.fixture
def library(data: DataFolder, graphs: Path) -> Iterator[Library]:
    data.prepare()
    shutil.rmtree(data.graphs)
    data.graphs.symlink_to(graphs)
    with Library(data) as library:
        yield library

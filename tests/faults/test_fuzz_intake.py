"""Broken photos by the hundred: none costs more memory than an ordinary one, none is an error, nothing is left."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench.fuzz_intake import fuzz


@pytest.mark.slow
def test_broken_photos_cost_no_more_than_ordinary_ones_and_nobody_else_s(tmp_path: Path) -> None:
    report = fuzz(tmp_path, count=40, seed=2)
    print(report.as_json())
    assert report.sent == 120
    assert report.children > 50, "broken photos must reach the decoders, or this shows nothing"
    assert not report.broken
    assert not report.died

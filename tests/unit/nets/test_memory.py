"""The memory a dream is expected to take, and what a limit makes of it."""

from __future__ import annotations

import pytest

from kiosk.errors import BadInput
from kiosk.nets.engine.memory import needed_mb, threads_within


@pytest.mark.parametrize(
    ("width", "threads", "measured"),
    # Peak RSS of whole processes that decode a photo and dream it, in float32 (16384: int8).
    [(1024, 1, 292), (1024, 2, 330), (2048, 1, 326), (2048, 2, 354), (4096, 2, 478), (8192, 2, 942), (16384, 2, 2910)],
)
def test_the_estimate_is_what_was_measured_or_somewhat_more(width: int, threads: int, measured: float) -> None:
    assert 0.9 * measured < needed_mb(width, width // 2, threads) < 1.25 * measured


def test_a_limit_costs_threads_before_it_is_refused() -> None:
    assert threads_within(None, 2048, 1024, 8) == 8
    assert threads_within(10_000, 2048, 1024, 8) == 8
    assert threads_within(needed_mb(2048, 1024, 3) + 1, 2048, 1024, 8) == 3


def test_too_little_says_what_would_do() -> None:
    with pytest.raises(BadInput, match=r"needs (\d+) MB") as caught:
        threads_within(100, 2048, 1024, 2)
    least = int(str(caught.value).split("needs ")[1].split()[0])
    assert threads_within(least, 2048, 1024, 2) == 1

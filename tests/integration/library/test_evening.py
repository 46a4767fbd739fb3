"""A small evening of many guests, on a clock of its own: who waits how long, and how true the estimates are."""

from __future__ import annotations

import statistics

import pytest

from kiosk.storage import DataFolder
from tests.evening import SECONDS, Evening


@pytest.mark.slow
def test_everybody_has_their_turn_and_is_told_when(data: DataFolder) -> None:
    evening = Evening(data, guests=40, seed=1)
    evening.run()
    assert set(evening.ready) == set(evening.came), "every photo is dreamed"
    waits: dict[str, list[float]] = {}
    for token, (came, who) in sorted(evening.came.items(), key=lambda item: item[1][0]):
        waits.setdefault(who, []).append(evening.ready[token] - came)
    camera = waits.pop("")
    assert max(camera) < 5 * SECONDS, "whoever stands in front of the booth waits for the photo in work, and no other"
    firsts, others = [one[0] for one in waits.values()], [wait for one in waits.values() for wait in one[1:]]
    assert statistics.mean(firsts) < 0.6 * statistics.mean(others), "nobody waits for the many photos of another guest"
    told = [one for one in evening.told if one.eta is not None and one.took > 20]
    errors = [(one.eta - one.took) / one.took for one in told]
    assert abs(statistics.median(errors)) < 0.1
    assert statistics.mean(abs(error) <= 0.25 for error in errors) > 0.7

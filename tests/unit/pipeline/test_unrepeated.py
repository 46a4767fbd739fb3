"""Which part of a placed photo is people, who are not repeated around it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kiosk.errors import Unavailable
from kiosk.nets.faces import Face
from kiosk.pipeline.keeping import unrepeated
from kiosk.pipeline.keeping.faces import REACH
from kiosk.pipeline.keeping.unrepeated import people_finder, people_in
from kiosk.sphere.view import rectilinear


def photo(yaw: float = 0, across: float = 60) -> tuple[np.ndarray, np.ndarray]:
    """A photo 40 degrees high around `yaw`, degrees, with a white head five degrees wide in its middle."""
    columns = round(across / 360 * 720)
    covered = np.zeros((360, 720), bool)
    covered[140:220, 360 - columns // 2 : 360 + columns // 2] = True
    placed = np.where(covered[..., None], 90, 0).repeat(3, 2).astype(np.uint8)
    placed[175:185, 355:365] = 255
    step = round(yaw * 2)
    return np.roll(placed, step, axis=1), np.roll(covered, step, axis=1)


def white(view: np.ndarray) -> list[Face]:
    """White squares, in the place of faces."""
    rows, columns = np.nonzero(view.min(2) > 200)
    if not len(rows):
        return []
    return [Face(float(columns.min()), float(rows.min()), float(np.ptp(columns)), float(np.ptp(rows)), 1.0)]


@pytest.mark.parametrize(("yaw", "across"), [(0, 60), (175, 60), (-100, 200)])
def test_a_person_is_a_head_with_a_body_below(yaw, across):
    people = people_in(*photo(yaw, across), white)
    seen = rectilinear(people.astype(np.uint8), 360, 360, yaw=yaw, fov=90)
    middle = seen[:, 180]
    assert middle[180]
    assert middle[300], "the body"
    assert not middle[150], "above the head"
    head = 5 * REACH * unrepeated.HEAD
    assert np.degrees(np.arctan(seen[180].sum() / 360)) == pytest.approx(head, abs=3)
    assert seen[215].sum() > 1.3 * seen[180].sum(), "the shoulders"


def test_a_photo_without_faces_has_no_people():
    assert not people_in(*photo(), lambda view: []).any()


def test_without_the_networks_people_are_not_known(tmp_path, monkeypatch, caplog):
    def missing(graphs: Path, sure: float):
        raise Unavailable("no weights", "no_weights")

    monkeypatch.setattr(unrepeated, "open_finder", missing)
    assert people_finder(tmp_path)(*photo()) is None
    assert "no weights" in caplog.text

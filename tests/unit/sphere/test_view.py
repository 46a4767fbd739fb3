"""A view of a sphere is put back where it was seen."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from kiosk.sphere.view import onto_sphere, rectilinear


@pytest.mark.parametrize(("yaw", "pitch"), [(0, 0), (180, 0), (-100, 40), (75, -90), (20, 90)])
def test_what_was_seen_goes_back_to_its_place(yaw: float, pitch: float) -> None:
    noise = np.random.default_rng(1).normal(size=(256, 512)).astype(np.float32)
    picture = cv2.GaussianBlur(np.tile(noise, (1, 3)), (0, 0), 8)[:, 512:1024]
    picture /= picture.std()
    # Nothing is smooth at a pole but what does not depend on the longitude.
    picture[:40], picture[-40:] = 1, -1
    seen = rectilinear(picture, 400, 400, yaw=yaw, pitch=pitch, fov=80)
    back = onto_sphere(seen, 512, yaw=yaw, pitch=pitch, fov=80)
    where = onto_sphere(np.ones((400, 400), np.float32), 512, yaw=yaw, pitch=pitch, fov=80) > 0.99
    assert back.shape == (256, 512)
    assert where.sum() > 3000
    assert np.abs(back - picture)[where].mean() < 0.03
    assert not back[onto_sphere(np.ones((400, 400), np.float32), 512, yaw=yaw, pitch=pitch, fov=80) == 0].any()


def test_a_view_covers_its_share_of_the_sphere() -> None:
    # Each face of a cube is a sixth.
    area = np.cos((0.5 - (np.arange(256) + 0.5) / 256) * np.pi)[:, None]
    for yaw, pitch in ((0, 0), (135, 0), (0, -90)):
        covered = onto_sphere(np.ones((64, 64), np.float32), 512, yaw=yaw, pitch=pitch, fov=90)
        assert (covered * area).sum() / (area.sum() * 512) == pytest.approx(1 / 6, rel=0.02)

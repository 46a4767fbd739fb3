"""The dream of an ordinary photo, as the picture that it was."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from kiosk.pictures.read import read_photo
from kiosk.pipeline import flat
from kiosk.pipeline.flat import flat_dream
from kiosk.pipeline.keeping.presence import lay_photo_over, photo_share
from kiosk.sphere.deciding import decide
from kiosk.sphere.placement import put


def photo(width: int, height: int) -> np.ndarray:
    """Smooth forms with fine lines over them, uint8 [height, width, 3]."""
    x, y = np.meshgrid(np.arange(width) / width, np.arange(height) / height)
    forms = np.stack([128 + 70 * np.sin(7 * x + 3 * y), 128 + 70 * np.cos(5 * y), 110 + 60 * x], -1)
    return (forms + 24 * (np.arange(width) % 6 < 3)[None, :, None]).clip(0, 255).astype(np.uint8)


def png(picture: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    return file.getvalue()


def flatten(original: bytes, sphere: np.ndarray, presence: float = 0.0) -> np.ndarray | None:
    """The flat dream where nothing was enlarged."""
    return flat_dream(original, sphere, sphere, presence)


def dreamed(original: bytes, width: int, by: int = 0) -> np.ndarray:
    """The photo on a sphere, `by` levels brighter."""
    picture, tags = read_photo(original)
    sphere, _ = put(picture, decide(picture, tags), width)
    return (sphere.astype(int) + by).clip(0, 255).astype(np.uint8)


def inside(picture: np.ndarray) -> np.ndarray:
    """Without the edges, which the sphere blends with what is around them."""
    height, width = picture.shape[:2]
    return picture[height // 16 : -height // 16, width // 16 : -width // 16].astype(int)


@pytest.mark.parametrize(("width", "height"), [(1200, 900), (900, 1200)])
def test_it_has_the_photos_size_and_its_fine_lines_and_what_was_dreamed(width: int, height: int) -> None:
    """The sphere is five times as coarse as the photo, so it holds none of the lines."""
    picture = photo(width, height)
    original = png(picture)
    result = flatten(original, dreamed(original, 1024, by=20))
    assert result is not None
    assert result.shape == picture.shape
    apart = inside(result) - inside(picture)
    assert apart.mean() == pytest.approx(20, abs=0.5)
    assert np.abs(apart - 20).mean() < 1.5


def test_a_large_photo_comes_as_large_as_messengers_send(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flat, "LONGEST", 600)
    original = png(photo(1200, 900))
    result = flatten(original, dreamed(original, 1024))
    assert result is not None
    assert result.shape == (450, 600, 3)


def test_a_small_photo_comes_enlarged() -> None:
    """The sphere holds twice its pixels."""
    original = png(photo(160, 120))
    sphere = dreamed(original, 2048)
    result = flatten(original, sphere)
    assert result is not None
    assert 1.5 * 160 < result.shape[1] < 3 * 160
    assert result.shape[1] / result.shape[0] == pytest.approx(4 / 3, rel=0.02)


@pytest.mark.parametrize("height", [512, 1024])
def test_a_sphere_has_no_flat_picture(height: int) -> None:
    """Neither a mono one nor two eyes."""
    sphere = np.tile(photo(1024, 512), (height // 512, 1, 1))
    assert flatten(png(sphere), sphere[:512]) is None


def test_a_panorama_comes_as_a_band() -> None:
    picture = np.roll(np.concatenate([photo(600, 200), photo(600, 200)[:, ::-1]], axis=1), 200, axis=1)
    original = png(picture)
    result = flatten(original, dreamed(original, 2048, by=10))
    assert result is not None
    assert result.shape[1] / result.shape[0] == pytest.approx(6, rel=0.02)
    small = np.asarray(Image.fromarray(picture).resize(result.shape[1::-1]), int)
    assert (inside(result) - inside(small)).mean() == pytest.approx(10, abs=1)


def test_less_of_the_photo_stays_than_on_the_sphere() -> None:
    """There is no dreamed world around it here, so its middle dreams more."""
    picture = photo(600, 450)
    original = png(picture)
    at = decide(picture, read_photo(original)[1])
    sphere, covered = put(picture, at, 1024)
    share = photo_share(covered, 0.75)
    assert share is not None
    brighter = (sphere.astype(int) + 40).clip(0, 255).astype(np.uint8)
    result = flatten(original, lay_photo_over(sphere, brighter, share), presence=0.75)
    assert result is not None
    apart = result.astype(int) - picture
    # On the sphere 10 levels are left of 40 at the middle; of the 30 that the photo took, 18 come back.
    assert apart[200:250, 275:325].mean() == pytest.approx(40 * (1 - flat.STAYS * 0.75), abs=2)
    assert apart[20:30, 20:30].mean() == pytest.approx(40, abs=3)

"""Small files that are made to cost much."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from kiosk.pictures.containers import jpeg

Size = tuple[int, int]


def saved(picture: Image.Image, form: str = "JPEG", **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, form, **options)
    return buffer.getvalue()


def smooth(size: Size) -> Image.Image:
    return Image.linear_gradient("L").resize(size).convert("RGB")


def repeated_noise(size: Size) -> bytes:
    """A PNG of noise in 256 colors, whose rows repeat: a deflated hundredth of what it is as a JPEG."""
    width, height = size
    # What repeats has to lie within the 32 kB that deflate looks back.
    period = max(1, 16384 // width)
    rows = np.random.default_rng(0).integers(0, 256, (period, width), np.uint8)
    picture = Image.fromarray(np.tile(rows, (height // period, 1)), "L").convert("P")
    picture.putpalette(np.random.default_rng(1).integers(0, 256, 768, np.uint8).tobytes())
    return saved(picture, "PNG", compress_level=9)


def many_scans(size: Size, times: int = 500) -> bytes:
    """A progressive JPEG one of whose scans comes again and again, each a pass over all coefficients."""
    whole = saved(smooth(size), progressive=True, quality=30)
    # Before the last scan: what follows that is not looked at.
    scans = [one for one in jpeg.segments(whole) if one.marker == jpeg.SCAN][:-1]
    small = min(scans, key=lambda one: one.end - one.start)
    return whole[: small.end] + whole[small.start : small.end] * times + whole[small.end :]

"""Every format, as phones write it, is read the same in the confined child, which may open no file: not even a module
that a decoder would import for a rare tag."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kiosk.pictures.apart import decode_apart
from kiosk.pictures.decode import Limits
from kiosk.pictures.gpano import gpano_xmp
from kiosk.pictures.read import read_photo, read_tags
from tests.photos import saved, with_metadata

ROWS, COLUMNS = np.mgrid[0:48, 0:96]
PICTURE = Image.fromarray(np.stack([COLUMNS * 2, ROWS * 4, 255 - COLUMNS - ROWS], -1).astype(np.uint8))
TURNED = Image.Exif()
TURNED[0x0112] = 6
TURNED.get_ifd(0x8769)[0xA405] = 24
FILES = {
    **with_metadata(PICTURE, gpano_xmp(96, 48, 30), TURNED.tobytes()),
    "turned AVIF": lambda: saved(PICTURE, "AVIF", exif=TURNED, quality=95),
    "turned TIFF": lambda: saved(PICTURE, "TIFF", exif=TURNED),
    "BMP": lambda: saved(PICTURE, "BMP"),
    "palette": lambda: saved(PICTURE.quantize(64), "PNG"),
}


@pytest.mark.parametrize("make", FILES.values(), ids=FILES)
def test_the_confined_child_reads_what_the_command_line_reads(make, tmp_path: Path) -> None:
    (tmp_path / "upload").write_bytes(make())
    decode_apart(tmp_path / "upload", tmp_path / "original.jpg", Limits())
    wanted, said = read_photo(tmp_path / "upload")
    stored = np.asarray(Image.open(tmp_path / "original.jpg").convert("RGB"), int)
    assert stored.shape == wanted.shape
    assert np.abs(stored - wanted).mean() < 3
    assert read_tags(tmp_path / "original.jpg") == said

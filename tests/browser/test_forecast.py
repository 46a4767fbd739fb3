"""What guests are told and shown of the photo that they chose, before it is sent."""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, Image, PngImagePlugin

from kiosk.errors import BadInput
from kiosk.pictures.gpano import gpano_xmp, with_xmp
from kiosk.pictures.read import read_photo
from kiosk.sphere.deciding import decide
from tests import directions
from tests.browser.conftest import WEB
from tests.heic import heic

pytestmark = pytest.mark.browser

WORDS = json.loads((WEB / "forecast" / "i18n" / "en.json").read_text(encoding="utf-8"))
HUGE = {f"GPano:{name}Pixels": 2_000_000_000 for name in ("FullPanoWidth", "FullPanoHeight")}
PART = {"GPano:FullPanoWidthPixels": 1024, "GPano:FullPanoHeightPixels": 512}
AREA = {"GPano:CroppedAreaImageWidthPixels": 768, "GPano:CroppedAreaImageHeightPixels": 256}
# So much of it that its tags, at the end, are far from its beginning.
NOISE = Image.effect_noise((1536, 512), 90).convert("RGB")
OF_INSTA360 = b"8db42d694ccc418790edff439fe026bf"
_BLOCK = struct.pack("<HHI", 0, 0x0A01, 18) + b"Panorama_Shot_Info" + b"1"
_TABLE = b"SEFH" + struct.pack("<II", 106, 1) + struct.pack("<HHII", 0, 0x0A01, len(_BLOCK), len(_BLOCK))
OF_SAMSUNG = _BLOCK + _TABLE + struct.pack("<I", len(_TABLE)) + b"SEFT"
OF_IOS = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description rdf:about="" xmlns:exif="http://ns.adobe.com/exif/1.0/"><exif:UserComment><rdf:Alt>'
    b'<rdf:li xml:lang="x-default">Screenshot</rdf:li></rdf:Alt></exif:UserComment></rdf:Description></rdf:RDF>'
    b"</x:xmpmeta>"
)
OF_A_SCREEN = b"ASCII\0\0\0Screenshot"


def picture(width: int, height: int) -> Image.Image:
    """A ramp of gray."""
    return Image.linear_gradient("L").convert("RGB").resize((width, height))


def coded(image: Image.Image, form: str = "JPEG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def tagged(width: int, height: int, **extra: object) -> bytes:
    return with_xmp(coded(picture(width, height)), gpano_xmp(width, height, **extra))


def exif(orientation: int = 1, **fields: object) -> bytes:
    """Exif tags by their names, of an iPhone's photo."""
    tags = Image.Exif()
    tags[ExifTags.Base.Make] = "Apple"
    tags[ExifTags.Base.Orientation] = orientation
    tags.get_ifd(ExifTags.IFD.Exif).update({ExifTags.Base[name]: value for name, value in fields.items()})
    return tags.tobytes()


def png(packet: bytes) -> bytes:
    info = PngImagePlugin.PngInfo()
    info.add_itxt("XML:com.adobe.xmp", packet.decode())
    return coded(picture(768, 256), "PNG", pnginfo=info)


PLACE = gpano_xmp(768, 256, **PART)
ELEMENTS = b"<rdf:Description><GPano:ProjectionType>equirectangular</GPano:ProjectionType></rdf:Description>"

# The file's name, its bytes, and what becomes of it, by the names of the sentences.
CASES: dict[str, tuple[Callable[[], bytes], str]] = {
    "sphere.jpg": (lambda: coded(picture(512, 256)), "sphere"),
    "a pixel off.png": (lambda: coded(picture(511, 256), "PNG"), "sphere"),
    "off and tagged.jpg": (lambda: tagged(1024, 532), "sphere"),
    "off.jpg": (lambda: coded(picture(1024, 532)), "view"),
    "part.jpg": (lambda: tagged(768, 256, **PART), "part"),
    "part.png": (lambda: png(PLACE), "part"),
    "part.webp": (lambda: coded(NOISE, "WEBP", quality=100, xmp=PLACE), "part"),
    "part.tiff": (lambda: coded(picture(768, 256), "TIFF", tiffinfo={700: PLACE}), "part blind"),
    "filled up later.jpg": (lambda: tagged(1024, 512, **PART, **AREA), "sphere"),
    "all around.jpg": (lambda: tagged(1024, 256, **PART), "band"),
    "only the projection.jpg": (lambda: with_xmp(coded(picture(1024, 200)), ELEMENTS), "band"),
    "wide.jpg": (lambda: coded(picture(1024, 200)), "band"),
    "wide.heic": (lambda: heic(picture(640, 240)), "band blind"),
    "iPhone panorama.jpg": (lambda: coded(picture(800, 400), exif=exif(CustomRendered=6)), "band"),
    "turned.jpg": (lambda: coded(picture(800, 400), exif=exif(6)), "view"),
    "IMG_0042.HEIC": (lambda: heic(picture(640, 480)), "view blind"),
    "photo.tif": (lambda: coded(picture(400, 300), "TIFF"), "view blind"),
    "tiny.gif": (lambda: coded(picture(120, 90), "GIF"), "small"),
    "Screenshot_2026-11-30.png": (lambda: coded(picture(540, 1170), "PNG"), "screen"),
    "IMG_7.jpg": (lambda: coded(picture(540, 1170), exif=exif(UserComment=OF_A_SCREEN)), "screen"),
    "two eyes.jpg": (lambda: tagged(512, 512, **{"GPano:StereoMode": "top-bottom"}), "stereo"),
    "one eye.jpg": (lambda: coded(picture(512, 512)), "view"),
    "IMG_2026.insp": (lambda: coded(picture(512, 256)), "fisheyes"),
    "Insta360.jpg": (lambda: coded(Image.fromarray(directions.two_discs(256))) + OF_INSTA360, "fisheyes"),
    "Samsung.jpg": (lambda: coded(picture(800, 400)) + OF_SAMSUNG, "band"),
    "IMG_8.png": (lambda: png(OF_IOS), "screen"),
    "clip.mp4": (lambda: b"\0\0\0\x18ftypmp42" + bytes(400), "film"),
    "clip.mov": (lambda: b"\0\0\0\x14ftypqt  " + bytes(400), "film"),
    "huge.jpg": (lambda: tagged(400, 300, **HUGE), "view"),
    "empty.heic": (lambda: b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "blind"),
    "boxes.heic": (lambda: b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"ispe" * 100_000, "view blind"),
    "directory.tif": (lambda: b"II*\0" + struct.pack("<I", 2**32 - 1), "blind"),
    "circle.tif": (lambda: b"MM\0*" + struct.pack(">IH", 8, 65535) + b"\xff" * 100, "blind"),
    "exif.jpg": (lambda: b"\xff\xd8\xff\xe1\0\x20Exif\0\0II*\0\xff\xff\xff\xff", "blind"),
    "noise.jpg": (lambda: np.random.default_rng(3).bytes(900_000), "blind"),
    "names.jpg": (lambda: b"GPano:" * 100_000 + b'xmlns:x="http://ns.google.com/photos/1.0/panorama/"', "blind"),
    "nothing.png": (lambda: b"", "blind"),
}  # fmt: skip


def test_every_photo_is_told_its_fate_before_it_is_sent(screen: Callable[..., Any], tmp_path: Path) -> None:
    page = screen()
    asked: list[str] = []
    page.page.on("request", lambda request: asked.append(request.url))
    page.open("/")
    # What the page asks for without a photo.
    for wanted_first in ("/events", "/api/kiosk"):
        assert page.waits(lambda end=wanted_first: any(url.endswith(end) for url in asked))
    asked.clear()
    told, wanted = {}, {}
    for name, (make, forecasts) in CASES.items():
        path = tmp_path / name
        path.write_bytes(make())
        page.page.locator("#photo").set_input_files(path)
        page.page.wait_for_function("() => document.getElementById('forecast').textContent")
        told[name] = page.page.locator("#forecast").inner_text()
        wanted[name] = " ".join(WORDS[f"forecast.{forecast}"] for forecast in forecasts.split())
        assert page.page.get_by_role("button", name="Dream it").is_visible()
    assert told == wanted
    assert [
        url for url in asked if "/static/" not in url and "/styles/" not in url and not url.startswith("blob:")
    ] == []


VIEWS = {"view", "small", "screen"}
BY_NAME = {"IMG_2026.insp"}
"""What a phone knows by the file's name, which the kiosk does not see."""


@pytest.mark.parametrize(
    "name", [name for name, (_, forecasts) in CASES.items() if forecasts != "blind" and name not in BY_NAME]
)
def test_the_kiosk_decides_as_the_phone_expected(name: str) -> None:
    make, forecasts = CASES[name]
    expected = forecasts.split()[0]
    try:
        place = decide(*read_photo(make()))
    except BadInput:
        assert expected in ("fisheyes", "film") or name == "boxes.heic"
        return
    decided = "band" if place.kind == "part" and place.across == 360 else place.kind
    assert decided == ("view" if expected in VIEWS else expected)


def test_what_was_told_of_one_photo_is_not_said_of_the_next(screen: Callable[..., Any], tmp_path: Path) -> None:
    """The first is read more slowly than the second."""
    page = screen()
    page.page.add_init_script("""
      const read = FileReader.prototype.readAsArrayBuffer;
      let held = null;
      FileReader.prototype.readAsArrayBuffer = function (blob) {
        if (held) return read.call(this, blob);
        held = () => read.call(this, blob);
        window.release = held;
      };
    """)
    page.open("/")
    for name, size in (("sphere.png", (512, 256)), ("photo.png", (400, 300))):
        (tmp_path / name).write_bytes(coded(picture(*size), "PNG"))
        page.page.locator("#photo").set_input_files(tmp_path / name)
        page.page.wait_for_function("() => Boolean(window.release)")
    page.page.get_by_text(WORDS["forecast.view"]).wait_for()
    page.page.evaluate("window.release()")
    page.frames(20)
    assert page.page.locator("#forecast").inner_text() == WORDS["forecast.view"]


def colors_in(screen: np.ndarray, box: dict[str, float]) -> np.ndarray:
    """The corners of what is in a box of the page, 12 pixels inside: float [4, 3]."""
    left, top = box["x"] + 12, box["y"] + 12
    right, bottom = box["x"] + box["width"] - 12, box["y"] + box["height"] - 12
    return np.array([screen[int(y), int(x)] for y in (top, bottom) for x in (left, right)])


@pytest.mark.parametrize("window", [(390, 844), (320, 568), (1280, 800)])
@pytest.mark.parametrize("size", [(1600, 800), (1500, 300), (600, 800), (800, 600)])
def test_the_photo_is_seen_whole_and_in_its_own_shape(
    screen: Callable[..., Any], tmp_path: Path, window: tuple[int, int], size: tuple[int, int]
) -> None:
    width, height = size
    corners = np.array([[220, 40, 40], [40, 200, 40], [50, 50, 220], [220, 220, 40]], np.uint8)
    path = tmp_path / "photo.png"
    Image.fromarray(np.kron(corners.reshape(2, 2, 3), np.ones((height // 2, width // 2, 1), np.uint8))).save(path)
    page = screen(window).open("/")
    page.page.locator("#photo").set_input_files(path)
    page.page.locator("#styles label.on").wait_for()
    page.page.get_by_text(
        WORDS["forecast.sphere" if width == 2 * height else "forecast.band" if width > 1000 else "forecast.view"]
    ).wait_for()
    # Words on the picture have corners of their own.
    page.style("#thumb span { opacity: 0 }")
    shown = page.page.locator("#thumb img")
    box = shown.bounding_box()
    assert box["width"] / box["height"] == pytest.approx(width / height, rel=0.03)
    column = page.page.locator("#thumb").bounding_box()["width"]
    assert box["width"] == pytest.approx(column, abs=1) or box["height"] >= 0.35 * window[1] or window[0] > 1000
    if width >= 2 * height:
        assert box["width"] == pytest.approx(column, abs=1), "a panorama is as wide as the page"
    assert page.waits(lambda: np.abs(colors_in(page.picture(), shown.bounding_box()) - corners).max() < 12)

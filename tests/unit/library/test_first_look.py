"""The first look at an upload: in a child that may open no file, it says what the picture is and draws it."""

from __future__ import annotations

import contextlib
import errno
import io
import math
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from kiosk.errors import BadInput, Unavailable
from kiosk.library.intake import accept
from kiosk.library.library import Library
from kiosk.library.looking import first_look
from kiosk.library.looking.first_look import WIDTH, take
from kiosk.pictures.apart import decode_apart
from kiosk.pictures.decode import Limits
from kiosk.pictures.gpano import GPano, gpano_xmp, with_xmp
from kiosk.storage import DataFolder

RED, GREEN = (200, 40, 40), (40, 160, 60)


def scene(width: int, height: int) -> np.ndarray:
    """A red sky over a green meadow, uint8 [height, width, 3], with grain; its ends match."""
    picture = np.empty((height, width, 3), np.float32)
    picture[: height // 2], picture[height // 2 :] = RED, GREEN
    turns = np.arange(width) / width * 2 * np.pi
    picture += 25 * np.cos(turns)[None, :, None] + np.random.default_rng(1).normal(0, 4, picture.shape)
    return picture.clip(0, 255).astype(np.uint8)


def jpeg(picture: np.ndarray, xmp: bytes | None = None) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=92)
    return with_xmp(file.getvalue(), xmp) if xmp else file.getvalue()


def discs() -> np.ndarray:
    y, x = np.mgrid[0:256, 0:256] - 127.5
    disc = (np.hypot(x, y) < 125)[..., None] * scene(256, 256)
    return np.concatenate([disc, disc], axis=1)


SPHERE = scene(512, 256)
KINDS = {
    "sphere": (jpeg(SPHERE), "sphere", 360, 180),
    "a pixel off": (jpeg(scene(511, 256)), "sphere", 360, 180),
    "askew": (jpeg(SPHERE, gpano_xmp(512, 256, 40, **{"GPano:PosePitchDegrees": 12})), "sphere", 360, 180),
    "part": (
        jpeg(
            scene(384, 128),
            gpano_xmp(
                384, 128, **{"GPano:FullPanoWidthPixels": 512, "GPano:FullPanoHeightPixels": 256,
                             "GPano:CroppedAreaLeftPixels": 64, "GPano:CroppedAreaTopPixels": 64}
            ),
        ),
        "part", 270, 90,
    ),
    "panorama": (jpeg(scene(1200, 200)), "band", 360, 55),
    "photo": (jpeg(scene(640, 480)), "view", 67, 53),
    "portrait": (jpeg(scene(480, 640)), "view", 53, 67),
    "stereo": (jpeg(np.concatenate([SPHERE, SPHERE])), "stereo", 360, 180),
}  # fmt: skip


@pytest.mark.parametrize(("data", "kind", "across", "down"), KINDS.values(), ids=KINDS)
def test_every_kind_of_picture_is_recognized_without_opening_a_file(
    data: bytes, kind: str, across: float, down: float, tmp_path: Path
) -> None:
    (tmp_path / "upload").write_bytes(data)
    seen = take(tmp_path / "upload", tmp_path / "original.jpg", tmp_path / "sphere.jpg", Limits())
    assert seen["place"]["kind"] == kind
    assert (seen["place"]["across"], seen["place"]["down"]) == pytest.approx((across, down), abs=1)


@pytest.mark.parametrize("name", ["sphere", "stereo"])
def test_what_phones_can_show_is_not_drawn_again(name: str, tmp_path: Path) -> None:
    (tmp_path / "upload").write_bytes(KINDS[name][0])
    seen = take(tmp_path / "upload", tmp_path / "original.jpg", tmp_path / "sphere.jpg", Limits())
    assert seen["sphere"] is None
    assert not (tmp_path / "sphere.jpg").exists()


@pytest.mark.parametrize("name", ["a pixel off", "askew", "part", "panorama", "photo", "portrait"])
def test_other_pictures_lie_around_their_guest_at_once(name: str, tmp_path: Path) -> None:
    (tmp_path / "upload").write_bytes(KINDS[name][0])
    seen = take(tmp_path / "upload", tmp_path / "original.jpg", tmp_path / "sphere.jpg", Limits())
    with Image.open(tmp_path / "sphere.jpg") as opened:
        sphere = np.asarray(opened.convert("RGB")).astype(int)
    assert seen["sphere"] == (sphere.shape[1], sphere.shape[0]) == (WIDTH, WIDTH // 2)
    ahead = sphere[:, WIDTH // 2 - 20 : WIDTH // 2 + 20].mean(1)
    # Red above and green below, ahead in the photo; 12 degrees of the camera's pitch are taken back.
    tilt = 34 if name == "askew" else 0
    assert ahead[236 - tilt, 0] > ahead[236 - tilt, 1] + 60
    assert ahead[276 - tilt, 1] > ahead[276 - tilt, 0] + 60


def test_two_fisheyes_are_refused_by_name(library: Library) -> None:
    with pytest.raises(BadInput, match="two fisheye pictures side by side") as refused:
        accept(library, jpeg(discs()))
    assert refused.value.code == "two_fisheyes"
    assert not list(library.data.photos.iterdir())
    assert not list(library.data.spool.iterdir())


def test_a_guest_sees_their_photo_before_any_worker_has_it(library: Library) -> None:
    taken = accept(library, KINDS["photo"][0])
    status = library.status(taken.token)
    assert status.photo.kind == "view"
    assert {(image.kind, image.width) for image in status.images} == {
        ("original", 640), ("sphere", WIDTH), ("thumb", 384)
    }  # fmt: skip
    with Image.open(library.files(taken.token).sphere) as sphere:
        assert sphere.size == (WIDTH, WIDTH // 2)


SEEN = {"kind": "view", "projection": "rectilinear", "across": 67.0, "down": 53}
GPANO = asdict(GPano("equirectangular", 360, 180, 0, 0, 360, 180))
FALSE = {
    "no place": {"seen": None},
    "a list": {"seen": []},
    "an empty place": {"seen": {}},
    "half a place": {"seen": {"kind": "sphere"}},
    "an unknown field": {"seen": {**SEEN, "name": "x"}},
    "a kind of its own": {"seen": {**SEEN, "kind": "palace"}},
    "a kind that is refused": {"seen": {**SEEN, "kind": "fisheyes"}},
    "a kind that is a list": {"seen": {**SEEN, "kind": ["view"]}},
    "a projection of its own": {"seen": {**SEEN, "projection": "x"}},
    "no angle": {"seen": {**SEEN, "across": None}},
    "an angle in words": {"seen": {**SEEN, "across": "wide"}},
    "an endless angle": {"seen": {**SEEN, "across": math.inf}},
    "an angle that is no number": {"seen": {**SEEN, "yaw": math.nan}},
    "a huge angle": {"seen": {**SEEN, "pitch": 10**400}},
    "a heading that is true": {"seen": {**SEEN, "heading": True}},
    "a long note": {"seen": {**SEEN, "notes": ["x" * 10_000]}},
    "many notes": {"seen": {**SEEN, "notes": ["x"] * 1000}},
    "a note that is a number": {"seen": {**SEEN, "notes": [7]}},
    "notes that are text": {"seen": {**SEEN, "notes": "a long text"}},
    "half a character": {"seen": {**SEEN, "notes": ["\ud800"]}},
    "a width in words": {"width": "wide"},
    "a width of 0": {"width": 0},
    "a huge height": {"height": 2**70},
    "tags in words": {"gpano": "all"},
    "half the tags": {"gpano": {"projection": "equirectangular"}},
    "endless tags": {"gpano": {**GPANO, "full_width": math.inf}},
    "tags of a layout of its own": {"gpano": {**GPANO, "stereo_mode": "x" * 10_000}},
}


@pytest.mark.parametrize("said", FALSE.values(), ids=FALSE)
def test_what_the_child_says_is_not_trusted(
    said: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A malicious file may control the child."""
    true = {"width": 640, "height": 480, "gpano": GPANO, "seen": SEEN}
    for answer in (true, true | said):
        monkeypatch.setattr(first_look, "decode_apart", lambda *_, answer=answer, **__: dict(answer))
        refused = pytest.raises(BadInput) if answer != true else contextlib.nullcontext()
        with refused as error:
            take(tmp_path / "upload", tmp_path / "original.jpg", tmp_path / "sphere.jpg", Limits())
        assert error is None or error.value.code == "cannot_open"


def test_the_child_decides_nothing_but_the_picture(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def decode(_: Path, original: Path, *__: object, **___: object) -> dict[str, Any]:
        original.write_bytes(KINDS["photo"][0])
        mine = {"shown": True, "source": "camera", "client": "somebody else", "asked": 7}
        return {"width": 640, "height": 480, "gpano": None, "seen": SEEN, **mine}

    monkeypatch.setattr(first_look, "decode_apart", decode)
    taken = accept(library, KINDS["photo"][0], show=False)
    assert (taken.shown, taken.source) == (False, "upload")
    assert taken.place is not None
    assert taken.place["pose_pitch"] == 0.0


def test_without_a_look_nothing_is_drawn(tmp_path: Path) -> None:
    (tmp_path / "upload").write_bytes(KINDS["photo"][0])
    decode_apart(tmp_path / "upload", tmp_path / "original.jpg", Limits(), further=(tmp_path / "sphere.jpg",))
    assert {path.name for path in tmp_path.iterdir()} == {"upload", "original.jpg"}


def test_a_disk_that_is_full_behind_the_original_leaves_nothing_and_names_no_file(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The small sphere no longer fits."""
    real = tempfile.mkstemp

    def full(*arguments: Any, **options: Any) -> tuple[int, str]:
        if ".sphere.jpg" in options.get("prefix", ""):
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(*arguments, **options)

    monkeypatch.setattr(tempfile, "mkstemp", full)
    with pytest.raises(Unavailable) as refused:
        accept(library, KINDS["photo"][0])
    assert (refused.value.code, refused.value.status) == ("cannot_store", 507)
    assert str(library.data.root) not in str(refused.value)
    assert not [*library.data.photos.iterdir(), *library.data.spool.iterdir()]


@pytest.fixture
def library(tmp_path: Path):
    with Library(DataFolder(tmp_path / "data").prepare()) as opened:
        yield opened

"""dreamkiosk place: files as cameras write them, on the sphere."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from kiosk.pictures.gpano import read_gpano
from tests import directions
from tests.directions import box, written

from .conftest import Run

WORLD = directions.sphere(1024)
PART = WORLD[128:384, 128:896]
PHOTO = directions.rectilinear(1440, 1080, 67)
AROUND = (1024, 512)

# Name -> (file's suffix, bytes, what must be reported).
FILES: dict[str, tuple[str, Callable[[], bytes], dict[str, Any]]] = {
    "a sphere": ("jpg", lambda: written(WORLD), {"kind": "sphere", "field": [360, 180], "covered": 1}),
    "a column short": ("jpg", lambda: written(WORLD[:, :1023]), {"kind": "sphere", "field": [360, 180], "width": 1024}),
    "a row short, tagged whole": (
        "jpg",
        lambda: written(WORLD[:511], xmp=box((1024, 511), 0, 0, 1024, 511)),
        {"kind": "sphere", "field": [360, 180], "notes": []},
    ),
    "only a projection": (
        "jpg",
        lambda: written(WORLD[156:356], xmp=directions.xmp_packet({"GPano:ProjectionType": "equirectangular"})),
        # The share of the sphere between two latitudes is the mean of their sines.
        {"kind": "band", "field": [360, 70.31], "yaw": 0, "pitch": 0, "covered": 0.5758},
    ),
    "a wide picture": ("jpg", lambda: written(WORLD[156:356]), {"kind": "band", "field": [360, 63.08]}),
    **{
        f"a part in {form}": (
            suffix,
            lambda form=form: written(PART, form, xmp=box(AROUND, 128, 128, 768, 256)),
            {"kind": "part", "field": [270, 90], "yaw": 0, "pitch": 0, "covered": 0.5303, "levelled": False},
        )
        for form, suffix in (("JPEG", "jpg"), ("PNG", "png"), ("WEBP", "webp"), ("TIFF", "tif"))
    },
    "a stale place": (
        "jpg",
        lambda: written(WORLD, xmp=box(AROUND, 128, 128, 768, 256)),
        {"kind": "sphere", "field": [360, 180]},
    ),
    "an ordinary photo": ("jpg", lambda: written(PHOTO), {"kind": "view", "field": [67, 52.8], "width": 2048}),
    "a photo on its side": (
        "jpg",
        lambda: written(np.rot90(PHOTO), orientation=6, focal=26),
        {"kind": "view", "field": [69.4, 54.9]},
    ),
    "an upright photo": ("jpg", lambda: written(PHOTO, orientation=8, focal=26), {"field": [54.9, 69.4]}),
    "a wide lens": ("jpg", lambda: written(PHOTO, focal=13), {"kind": "view", "field": [108.3, 92.2]}),
}


def place(run: Run, folder: Path, name: str, data: bytes, *options: object) -> tuple[dict[str, Any], np.ndarray]:
    """What the command reports of a file, and the sphere it writes."""
    (folder / name).write_bytes(data)
    code, out, err = run("place", folder / name, folder / "out.png", "--json", *options)
    assert code == 0, err
    return json.loads(out), np.asarray(Image.open(folder / "out.png").convert("RGB"))


@pytest.mark.slow
@pytest.mark.parametrize("case", FILES)
def test_a_file_goes_where_it_belongs(run: Run, tmp_path: Path, case: str) -> None:
    suffix, data, expected = FILES[case]
    report, sphere = place(run, tmp_path, f"in.{suffix}", data())
    for name, value in expected.items():
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            assert report[name] == pytest.approx(value, abs=0.001 * max(1, value)), name
        else:
            assert report[name] == (pytest.approx(value, abs=0.1) if name == "field" else value), name
    assert sphere.shape == (report["height"], report["width"], 3)
    assert report["width"] == 2 * report["height"]
    assert report["seconds"] > 0
    assert report["peak_rss_mb"] > 10
    found = read_gpano(tmp_path / "out.png")
    assert found is not None
    assert found.is_full


def test_a_part_lies_exactly_where_its_tags_say(run: Run, tmp_path: Path) -> None:
    data = written(PART, "PNG", xmp=box(AROUND, 128, 128, 768, 256))
    _, sphere = place(run, tmp_path, "in.png", data, "--width", 1024)
    np.testing.assert_array_equal(sphere[128:384, 128:896], PART)


def test_a_sphere_held_askew_is_levelled_and_keeps_its_heading(run: Run, tmp_path: Path) -> None:
    pose = {"PoseHeadingDegrees": 225, "PosePitchDegrees": 17, "PoseRollDegrees": -12}
    data = written(directions.askew(1024, 17, -12), "PNG", xmp=box(AROUND, 0, 0, 1024, 512, **pose))
    report, sphere = place(run, tmp_path, "in.png", data)
    assert (report["levelled"], report["heading"], report["found"]) == (True, 225, ["XMP GPano"])
    assert np.abs(sphere.astype(int) - WORLD).mean() < 1.5
    found = read_gpano(tmp_path / "out.png")
    assert found is not None
    assert found.pose_heading_degrees == 225
    assert not found.pose_pitch_degrees
    assert not found.pose_roll_degrees


def test_people_read_in_one_sentence_what_the_picture_is(run: Run, tmp_path: Path) -> None:
    (tmp_path / "in.jpg").write_bytes(written(WORLD, xmp=box(AROUND, 128, 128, 768, 256)))
    code, out, err = run("place", tmp_path / "in.jpg", tmp_path / "out.jpg", "--width", 256)
    assert (code, out) == (0, "")
    note, said = err.splitlines()
    assert "768 x 256" in note
    assert said.endswith("out.jpg: 256 x 128, a whole 360 photo")


def test_two_fisheyes_are_refused_with_what_to_do(run: Run, tmp_path: Path) -> None:
    (tmp_path / "in.jpg").write_bytes(written(directions.two_discs(256)))
    code, out, err = run("place", tmp_path / "in.jpg", tmp_path / "out.jpg", "--json")
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert "export it as a 360 photo" in err
    assert not (tmp_path / "out.jpg").exists()


@pytest.mark.parametrize(
    ("options", "word"),
    [(("missing.jpg", "out.jpg"), "missing.jpg"), (("in.jpg", "in.jpg"), "in.jpg"), (("in.jpg", "out.gif"), "out.gif"),
     (("in.jpg", "out.jpg", "--width", 255), "even"), (("in.jpg", "out.jpg", "--width", 4), "--width")],
)  # fmt: skip
def test_bad_usage_is_one_line(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[object, ...], word: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("in.jpg").write_bytes(written(WORLD[::8, ::8]))
    code, out, err = run("place", *options)
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert word in err

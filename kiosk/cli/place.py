"""dreamkiosk place: put one photo on the sphere, undreamed."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import click
import numpy as np

from kiosk.cli import STARTED
from kiosk.cli.dream_options import DEFAULT_WIDTH, NARROWEST
from kiosk.peak import peak_rss_mb
from kiosk.pictures.encode import check_picture_name, write_picture
from kiosk.pictures.gpano import heading_property
from kiosk.pictures.read import read_photo
from kiosk.pictures.tags import Tags
from kiosk.pipeline.keeping.unrepeated import people_finder
from kiosk.pipeline.placing import Placed, place_at
from kiosk.sphere.deciding import decide
from kiosk.sphere.grid import latitude
from kiosk.sphere.place import Place
from kiosk.sphere.placement import natural_width
from kiosk.storage import DataFolder

WIDEST = 16384
QUALITY = 97
"""JPEG quality. What the photo shows should differ from it as little as possible."""
STEP = 64
"""Default widths are multiples of it, as dreams' are."""


@click.command()
@click.argument("source", metavar="IN", type=click.Path(path_type=Path))
@click.argument("target", metavar="OUT", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--width",
    type=click.IntRange(16, WIDEST),
    help=f"Width of the sphere, even (default: the photo's own detail, at most {DEFAULT_WIDTH}).",
)
@click.option("--json", "as_json", is_flag=True, help="Print where the photo lies as JSON.")
@click.pass_obj
def place(data: DataFolder, source: Path, target: Path, width: int | None, as_json: bool) -> None:
    """Put the photo IN on a sphere as the kiosk would before it dreams, and write the sphere to OUT (JPEG, PNG, WebP or
    TIFF by its suffix).

    360 photos are levelled by their tags, parts of them go where their tags say, panoramas around the horizon, ordinary
    photos straight ahead at the angle of their lens. What the photo does not show is invented. Of a stereo photo the
    left eye is written.
    """
    started = click.get_current_context().meta[STARTED]
    check_picture_name(target, source)
    picture, tags = read_photo(source)
    at = decide(picture, tags)
    placed = place_at(picture, at, width or default_width(at, picture), people_finder(data.graphs))
    write_picture(target, placed.sphere, sphere=True, quality=QUALITY, properties=heading_property(at.heading))
    for note in at.notes:
        click.echo(note, err=True)
    if as_json:
        report = _report(at, tags, placed)
        click.echo(
            json.dumps({**report, "seconds": round(time.monotonic() - started, 3), "peak_rss_mb": peak_rss_mb()})
        )
    else:
        height, width = placed.sphere.shape[:2]
        click.echo(f"{target}: {width} x {height}, {described(at)}", err=True)


def default_width(at: Place, picture: np.ndarray) -> int:
    """The width of the sphere on which a picture (uint8 [h, w, 3]) at `at` keeps its detail, at most DEFAULT_WIDTH."""
    natural = natural_width(at, picture.shape[1], picture.shape[0])
    return max(NARROWEST, round(min(natural, DEFAULT_WIDTH) / STEP) * STEP)


def described(at: Place) -> str:
    """What a picture is and where it lies, as one sentence's end for people."""
    size = "{:.0f} x {:.0f} degrees".format(*_field(at))
    turned = " (turned back by the camera's tilt)" if at.levelled else ""
    if at.kind == "sphere":
        return f"a whole 360 photo{turned}"
    if at.kind == "stereo":
        return "two eyes of a 360 photo, of which this is the left one"
    if at.kind == "part":
        return f"a part of a 360 photo, {size}{turned}; the rest is invented"
    if at.kind == "band":
        return f"a panorama, {size}{turned}; the rest is invented"
    lens = "a fisheye photo" if at.projection == "fisheye" else "an ordinary photo"
    return f"{lens}, {size}; the rest is invented"


def _report(at: Place, tags: Tags, placed: Placed) -> dict[str, Any]:
    """The fields of --json that do not depend on the machine. Angles are degrees."""
    height, width = placed.sphere.shape[:2]
    return {
        "kind": at.kind,
        "covered": round(_share(placed.covered), 5),
        "field": [round(side, 2) for side in _field(at)],
        "yaw": round(at.yaw, 2),
        "pitch": round(at.pitch, 2),
        "levelled": at.levelled,
        "heading": at.heading,
        "projection": at.projection,
        "notes": list(at.notes),
        "found": list(tags.found),
        "width": width,
        "height": height,
    }


def _field(at: Place) -> tuple[float, float]:
    """Degrees across and down that a picture shows: the black around a disc shows nothing."""
    return min(at.across, 2 * at.reach), min(at.down, 2 * at.reach)


def _share(covered: np.ndarray | None) -> float:
    """The part of the sphere's solid angle that a mask (bool [H, 2 H], None for all) covers."""
    if covered is None:
        return 1.0
    weight = np.cos(latitude(np.arange(len(covered)), len(covered)))
    return float((covered.mean(axis=1) * weight).sum() / weight.sum())

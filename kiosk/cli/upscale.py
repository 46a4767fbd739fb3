"""dreamkiosk upscale: upscale one photo with waifu2x."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import click
import numpy as np

from kiosk.cli.progress import progress_bar, say_written
from kiosk.errors import BadInput
from kiosk.nets.engine.canvas import make_canvas, release_pages
from kiosk.nets.enlarging.upscale import HELD_IN_MEMORY, UpscaleResult
from kiosk.nets.enlarging.upscale import upscale as enlarge
from kiosk.peak import peak_rss_mb
from kiosk.pictures.blocking import blocking
from kiosk.pictures.encode import check_picture_file, check_picture_name, write_picture
from kiosk.pictures.gpano import heading_property
from kiosk.pictures.read import LEAST_SIDE, read_picture, read_tags
from kiosk.planning.graphs import upscale_graphs
from kiosk.planning.upscale_precision import decided
from kiosk.recipes.recipe import UpscaleRecipe
from kiosk.sphere.seam import seam_ratio
from kiosk.storage import DataFolder

QUALITY = 98
"""JPEG quality. At 95, block edges are visible next to the new detail, and two of them meet at the seam."""


@click.command()
@click.argument("source", metavar="IN", type=click.Path(path_type=Path))
@click.argument("target", metavar="OUT", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--scale", type=click.Choice(["1", "2", "4", "8"]), default="2", show_default=True)
@click.option("--network", type=click.Choice(["photo", "art", "cunet"]), default="photo", show_default=True)
@click.option(
    "--noise",
    type=click.Choice(["auto", "none", "0", "1", "2", "3"]),
    default="auto",
    show_default=True,
    help="Strength of noise removal; auto removes visible blocks from JPEGs and spheres.",
)
@click.option("--tta", is_flag=True, help="Average eight flips and rotations: 8 times the work, slightly more detail.")
@click.option("--precision", type=click.Choice(["auto", "int8", "fp16", "fp32"]), default="auto", show_default=True)
@click.option(
    "--compare",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also write a page that compares original and result.",
)
@click.option("--memory", type=click.IntRange(min=256), default=1024, show_default=True, help="Memory target, MB.")
@click.option("--flat", is_flag=True, help="Treat IN as a plain picture, not a sphere; keeps transparency.")
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
@click.pass_obj
def upscale(
    data: DataFolder,
    source: Path,
    target: Path,
    scale: str,
    network: str,
    noise: str,
    tta: bool,
    precision: str,
    compare: Path | None,
    memory: int,
    flat: bool,
    as_json: bool,
) -> None:
    """Upscale the picture IN and write it to OUT (JPEG, PNG, WebP or TIFF by its suffix).

    IN is treated as a full sphere (equirectangular, 2:1); use --flat for a plain picture. Scale 1 with --noise only
    removes noise.
    """
    check_picture_name(target, source)
    data.prepare()
    gpano = None if flat else read_tags(source).gpano
    heading = heading_property(gpano.pose_heading_degrees if gpano else None)

    def hold(shape: tuple[int, int, int]) -> np.ndarray:
        return make_canvas(shape, HELD_IN_MEMORY, data.spool)

    photo, info = read_picture(source, alpha=flat, least_side=1, allocate=hold, release=release_pages)
    _check_sizes(source, target, compare, photo, int(scale), flat)
    if noise == "auto":
        # A sphere in another format may be the dream of a JPEG, whose blocks would line up at the seam.
        noise = shown_noise(photo) if info.format == "JPEG" or not flat else "none"
    options: Any = {"scale": int(scale), "network": network, "noise": noise, "tta": tta, "precision": precision}
    recipe = decided(data.graphs, UpscaleRecipe(**options, flat=flat))
    files = upscale_graphs(data.graphs)
    with progress_bar("upscaling", shown=not as_json) as report:
        result = enlarge(photo, recipe, files, progress=report, memory_mb=memory, scratch=target.absolute().parent)
    seam = None if flat else seam_ratio(result.picture, release_pages)

    def let_go() -> None:
        release_pages(result.picture)

    write_picture(target, result.picture, sphere=not flat, quality=QUALITY, properties=heading, after_strip=let_go)
    if compare is not None:
        from kiosk.souvenirs.compare import draw_comparison

        page = draw_comparison(photo, result.picture, _caption(result.networks), sphere=not flat, release=let_go)
        write_picture(compare, page, sphere=False)
    if as_json:
        click.echo(json.dumps(_report(result, recipe, seam)))
    else:
        say_written(target, result.picture.shape, result, *result.networks)


def _check_sizes(source: Path, target: Path, compare: Path | None, photo: np.ndarray, scale: int, flat: bool) -> None:
    """Raise BadInput if a photo is too small for a sphere or a result too large for its file. Warn if a sphere is not
    2:1."""
    height, width, channels = photo.shape
    if not flat and width != 2 * height and min(height, width) < LEAST_SIDE:
        raise BadInput(f"{source} is {width} x {height}, too small for a sphere; --flat upscales any size", "too_small")
    check_picture_file(target, height * scale, width * scale, channels)
    if compare is not None:
        check_picture_file(compare, height, width, 3)
    if not flat and width != 2 * height:
        click.echo(
            f"dreamkiosk: {source} is {width} x {height}, not 2:1; it is treated as a sphere unless you use --flat",
            err=True,
        )


def _report(result: UpscaleResult, recipe: UpscaleRecipe, seam: float | None) -> dict:
    """The fields of --json."""
    height, width = result.picture.shape[:2]
    return {
        "seconds": round(result.seconds, 3),
        "width": width,
        "height": height,
        "precision": result.precision,
        "provider": result.provider,
        "networks": result.networks,
        "peak_rss_mb": peak_rss_mb(),
        "megapixels_per_second": round(result.megapixels_per_second, 3),
        "seam_ratio": seam,
        "recipe": dataclasses.asdict(recipe),
    }


def _caption(networks: tuple[str, ...]) -> str:
    return " + ".join(f"waifu2x {name}" for name in dict.fromkeys(networks)) or "unchanged"


def shown_noise(photo: np.ndarray) -> str:
    """The noise level that removes a JPEG's visible blocks, which upscaling would make larger and sharper."""
    shown = blocking(photo)
    return "1" if shown > 1.07 else "0" if shown > 1.03 else "none"

"""dreamkiosk dream: dream one photo."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable
from pathlib import Path

import click
import numpy as np

from kiosk.cli import STARTED
from kiosk.cli.progress import Bar, progress_bar
from kiosk.errors import BadInput
from kiosk.forge.readers.imported import known_network
from kiosk.nets.dreaming.dream import DreamProgress, recipe_of
from kiosk.nets.dreaming.octaves import SMALLEST_OCTAVE
from kiosk.peak import peak_rss_mb
from kiosk.pictures.encode import check_picture_name, write_picture
from kiosk.pictures.read import read_picture
from kiosk.pictures.sphere_jpeg import read_gpano
from kiosk.pictures.stereo import stereo_mode
from kiosk.pipeline.dreamer import Dreamer
from kiosk.pipeline.masking import keep_masked
from kiosk.pipeline.sidecar import digest, read_sidecar, sidecar_body, sidecar_property, write_sidecar
from kiosk.planning.machine import Machine
from kiosk.recipes.from_wishes import like_guide, recipe_for_class, recipe_for_layers, recipe_for_style, with_options
from kiosk.recipes.recipe import DreamRecipe
from kiosk.souvenirs.contact_sheet import draw_views
from kiosk.souvenirs.journey import Journey
from kiosk.sphere.disparity import second_eye
from kiosk.sphere.placement import place_eyes, place_on_sphere
from kiosk.sphere.resample import resize_picture
from kiosk.sphere.seam import seam_ratio
from kiosk.storage import DataFolder

DEFAULT_WIDTH = 2048
NARROWEST = 256
VIEW_SIZE, VIEW_QUALITY = (480, 360), 82
WRITING_SECONDS = 1.0
"""kept back from a deadline, for encoding the result."""


@click.command()
@click.argument("source", metavar="IN", type=click.Path(path_type=Path))
@click.argument("target", metavar="OUT", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--style", help="A style by name; `dreamkiosk styles` lists them.  [default: dogs]")
@click.option("--dream-of", metavar="CLASS", help="What to dream of: an ImageNet class by name or number.")
@click.option("--model", help="A network by name, with --layer.")
@click.option("--layer", "layers", multiple=True, metavar="LAYER[:WEIGHT]", help="A layer to dream; may be repeated.")
@click.option("--channel", "channels", multiple=True, metavar="N[:WEIGHT]", help="One channel of the layer; the same.")
@click.option("--guide", type=click.Path(path_type=Path), help="A picture to dream like, in place of a class.")
@click.option(
    "--width", type=click.IntRange(min=1), help="Width of the dream, pixels.  [default: the photo's, to 2048]"
)
@click.option("--octaves", type=int, help="Sizes to dream at.  [default: 6, from 352 wide]")
@click.option("--octave-scale", type=float, help="From one size to the next.")
@click.option("--iterations", type=int, help="Steps at each size.")
@click.option("--step", type=float, help="Mean change of a pixel in a step, levels of 0..255.")
@click.option("--strength", type=float, help="How much of the dream is laid over the photo, 0 to 2.  [default: 1]")
@click.option("--keep-colours", is_flag=True, help="Dream in light and dark alone; colours stay the photo's.")
@click.option("--mask", type=click.Path(path_type=Path), help="A picture, white where the photo stays undreamed.")
@click.option("--keep-faces", is_flag=True, help="Leave the faces that are found in the photo undreamed.")
@click.option("--keep-nadir", type=float, metavar="DEGREES", help="Leave as much around the tripod undreamed.")
@click.option(
    "--recipe",
    "recipe_file",
    type=click.Path(path_type=Path),
    help="Dream again as a picture was: the picture, or its OUT.recipe.json.",
)
@click.option(
    "--frames", type=click.Path(file_okay=False, path_type=Path), help="A folder for the way to the dream, and into it."
)
@click.option("--views", type=click.Path(dir_okay=False, path_type=Path), help="A picture of the dream from inside.")
@click.option("--seed", type=int, help="Another seed, another dream.")
@click.option("--precision", type=click.Choice(["auto", "int8", "fp16", "fp32"]), default="auto", show_default=True)
@click.option("--deadline", type=click.FloatRange(min=0, min_open=True), help="Seconds it may take: plans the size.")
@click.option("--memory", type=click.IntRange(min=1), help="MB of memory to stay within.")
@click.option("--flat", is_flag=True, help="A plain picture, not a sphere: nothing wraps.")
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
@click.pass_obj
def dream(
    data: DataFolder,
    source: Path,
    target: Path,
    style: str | None,
    dream_of: str | None,
    model: str | None,
    layers: tuple[str, ...],
    channels: tuple[str, ...],
    guide: Path | None,
    width: int | None,
    octaves: int | None,
    octave_scale: float | None,
    iterations: int | None,
    step: float | None,
    strength: float | None,
    keep_colours: bool,
    mask: Path | None,
    keep_faces: bool,
    keep_nadir: float | None,
    recipe_file: Path | None,
    frames: Path | None,
    views: Path | None,
    seed: int | None,
    precision: str,
    deadline: float | None,
    memory: int | None,
    flat: bool,
    as_json: bool,
) -> None:
    """Dream the photo IN and write the dream to OUT (JPEG, PNG, WebP or TIFF by its name).

    IN is a 360 photo (equirectangular, 2:1, or a part of one with GPano tags); a plain photo is set into a sphere that
    the dream fills, unless --flat says to dream just the picture. Of a stereo photo, one eye over the other, both eyes
    are dreamed alike. The recipe is kept in OUT itself and beside it.
    """
    started = click.get_current_context().meta[STARTED]
    recipe = _wanted(data, style, dream_of, model, layers, channels, recipe_file)
    if recipe_file:
        _check_sources(recipe_file, source, mask)
    check_picture_name(target, source)
    if views:
        check_picture_name(views, source)
    recipe, example = _guided(recipe, guide, recipe_file, chosen=bool(style or model or layers))
    photo, _ = read_picture(source)
    spared = read_picture(mask)[0].max(axis=2) if mask else None
    flat = flat or recipe.flat
    if views and flat:
        raise BadInput("--views looks around in a sphere; a plain picture has no inside", "usage")
    wide = width or (recipe.width if recipe_file else min(photo.shape[1], DEFAULT_WIDTH))
    if not flat:
        # A sphere's octaves are multiples of 64 wide; what was asked for is met to the nearest.
        wide = max(NARROWEST, round(wide / 64) * 64)
    recipe = with_options(
        recipe,
        width=wide,
        octaves=octaves,
        smallest=None if octaves is None else SMALLEST_OCTAVE,
        octave_scale=octave_scale,
        iterations=iterations,
        step=step,
        strength=strength,
        chroma=0.0 if keep_colours else None,
        keep_faces=keep_faces or None,
        keep_nadir=keep_nadir,
        seed=seed,
        precision=None if recipe_file and precision == "auto" else precision,
        flat=flat,
    )
    data.prepare()
    machine = None if deadline is None else Machine(data.graphs, data.speeds)
    ready_by = None
    if machine and deadline is not None:
        recipe = dataclasses.replace(recipe, octave_iterations=())
        machine.measure_dream(recipe)
        recipe = machine.settle_dream(recipe, deadline, time.monotonic() - started + WRITING_SECONDS)
        ready_by = started + deadline - WRITING_SECONDS
    photo, other = _on_spheres(photo, source, recipe)
    journey = Journey(photo, recipe) if frames else None
    dreamer = Dreamer(data.graphs, recipe, example, memory_mb=memory)
    with progress_bar("dreaming", shown=not as_json) as bar:
        result = dreamer(photo, progress=_watch(bar, journey), ready_by=ready_by)
    if machine:
        machine.note_dream(result)
    picture = _kept(photo, result.picture, spared, flat)
    if journey and frames:
        journey.save(frames, picture, dreamer.recipe, lambda frame, recipe: dreamer(frame, recipe).picture)
    sphere = picture
    if other is not None:
        picture = np.concatenate([picture, _kept(other, second_eye(photo, other, result.picture), spared, flat)])
    body = sidecar_body(recipe_of(result), source, mask)
    write_picture(target, picture, sphere=not flat, properties=sidecar_property(body))
    write_sidecar(target, body)
    if views:
        write_picture(views, draw_views(sphere, VIEW_SIZE), sphere=False, quality=VIEW_QUALITY)
    height, width = picture.shape[:2]
    if not as_json:
        click.echo(
            f"{target}: {width} x {height} in {result.seconds:.1f} s"
            f" ({result.megapixels_per_second:.2f} megapixels/s, {result.precision})",
            err=True,
        )
        return
    before, after = result.objective
    click.echo(
        json.dumps(
            {
                "seconds": round(result.seconds, 3),
                "width": width,
                "height": height,
                "precision": result.precision,
                "provider": result.provider,
                "peak_rss_mb": peak_rss_mb(),
                "megapixels_per_second": round(result.megapixels_per_second, 3),
                "seam_ratio": None if flat else seam_ratio(picture[: picture.shape[1] // 2]),
                "stereo": None if other is None else "top-bottom",
                "objective": {"before": before, "after": after},
                "octaves": result.octaves,
                "recipe": recipe_of(result),
            }
        )
    )


def _guided(
    recipe: DreamRecipe, guide: Path | None, recipe_file: Path | None, chosen: bool
) -> tuple[DreamRecipe, np.ndarray | None]:
    """The recipe with the guide named in it, and the guide, uint8 [h, w, 3]; a saved recipe needs its own again."""
    if guide is None:
        if recipe.guide is not None:
            raise BadInput(f"{recipe_file} was saved with a guide: name it with --guide", "no_guide")
        return recipe, None
    picture, _ = read_picture(guide)
    named = digest(guide)
    if recipe_file is None:
        return like_guide(recipe, named, chosen), picture
    if recipe.guide != named:
        raise BadInput(f"{guide} is not the guide that {recipe_file} was saved with", "no_guide")
    return recipe, picture


def _on_spheres(photo: np.ndarray, source: Path, recipe: DreamRecipe) -> tuple[np.ndarray, np.ndarray | None]:
    """The photo to dream, and the right eye if it is a stereo one."""
    if recipe.flat:
        return photo, None
    gpano = read_gpano(source)
    if photo.shape[0] == photo.shape[1] and stereo_mode(photo, gpano):
        return place_eyes(photo, recipe.width)
    return place_on_sphere(photo, gpano, recipe.width)[0], None


def _kept(photo: np.ndarray, dreamed: np.ndarray, spared: np.ndarray | None, flat: bool) -> np.ndarray:
    """`dreamed` with the photo where `spared` (uint8 [h, w]) is white."""
    if spared is None:
        return dreamed
    whole = resize_picture(photo, dreamed.shape[1], dreamed.shape[0], wrap=not flat)
    return keep_masked(whole, dreamed, spared, not flat)


def _wanted(
    data: DataFolder,
    style: str | None,
    dream_of: str | None,
    model: str | None,
    layers: tuple[str, ...],
    channels: tuple[str, ...],
    recipe_file: Path | None,
) -> DreamRecipe:
    said = {
        "--style": style,
        "--dream-of": dream_of,
        "--model with --layer": model or layers or channels,
        "--recipe": recipe_file,
    }
    chosen = [name for name, value in said.items() if value not in (None, ())]
    if len(chosen) > 1:
        raise BadInput(f"choose one of {', '.join(said)}; not {' and '.join(chosen)}", "usage")
    if recipe_file is not None:
        return read_sidecar(recipe_file)[0]
    if dream_of is not None:
        return recipe_for_class(dream_of)
    if model or layers or channels:
        return recipe_for_layers(known_network(data.graphs, model or "squeezenet"), layers, channels)
    return recipe_for_style(style or "dogs")


def _watch(bar: Bar | None, journey: Journey | None) -> Callable[[DreamProgress], None] | None:
    """Who hears of a dream's progress; None where nobody does, which spares the work of telling."""

    def watch(at: DreamProgress) -> None:
        if bar:
            bar(at.fraction, f"dreaming, octave {at.octave} of {at.octaves}")
        if journey:
            journey.watch(at)

    return watch if bar or journey else None


def _check_sources(recipe_file: Path, photo: Path, mask: Path | None) -> None:
    """Say so where the result cannot be the one that the recipe was saved with."""
    _, saved = read_sidecar(recipe_file)
    if "mask_sha256" in saved and mask is None:
        raise BadInput(f"{recipe_file} was saved with a mask: name it with --mask", "no_mask")
    for name, path in (("photo", photo), ("mask", mask)):
        wanted = saved.get(f"{name}_sha256")
        if path and wanted and digest(path) != wanted:
            click.echo(f"{path} is not the {name} that {recipe_file} was saved with", err=True)

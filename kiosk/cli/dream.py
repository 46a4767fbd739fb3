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
from kiosk.cli.dream_options import Wishes, wishes_of_options
from kiosk.cli.progress import Bar, progress_bar, say_written
from kiosk.nets.dreaming.dream import DreamProgress, DreamResult, recipe_of
from kiosk.peak import peak_rss_mb
from kiosk.pictures.encode import write_picture
from kiosk.pictures.gpano import heading_property
from kiosk.pictures.layouts import TOP_BOTTOM
from kiosk.pictures.read import read_photo, read_picture
from kiosk.pipeline.dreamer import Dreamer
from kiosk.pipeline.keeping.masking import keep_masked
from kiosk.pipeline.keeping.people import check_matting
from kiosk.pipeline.keeping.unrepeated import people_finder
from kiosk.pipeline.placing import Placed, place_at
from kiosk.pipeline.sidecar import sidecar_body, sidecar_property, write_sidecar
from kiosk.planning.machine import Machine
from kiosk.recipes.recipe import DreamRecipe, check_numbers
from kiosk.souvenirs.contact_sheet import draw_views
from kiosk.souvenirs.journey import Journey
from kiosk.sphere.deciding import decide
from kiosk.sphere.disparity import second_eye
from kiosk.sphere.placement import natural_width
from kiosk.sphere.resample import resize_picture
from kiosk.sphere.seam import seam_ratio
from kiosk.storage import DataFolder

VIEW_SIZE, VIEW_QUALITY = (480, 360), 82
WRITING_SECONDS = 1.0
"""Seconds of a deadline reserved for encoding the result."""


@click.command()
@click.argument("source", metavar="IN", type=click.Path(path_type=Path))
@click.argument("target", metavar="OUT", type=click.Path(dir_okay=False, path_type=Path))
@wishes_of_options
@click.pass_obj
def dream(data: DataFolder, source: Path, target: Path, wishes: Wishes) -> None:
    """Dream the photo IN and write the dream to OUT (JPEG, PNG, WebP or TIFF by its suffix).

    IN is a 360 photo (equirectangular, 2:1, or a part of one with GPano metadata). A plain photo is placed on a sphere
    that the dream fills; with --flat only the picture is dreamed. Both eyes of a stereo photo (over-under) get the same
    dream. The recipe is saved in OUT and in OUT.recipe.json.
    """
    started = click.get_current_context().meta[STARTED]
    recipe = wishes.chosen(data)
    wishes.check_files(source, target)
    recipe, guide = wishes.guided(recipe)
    photo, tags = read_photo(source)
    mask = read_picture(wishes.mask)[0].max(axis=2) if wishes.mask else None
    at = None if wishes.flat or recipe.flat else decide(photo, tags)
    height, width = photo.shape[:2]
    recipe = wishes.settled(recipe, width if at is None else natural_width(at, width, height))
    data.prepare()
    if recipe.keep_people:
        # Before anything takes time.
        check_matting(data.graphs)
    machine = Machine(data.graphs, data.speeds)
    recipe = _tiled(machine, recipe, wishes)
    ready_by = None
    if wishes.deadline is not None:
        recipe = dataclasses.replace(recipe, octave_iterations=())
        machine.measure_dream(recipe)
        recipe = machine.settle_dream(recipe, wishes.deadline, time.monotonic() - started + WRITING_SECONDS)
        ready_by = started + wishes.deadline - WRITING_SECONDS
    people = people_finder(data.graphs)
    placed = Placed(photo, None, None, True) if at is None else place_at(photo, at, recipe.width, people)
    photo, other = placed.sphere, placed.right_eye
    journey = Journey(photo, recipe) if wishes.frames else None
    dreamer = Dreamer(data.graphs, recipe, guide, memory_mb=wishes.memory)
    with progress_bar("dreaming", shown=not wishes.as_json) as bar:
        result = dreamer(
            photo,
            progress=_watch(bar, journey),
            ready_by=ready_by,
            covered=placed.covered,
            watch=_watch_people(bar),
        )
    if wishes.deadline is not None:
        machine.note_dream(result)
    sphere = picture = _kept(photo, result.picture, mask, recipe.flat)
    if journey and wishes.frames:
        same = dataclasses.replace(dreamer.recipe, channels=result.recipe.channels, strongest=0)
        journey.save(wishes.frames, picture, same, lambda frame, recipe: dreamer(frame, recipe).picture)
    if other is not None:
        right = _kept(other, second_eye(photo, other, result.picture), mask, recipe.flat)
        picture = np.concatenate([picture, right])
    _write(target, source, wishes, result, picture, placed.heading)
    if wishes.views:
        write_picture(wishes.views, draw_views(sphere, VIEW_SIZE), sphere=False, quality=VIEW_QUALITY)
    if wishes.as_json:
        click.echo(json.dumps({**_report(result, picture, other is not None), "notes": list(at.notes if at else ())}))
    else:
        say_written(target, picture.shape, result)


def _tiled(machine: Machine, recipe: DreamRecipe, wishes: Wishes) -> DreamRecipe:
    """`recipe` with this machine's fastest tile. A saved recipe is repeated as it is, and a deadline leaves no time to
    measure. Raises BadInput for a recipe out of range."""
    check_numbers(recipe)
    if wishes.recipe_file is not None:
        return recipe
    if wishes.deadline is not None:
        return machine.with_known_tile(recipe)
    with progress_bar("measuring tiles", shown=not wishes.as_json) as bar:
        return machine.with_fastest_tile(recipe, memory_mb=wishes.memory, say=bar)


def _write(
    target: Path, source: Path, wishes: Wishes, result: DreamResult, picture: np.ndarray, heading: float | None
) -> None:
    """Write the picture, uint8 [H, W, 3], with the recipe in its XMP and in a sidecar, and its `heading`."""
    body = sidecar_body(recipe_of(result), source, wishes.mask)
    properties = {**sidecar_property(body), **heading_property(heading)}
    write_picture(target, picture, sphere=not result.recipe.flat, properties=properties)
    write_sidecar(target, body)


def _report(result: DreamResult, picture: np.ndarray, stereo: bool) -> dict:
    """The fields of --json. `picture`, uint8 [H, W, 3], is what was written."""
    height, width = picture.shape[:2]
    before, after = result.objective
    return {
        "seconds": round(result.seconds, 3),
        "width": width,
        "height": height,
        "precision": result.precision,
        "provider": result.provider,
        "peak_rss_mb": peak_rss_mb(),
        "megapixels_per_second": round(result.megapixels_per_second, 3),
        "seam_ratio": None if result.recipe.flat else seam_ratio(picture[: width // 2]),
        "stereo": TOP_BOTTOM if stereo else None,
        "objective": {"before": before, "after": after},
        "octaves": result.octaves,
        "recipe": recipe_of(result),
    }


def _kept(photo: np.ndarray, dreamed: np.ndarray, spared: np.ndarray | None, flat: bool) -> np.ndarray:
    """Restore the photo in `dreamed` where the mask `spared` (uint8 [h, w]) is white."""
    if spared is None:
        return dreamed
    whole = resize_picture(photo, dreamed.shape[1], dreamed.shape[0], wrap=not flat)
    return keep_masked(whole, dreamed, spared, not flat)


def _watch(bar: Bar | None, journey: Journey | None) -> Callable[[DreamProgress], None] | None:
    """The progress callback for bar and journey; None without either, which saves the work of reporting."""

    def watch(at: DreamProgress) -> None:
        if bar:
            bar(at.fraction, f"dreaming, octave {at.octave} of {at.octaves}")
        if journey:
            journey.watch(at)

    return watch if bar or journey else None


def _watch_people(bar: Bar | None) -> Callable[[int, int], None] | None:
    """The callback for `bar` while people are matted; None without a bar."""
    return None if bar is None else lambda done, total: bar(0.0, f"finding people, view {done + 1} of {total}")

"""dreamkiosk models atlas: draw what single channels of a layer dream of."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from kiosk.cli.drawing.sample import sample_sphere, sample_view
from kiosk.cli.progress import Bar, progress_bar
from kiosk.errors import BadInput
from kiosk.forge.build import GraphSpec, ensure_graph
from kiosk.forge.readers.imported import known_network
from kiosk.nets.dreaming.strongest import measure, ranked
from kiosk.pictures.encode import check_picture_name, write_picture
from kiosk.recipes.catalog import Network
from kiosk.recipes.classes import classes
from kiosk.recipes.from_wishes import recipe_for_layers
from kiosk.recipes.recipe import DreamRecipe
from kiosk.souvenirs.contact_sheet import Cell, draw_sheet, dream_view, look
from kiosk.storage import DataFolder

COLUMNS = 5
QUALITY = 85
DRAWN: dict[str, Any] = {"step": 3.5, "iterations": 12, "chroma": 0.6, "local": 0.7}
"""Recipe fields that show a single channel well. Classes have their own."""
LONGEST_NAME = 60


@click.command()
@click.argument("name")
@click.option("--layer", required=True, help="The layer; `dreamkiosk models list` lists them.")
@click.option(
    "--count", type=click.IntRange(1, 400), default=24, show_default=True, help="How many of its strongest channels."
)
@click.option("--photo", type=click.Path(path_type=Path), help="The photo to dream.  [default: the virtual camera's]")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="The sheet.  [default: NAME-LAYER.png]")
@click.option(
    "--width", type=click.IntRange(128, 1024), default=320, show_default=True, help="Width of each picture, pixels."
)
@click.option("--yaw", type=float, help="View direction, degrees to the right.")
@click.option("--pitch", type=float, help="View direction, degrees up.")
@click.option("--json", "as_json", is_flag=True, help="Print the channels and their strengths as JSON.")
@click.pass_obj
def atlas(
    data: DataFolder,
    name: str,
    layer: str,
    count: int,
    photo: Path | None,
    out: Path | None,
    width: int,
    yaw: float | None,
    pitch: float | None,
    as_json: bool,
) -> None:
    """Draw the strongest channels of a layer, each as a small dream, to find new styles.

    The strongest are those that the photo excites most, by their mean square activation in all directions. Dream with
    some of them: dreamkiosk dream IN OUT --model NAME --channel LAYER:CHANNEL
    """
    network = known_network(data.graphs, name)
    ((layer, _),) = layers = recipe_for_layers(network, [layer]).layers
    target = out or Path(f"{name}-{re.sub(r'[^A-Za-z0-9_.-]+', '_', layer)[:LONGEST_NAME]}.png")
    check_picture_name(target)
    data.prepare()
    sphere = sample_sphere(photo)
    reader = ensure_graph(data.graphs, GraphSpec(name, "fp32", layers, "features"))
    levels = measure(sphere, reader, width=sphere.shape[1])[layer]
    channels = ranked(levels, count)
    if not channels:
        raise BadInput(f"nothing in this photo excites {layer}", "no_reaction")
    graph = ensure_graph(data.graphs, GraphSpec(name, "fp32", layers))
    view, size = sample_view(photo, yaw, pitch), (width, round(width * 3 / 4))
    cells = [Cell(look(sphere, size, view), "The photo", "before")]
    with progress_bar("drawing channels") as bar:
        for number, channel in enumerate(channels):
            picture = dream_view(
                sphere, _alone(network, layer, channel), graph, size, view, _part(bar, number, len(channels))
            )
            cells.append(Cell(picture, str(channel), _note(network, layer, channel, levels[channel])))
    write_picture(target, draw_sheet(cells, min(COLUMNS, len(cells))), sphere=False, quality=QUALITY)
    if as_json:
        click.echo(json.dumps([{"channel": c, "strength": float(f"{levels[c]:.6g}")} for c in channels]))
    click.echo(f"{target}: the photo and {len(channels)} channels of {layer}", err=True)


def _alone(network: Network, layer: str, channel: int) -> DreamRecipe:
    """The recipe that dreams with a single channel."""
    recipe = recipe_for_layers(network, [], [f"{layer}:{channel}"])
    return recipe if layer == network.class_layer else dataclasses.replace(recipe, **DRAWN)


def _note(network: Network, layer: str, channel: int, strength: float) -> str:
    """What stands below a channel's number: its class, or how much the photo excites it."""
    return classes()[channel].label if layer == network.class_layer else f"strength {strength:.3g}"


def _part(bar: Bar | None, number: int, count: int) -> Callable[[float], None] | None:
    """The progress of picture `number` of `count`, as a part of the whole."""
    return (lambda fraction: bar((number + fraction) / count, f"channel {number + 1} of {count}")) if bar else None

"""dreamkiosk models import: make a downloaded ONNX classifier available for dreaming."""

from __future__ import annotations

import dataclasses
import json
import shlex
from pathlib import Path

import click
import numpy as np
import onnx

from kiosk.cli.drawing.sample import sample_looks, sample_photos, sample_sphere, sample_view
from kiosk.cli.progress import progress_bar
from kiosk.errors import BadInput
from kiosk.forge.build import GraphSpec, ensure_graph
from kiosk.forge.readers.imported import save
from kiosk.forge.readers.importer import Imported, import_network
from kiosk.forge.readers.onnx_file import Preprocessing
from kiosk.nets.dreaming.dream import dream
from kiosk.nets.growth import growths, promising
from kiosk.pictures.encode import check_picture_name, write_picture
from kiosk.planning.calibrated import offer_int8
from kiosk.recipes.catalog import Network
from kiosk.recipes.recipe import DreamRecipe
from kiosk.souvenirs.contact_sheet import SMALLEST_VIEW, Cell, draw_sheet, look
from kiosk.storage import DataFolder

SUGGESTED = 5
TRIED_SIZE, DRAWN_SIZE = (192, 144), (320, 240)
"""(width, height) in pixels of the photo that layers are tried on, and drawn on."""
CALIBRATED_SIZE = (256, 192)
"""(width, height) in pixels of the views that int8 is calibrated on."""
COLUMNS = 3
QUALITY = 85


def _three(text: str | None, option: str, default: float) -> tuple[float, float, float]:
    """Parse `a,b,c`, or one number for all channels."""
    try:
        values = [float(part) for part in text.split(",")] if text is not None else [default]
    except ValueError:
        values = []
    if len(values) not in (1, 3):
        raise BadInput(f"{option} takes one number or three separated by commas, not {text!r}", "bad_preprocessing")
    first, second, third = values * (3 // len(values))
    return first, second, third


@click.command("import")
@click.argument("file", metavar="FILE.onnx", type=click.Path(path_type=Path))
@click.option("--name", required=True, help="Name of the network, for --model NAME.")
@click.option("--mean", metavar="A,B,C", help="Subtracted from each channel, levels of 0..255 (or 0..1).  [default: 0]")
@click.option("--std", metavar="A,B,C", help="Divides each channel; all below 1 means levels of 0..1.  [default: 1]")
@click.option(
    "--channel-order",
    type=click.Choice(["rgb", "bgr"]),
    default="rgb",
    show_default=True,
    help="Channel order of the network, --mean and --std.",
)
@click.option("--layers", metavar="A,B,...", help="Tensors to offer as layers.  [default: every activation]")
@click.option(
    "--photo",
    "given",
    multiple=True,
    type=click.Path(path_type=Path),
    help="A photo to try layers on, or a folder; repeatable, to calibrate on several.  [default: the courtyard's]",
)
@click.option(
    "--precision",
    type=click.Choice(["fp32", "int8"]),
    default="fp32",
    show_default=True,
    help="int8 also calibrates the layers of --layers, or the suggested ones, on the photos.",
)
@click.option(
    "--sheet", type=click.Path(dir_okay=False, path_type=Path), help="Draw the suggested layers, each as a small dream."
)
@click.option("--json", "as_json", is_flag=True, help="Print the network's entry as JSON.")
@click.pass_obj
def import_(
    data: DataFolder,
    file: Path,
    name: str,
    mean: str | None,
    std: str | None,
    channel_order: str,
    layers: str | None,
    given: tuple[Path, ...],
    precision: str,
    sheet: Path | None,
    as_json: bool,
) -> None:
    """Add the backward pass to a convolutional classifier in FILE.onnx.

    Moves the preprocessing into the graph, removes the classifier head, allows pictures of any size, and checks the
    gradient against finite differences. Then tries layers at all depths on a small photo, and suggests those whose
    objective grows most. With --precision int8, they are compared with float32, and dream in int8 where that is as good
    and faster. GoogLeNet of the ONNX Model Zoo needs: --channel-order bgr --mean 104,117,123
    """
    preprocessing = Preprocessing(_three(mean, "--mean", 0), _three(std, "--std", 1), channel_order)
    wanted = [layer.strip() for layer in layers.split(",")] if layers else []
    photos = sample_photos(given)
    photo = photos[0] if photos else None
    if sheet:
        check_picture_name(sheet, photo)
    sphere = sample_sphere(photo) if photo else None
    calibrated = precision == "int8"
    # Photos are read before the work, in case one is none; the virtual camera's are drawn only when they are needed.
    looks = sample_looks(photos, CALIBRATED_SIZE) if calibrated and photos else []
    imported = import_network(file, name, preprocessing, [layer for layer in wanted if layer])
    data.prepare()
    save(data.graphs, imported.network, imported.forward)
    _say_layers(imported, plain=mean is None and std is None)
    if sphere is None:
        sphere = sample_sphere(None)
    view = sample_view(photo, None, None)
    with progress_bar("trying layers") as bar:
        forward, offered = onnx.load_model_from_string(imported.forward), list(imported.network.layers)
        growth = growths(forward, offered, look(sphere, TRIED_SIZE, view), bar)
    suggested = promising(growth, SUGGESTED)
    if sheet and suggested:
        _draw(
            data, imported.network, {layer: growth[layer] for layer in suggested}, look(sphere, DRAWN_SIZE, view), sheet
        )
    compared = {}
    if calibrated:
        looks = looks or sample_looks([], CALIBRATED_SIZE)
        compared = _calibrate(data, name, list(imported.network.layers) if wanted else suggested, looks)
    if as_json:
        found = {"gradient_error": imported.error, "behind": imported.behind, "growth": growth, "suggested": suggested}
        found |= {"int8": compared} if calibrated else {}
        click.echo(json.dumps({**imported.network.model_dump(mode="json"), **found}))
    for layer in suggested:
        click.echo(f"dreams well: {layer}, its objective grows {growth[layer]:.3g} times on a small photo", err=True)
    best = suggested[0] if suggested else next(reversed(imported.network.layers))
    click.echo(f"dream with: dreamkiosk dream IN OUT --model {name} --layer {shlex.quote(best)}", err=True)


def _calibrate(data: DataFolder, name: str, layers: list[str], looks: list[np.ndarray]) -> dict[str, dict]:
    """Calibrate int8 for the layers and say how it compares. Returns layer -> the comparison."""
    found = {}
    for layer in layers:
        with progress_bar(f"calibrating {layer}") as bar:
            compared = offer_int8(data.graphs, name, layer, looks, bar)
        click.echo(compared.line, err=True)
        found[layer] = dataclasses.asdict(compared)
    return found


def _say_layers(imported: Imported, plain: bool) -> None:
    """List the layers and what hides others. `plain`: no preprocessing was given."""
    network = imported.network
    if plain:
        click.echo("no --mean and --std: the network gets unchanged levels of 0..255", err=True)
    count = f"{len(network.layers)} layer" + ("s" if len(network.layers) > 1 else "")
    click.echo(f"{network.name}: {count}, gradient within {imported.error:.2%} of finite differences", err=True)
    for layer, figures in network.layers.items():
        click.echo(f"  {layer:32} {figures.channels:5} channels, one position every {figures.stride} pixels", err=True)
    for reason, hidden in imported.behind.items():
        more = "1 more layer lies" if hidden == 1 else f"{hidden} more layers lie"
        click.echo(f"{more} behind an operation that cannot be dreamed through: {reason}", err=True)


def _draw(data: DataFolder, network: Network, growth: dict[str, float], seen: np.ndarray, sheet: Path) -> None:
    """Draw the photo and the layers of `growth`, the most promising first."""
    cells = [Cell(seen, "The photo", "before")]
    with progress_bar("drawing layers") as bar:
        for number, (layer, times) in enumerate(growth.items()):
            if bar:
                bar(number / len(growth), layer)
            chosen = ((layer, 1.0),)
            graph = ensure_graph(data.graphs, GraphSpec(network.name, "fp32", chosen))
            recipe = DreamRecipe(
                network=network.name, layers=chosen, width=seen.shape[1], smallest=SMALLEST_VIEW, flat=True
            )
            cells.append(Cell(dream(seen, recipe, graph).picture, layer, f"grows {times:.3g}-fold"))
    write_picture(sheet, draw_sheet(cells, min(COLUMNS, len(cells))), sphere=False, quality=QUALITY)
    click.echo(f"{sheet}: the photo and {len(growth)} layers of {network.name}", err=True)

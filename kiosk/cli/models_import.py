"""dreamkiosk models import: make a downloaded ONNX classifier available for dreaming."""

from __future__ import annotations

import json
from pathlib import Path

import click

from kiosk.errors import BadInput
from kiosk.forge.readers.imported import save
from kiosk.forge.readers.importer import import_network
from kiosk.forge.readers.onnx_file import Preprocessing
from kiosk.storage import DataFolder


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
    as_json: bool,
) -> None:
    """Add the backward pass to a convolutional classifier in FILE.onnx.

    Moves the preprocessing into the graph, removes the classifier head, allows pictures of any size, and checks the
    gradient against finite differences. GoogLeNet of the ONNX Model Zoo needs: --channel-order bgr --mean 104,117,123
    """
    preprocessing = Preprocessing(_three(mean, "--mean", 0), _three(std, "--std", 1), channel_order)
    wanted = [layer.strip() for layer in layers.split(",")] if layers else []
    imported = import_network(file, name, preprocessing, [layer for layer in wanted if layer])
    data.prepare()
    save(data.graphs, imported.network, imported.forward)
    network = imported.network
    if as_json:
        click.echo(json.dumps({**network.model_dump(mode="json"), "gradient_error": imported.error}))
    if mean is None and std is None:
        click.echo("no --mean and --std: the network gets unchanged levels of 0..255", err=True)
    click.echo(
        f"{name}: {len(network.layers)} layers, gradient within {imported.error:.2%} of finite differences", err=True
    )
    for layer, figures in network.layers.items():
        click.echo(f"  {layer:32} {figures.channels:5} channels, one position every {figures.stride} pixels", err=True)
    for reason, count in imported.behind.items():
        more = "1 more layer lies" if count == 1 else f"{count} more layers lie"
        click.echo(f"{more} behind an operation that cannot be dreamed through: {reason}", err=True)
    last = next(reversed(network.layers))
    click.echo(f"dream with: dreamkiosk dream IN OUT --model {name} --layer {last}", err=True)

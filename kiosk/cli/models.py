"""dreamkiosk models: build, list, locate, import and explore networks."""

from __future__ import annotations

import json

import click

from kiosk.cli.models_atlas import atlas
from kiosk.cli.models_import import import_
from kiosk.cli.progress import networks_bar
from kiosk.errors import BadInput
from kiosk.forge.build import GraphSpec, ensure_graph, ensure_graphs, graph_path, is_built, standard_graphs
from kiosk.forge.readers.imported import imported_networks, known_network
from kiosk.recipes import catalog
from kiosk.recipes.catalog import PRECISIONS
from kiosk.storage import DataFolder


@click.group()
def models() -> None:
    """Build, list, locate, import and explore networks."""


@models.command()
@click.pass_obj
def build(data: DataFolder) -> None:
    """Build every graph that the styles and the upscaler need. Existing graphs are only checked."""
    data.prepare()
    specs = standard_graphs()
    with networks_bar() as bar:
        ensure_graphs(
            data.graphs, specs, bar or (lambda done, total, label: click.echo(f"[{done}/{total}] {label}", err=True))
        )


@models.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@click.pass_obj
def list_(data: DataFolder, as_json: bool) -> None:
    """List the networks, their layers, and which graphs are built."""
    built = {
        spec: graph_path(data.graphs, spec) for spec in standard_graphs() if is_built(graph_path(data.graphs, spec))
    }
    rows = [
        {
            "name": network.name,
            "kind": network.kind,
            "title": network.title,
            "package": f"{network.package}=={network.version}",
            "licence": network.licence,
            "layers": {name: layer.description for name, layer in network.layers.items()},
            "graphs": [
                {"precision": spec.precision, "layers": [name for name, _ in spec.layers], "path": str(path)}
                for spec, path in built.items()
                if spec.network == network.name
            ],
        }
        for network in (*catalog.load().networks, *imported_networks(data.graphs))
    ]
    if as_json:
        click.echo(json.dumps(rows))
        return
    for row in rows:
        click.echo(f"{row['name']:18} {row['kind']:8} {len(row['graphs'])} graphs built   {row['title']}")
        for name, description in row["layers"].items():
            click.echo(f"  {name:16} {description}")


@models.command()
@click.argument("name")
@click.option("--layer", help="The layer to dream with (dream networks only).")
@click.option("--precision", type=click.Choice(PRECISIONS), default="fp32", show_default=True)
@click.pass_obj
def path(data: DataFolder, name: str, layer: str | None, precision: catalog.Precision) -> None:
    """Print the path of a graph, which is built first if missing."""
    network = known_network(data.graphs, name)
    if network.kind == "dream" and layer is None:
        raise BadInput(f"{name} needs --layer; it has: {', '.join(network.layers)}", "no_layer")
    if network.kind != "dream" and layer is not None:
        raise BadInput(f"{name} has no layers to choose from", "unknown_layer")
    data.prepare()
    click.echo(ensure_graph(data.graphs, GraphSpec(name, precision, ((layer, 1.0),) if layer else ())))


models.add_command(import_)
models.add_command(atlas)

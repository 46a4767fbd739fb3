"""dreamkiosk models: build, list, locate, import and explore networks."""

from __future__ import annotations

import json
from pathlib import Path

import click

from kiosk.cli.models_atlas import atlas
from kiosk.cli.models_import import import_
from kiosk.cli.progress import networks_bar
from kiosk.errors import BadInput
from kiosk.forge.archives.build import fetch_and_keep, is_whole, keep
from kiosk.forge.build import GraphSpec, ensure_graph, ensure_graphs, graph_path, is_built, standard_graphs
from kiosk.forge.readers.imported import imported_networks, known_network
from kiosk.recipes import catalog
from kiosk.recipes.available import is_available
from kiosk.recipes.catalog import PRECISIONS
from kiosk.storage import DataFolder


@click.group()
def models() -> None:
    """Build, list, locate, import and explore networks."""


@models.command()
@click.argument("name", required=False)
@click.option(
    "--from",
    "archive",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The network's archive, instead of fetching it: for a kiosk without the internet, npm or pip.",
)
@click.pass_obj
def build(data: DataFolder, name: str | None, archive: Path | None) -> None:
    """Build every graph that the styles and the upscaler need, or only those of the network NAME. Existing graphs are
    only checked.

    Three are built only if they are named, and fetched once: inception (25 MB, with npm), which dreams, matting (42 MB,
    with pip), for --keep-people, and moderation (22 MB, with pip), which holds rude pictures back.
    """
    network = catalog.load().network(name) if name else None
    if archive and (network is None or network.archive is None):
        named = ", ".join(one.name for one in catalog.load().networks if one.archive)
        raise BadInput(f"--from needs the NAME of a network that comes in an archive: {named}", "usage")
    data.prepare()
    if network and network.archive and (archive or not is_whole(data.graphs, network)):
        if archive:
            keep(data.graphs, network, archive)
        else:
            click.echo(f"fetching {network.requirement} ({network.archive.size / 1e6:.0f} MB)", err=True)
            fetch_and_keep(data.graphs, network)
    specs = standard_graphs(data.graphs, name)
    with networks_bar() as bar:
        ensure_graphs(
            data.graphs, specs, bar or (lambda done, total, label: click.echo(f"[{done}/{total}] {label}", err=True))
        )


@models.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@click.pass_obj
def list_(data: DataFolder, as_json: bool) -> None:
    """List the networks, their layers, and which graphs are built."""
    specs = standard_graphs(data.graphs)
    built = {spec: path for spec in specs if is_built(path := graph_path(data.graphs, spec))}
    rows = [
        {
            "name": network.name,
            "kind": network.kind,
            "title": network.title,
            "package": network.requirement,
            "licence": network.licence,
            "source": network.source,
            "available": is_available(data.graphs, network),
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
    from_archives = {network.name for network in catalog.load().networks if network.archive}
    for row in rows:
        count = f"{len(row['graphs'])} graphs built" if row["available"] else "not built"
        click.echo(f"{row['name']:18} {row['kind']:8} {count:14}   {row['title']}")
        if row["name"] in from_archives:
            click.echo(f"  {row['package']}, {row['licence']}, {row['source']}")
        if not row["available"]:
            click.echo(f"  to build it: dreamkiosk models build {row['name']}")
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

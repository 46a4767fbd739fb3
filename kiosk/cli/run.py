"""dreamkiosk run: start the kiosk."""

from __future__ import annotations

import sys

import click

from kiosk import settings as settings_file
from kiosk.cli.progress import networks_bar
from kiosk.people import operators
from kiosk.settings import Settings
from kiosk.storage import DataFolder


@click.command()
@click.option("--host", help="Address to listen on.  [default: all]")
@click.option("--port", type=click.IntRange(1, 65535), help="Port for http.  [default: 8360]")
@click.option("--tls-port", type=click.IntRange(0, 65535), help="Port for https, 0 for none.  [default: 8361]")
@click.option("--demo", is_flag=True, help="Use the virtual 360 camera, and print the QR code.")
@click.pass_obj
def run(data: DataFolder, host: str | None, port: int | None, tls_port: int | None, demo: bool) -> None:
    """Start the kiosk: server, worker and camera, until Ctrl-C."""
    from kiosk.ops.lock import DataLock
    from kiosk.ops.processes import check_ports, check_style, make_supervisor

    data.prepare()

    def read() -> Settings:
        return with_options(settings_file.load(data.settings), host=host, port=port, tls_port=tls_port, demo=demo)

    settings = read()
    check_style(settings, data.graphs)
    lock = DataLock(data.root)
    try:
        check_ports(settings)
        rescue_photos(data, settings)
        if pin := operators.prepare(data):
            click.echo(f"dreamkiosk: the operator's PIN is {pin}; it is printed only this once", err=True)
        build_networks(data, settings)
        supervisor = make_supervisor(data, settings, demo=demo, on_ready=lambda: welcome(settings, demo), reload=read)
        supervisor.run()
    finally:
        lock.release()
    click.echo("dreamkiosk: stopped", err=True)


def with_options(
    settings: Settings, *, host: str | None, port: int | None, tls_port: int | None, demo: bool
) -> Settings:
    """The operator's settings with the command line's overrides."""
    given = {"host": host, "port": port, "tls_port": tls_port}
    whole = settings.model_dump()
    whole["network"].update({key: value for key, value in given.items() if value is not None})
    if demo:
        whole["capture"] = {"source": "virtual"}
    return settings_file.validated(whole, "the settings with these options")


def rescue_photos(data: DataFolder, settings: Settings) -> None:
    """If the database is damaged or missing, make a new one from the photos' folders and print a message."""
    from kiosk.library.upkeep.rescue import rescue

    rescued = rescue(data, settings.retention)
    if rescued is None:
        return
    if rescued.kept:
        click.echo(f"dreamkiosk: the database was damaged and moved to {rescued.kept}", err=True)
    click.echo(
        f"dreamkiosk: a new database was made from the photos' folders: {rescued.photos} photos, {rescued.ready} of "
        "them ready",
        err=True,
    )


def build_networks(data: DataFolder, settings: Settings) -> None:
    """Build missing graphs, with a progress bar on a terminal."""
    from kiosk.ops.notify import notify
    from kiosk.planning.graphs import prepare

    notify("STATUS=Building the networks.")
    with networks_bar() as bar:
        prepare(data.graphs, settings.dream, bar)


def welcome(settings: Settings, code: bool) -> None:
    """Print the kiosk's address, with a QR code on a terminal or if `code` is set."""
    from kiosk.lan.addresses import guest_url
    from kiosk.lan.qr import qr_terminal

    network = settings.network
    url = guest_url(network.host, network.port, interface=network.interface)
    lines = ["", f"The kiosk is open: {url}", f"The big screen:    {url}booth", ""]
    if code or sys.stderr.isatty():
        lines[1:1] = [qr_terminal(url), ""]
    click.echo("\n".join(lines), err=True, color=True)

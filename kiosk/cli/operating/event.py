"""dreamkiosk event: open, close, export and wipe an event."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from kiosk.cli.progress import progress_bar
from kiosk.library.library import Library
from kiosk.people import events, exporting, wiping
from kiosk.people.events import Event
from kiosk.storage import DataFolder

_EVENT = click.option("--event", "number", type=int, metavar="NUMBER", help="Which one.  [default: the newest]")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON to stdout.")


@click.group()
def event() -> None:
    """Open, close, export and wipe an event. Photos that arrive while it is open belong to it."""


@event.command("open")
@click.argument("name")
@_JSON
@click.pass_obj
def open_(data: DataFolder, name: str, as_json: bool) -> None:
    """Open an event. Its photos do not expire until it is closed and exported."""
    with Library(data) as library:
        _say(events.begin(library, name), as_json, "is open")


@event.command()
@_JSON
@click.pass_obj
def close(data: DataFolder, as_json: bool) -> None:
    """Close the open event and empty the bin."""
    with Library(data) as library:
        _say(events.close(library), as_json, "is closed")


@event.command()
@click.argument("out", type=click.Path(path_type=Path))
@_EVENT
@_JSON
@click.pass_obj
def export(data: DataFolder, out: Path, number: int | None, as_json: bool) -> None:
    """Export an event's photos, with originals and a page that lists them, to OUT: a folder, or a file .zip. Exporting
    to an unfinished folder again goes on where it stopped."""
    with Library(data) as library:
        found = events.find(library, number)
        with progress_bar("Exporting") as bar:
            exporting.export(library, found, out, bar)
        _say(events.find(library, found.id), as_json, f"was exported to {out}")


@event.command()
@_EVENT
@click.option("--yes", is_flag=True, help="Even if it was not exported. Its photos are lost then.")
@_JSON
@click.pass_obj
def wipe(data: DataFolder, number: int | None, yes: bool, as_json: bool) -> None:
    """Remove everything of a closed event: photos, dreams, and every trace of them in the database."""
    with Library(data) as library:
        found = events.find(library, number)
        removed = wiping.wipe(library, found, anyway=yes)
        _say(events.find(library, found.id), as_json, f"was wiped: {removed} photos are gone")


@event.command("list")
@_JSON
@click.pass_obj
def list_(data: DataFolder, as_json: bool) -> None:
    """List the events, newest first."""
    with Library(data) as library:
        found = events.every(library)
    if as_json:
        click.echo(json.dumps([_as_json(one) for one in found]))
        return
    for one in found:
        click.echo(f"{one.id}  {one.name}: {one.ready} photos ready, {events.state(one)}", err=True)
    if not found:
        click.echo("There is no event.", err=True)


def _say(one: Event, as_json: bool, what: str) -> None:
    if as_json:
        click.echo(json.dumps(_as_json(one)))
    else:
        click.echo(f"Event {one.id}, {one.name}, {what}.", err=True)


def _as_json(one: Event) -> dict:
    return {**asdict(one), "state": events.state(one)}

"""dreamkiosk photos: what the operator's page does with photos, by their numbers."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence

import click

from kiosk.library.library import Library
from kiosk.people import deeds, reviewing, uploaders
from kiosk.people.deeds import Deed
from kiosk.people.reviewing import Found, Search
from kiosk.storage import DataFolder

_NUMBERS = click.argument("numbers", metavar="NUMBER...", nargs=-1, required=True, type=click.IntRange(1))
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON to stdout.")


@click.group()
def photos() -> None:
    """List photos, hide, show, approve, delete and restore them, and block who brought them."""


@photos.command("list")
@click.option("--view", type=click.Choice(list(reviewing.VIEWS)), default="all", help="waiting: for your approval.")
@click.option("--state", type=click.Choice(list(reviewing.STATES)), help="How far they are.")
@click.option("--style", metavar="NAME", help="Only this style's.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@_JSON
@click.pass_obj
def list_photos(data: DataFolder, view: str, state: str | None, style: str | None, limit: int, as_json: bool) -> None:
    """List photos, newest first."""
    with Library(data) as library:
        page = reviewing.find(library, Search(view=view, state=state, style=style), limit)
    if as_json:
        click.echo(json.dumps([_facts(one) for one in page.photos]))
        return
    for one in page.photos:
        photo = one.status.photo
        said = [name for name in ("hidden", "held", "private", "waiting", "bin") if _facts(one)[name]]
        came = time.strftime("%b %d %H:%M", time.localtime(photo.created))
        click.echo(f"{photo.id:6}  {came}  {photo.state:10}  {photo.style or '-':12}  {', '.join(said)}", err=True)
    if not page.photos:
        click.echo("No photos.", err=True)


def _facts(one: Found) -> dict[str, object]:
    photo = one.status.photo
    return {
        "number": photo.id,
        "token": photo.token,
        "state": photo.state,
        "style": photo.style,
        "created": photo.created,
        "hidden": photo.hidden,
        "held": photo.held,
        "private": not photo.shown,
        "waiting": photo.shown and not photo.approved,
        "bin": photo.binned is not None,
        "uploader": one.client,
    }


def _command(name: str, function: Callable[[Library, Sequence[str]], Deed], line: str, past: str) -> None:
    """Add a subcommand that does `function` to photos."""

    @photos.command(name, help=line)
    @_NUMBERS
    @_JSON
    @click.pass_obj
    def act(data: DataFolder, numbers: tuple[int, ...], as_json: bool) -> None:
        with Library(data) as library:
            deed = function(library, reviewing.tokens_of(library, list(numbers)))
        if as_json:
            click.echo(json.dumps({"changed": sorted(deed.before)}))
        else:
            click.echo(f"{deed.count} of {len(numbers)} {past}.", err=True)


_command("hide", deeds.hide, "Keep photos from others; their guests still see them.", "hidden")
_command("show", deeds.show, "Let others see photos, if their guests agreed, also those held back.", "shown")
_command("approve", deeds.approve, "Approve photos that wait for it.", "approved")
_command("delete", deeds.delete, "Put photos into the bin: gone for everybody, but restorable.", "moved to the bin")
_command("restore", deeds.restore, "Take photos out of the bin.", "restored")


@photos.command("empty-bin")
@_JSON
@click.pass_obj
def empty_bin(data: DataFolder, as_json: bool) -> None:
    """Remove what is in the bin for good."""
    with Library(data) as library:
        removed = deeds.empty_bin(library)
    if as_json:
        click.echo(json.dumps({"removed": removed}))
    else:
        click.echo(f"{removed} removed for good.", err=True)


@photos.command()
@click.argument("number", type=click.IntRange(1))
@click.option("--undo", is_flag=True, help="Let them bring photos again.")
@_JSON
@click.pass_obj
def block(data: DataFolder, number: int, undo: bool, as_json: bool) -> None:
    """Refuse further photos of whoever brought this one, for a day or until the machine restarts."""
    with Library(data) as library:
        (token,) = reviewing.tokens_of(library, [number])
        client = uploaders.client_of(library, token)
        if undo:
            uploaders.unblock(library, client)
        else:
            uploaders.block(library, token)
        blocked = list(uploaders.blocked(library))
    if as_json:
        click.echo(json.dumps({"uploader": client, "blocked": blocked}))
    else:
        click.echo("They can bring photos again." if undo else "They can bring no more.", err=True)

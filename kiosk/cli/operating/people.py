"""dreamkiosk people: the operator's PIN, and the booth's screens."""

from __future__ import annotations

import json

import click

from kiosk.library.library import Library
from kiosk.people import operators
from kiosk.people.screens import Screens
from kiosk.storage import DataFolder


@click.group()
def people() -> None:
    """Set the operator's PIN; list and forget the booth's screens."""


@people.command()
@click.option("--pin", prompt="New PIN", hide_input=True, confirmation_prompt=True, help="Asked for if it is left out.")
@click.pass_obj
def pin(data: DataFolder, pin: str) -> None:
    """Set the operator's PIN and sign everybody out. A running kiosk uses it at once."""
    with Library(data) as library:
        operators.change(data, pin)
        operators.sign_out(library)
    click.echo("The PIN was changed.", err=True)


@people.command()
@click.option("--forget", metavar="ID", help="Unpair the screen with this ID.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON to stdout.")
@click.pass_obj
def screens(data: DataFolder, forget: str | None, as_json: bool) -> None:
    """List the paired screens, or forget one."""
    with Library(data) as library:
        paired = Screens(library)
        if forget is not None:
            paired.forget(forget)
        found = paired.paired()
    if as_json:
        click.echo(json.dumps([{"id": one.id, "name": one.name, "paired": one.paired} for one in found]))
        return
    for one in found:
        click.echo(f"{one.id}  {one.name}", err=True)
    if not found:
        click.echo("No screen is paired.", err=True)

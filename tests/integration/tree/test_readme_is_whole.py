"""The README describes every setting, and every command with its options, API.md every route, and nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import click
import pytest
from pydantic import BaseModel

from kiosk.cli import dreamkiosk
from kiosk.server.api.openapi import description
from kiosk.server.app import create_app
from kiosk.settings import Settings
from kiosk.storage import DataFolder

README = (Path(__file__).parents[3] / "README.md").read_text(encoding="utf-8")

API = (Path(__file__).parents[3] / "kiosk" / "server" / "API.md").read_text(encoding="utf-8")


def section(heading: str) -> str:
    """The text below a heading of the second level."""
    found = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", README, re.MULTILINE | re.DOTALL)
    assert found, heading
    return found[1]


def fields(model: type[BaseModel], place: str = "") -> Iterator[tuple[str, Any]]:
    """(section.name, annotation) of every setting in `model`; of a choice of models, those of each."""
    for name, field in model.model_fields.items():
        here = f"{place}{name}"
        models = [
            one
            for one in (field.annotation, *get_args(field.annotation))
            if isinstance(one, type) and issubclass(one, BaseModel)
        ]
        for one in models:
            yield from fields(one, f"{here}.")
        if not models:
            yield here, field.annotation


def settings_table() -> dict[str, str]:
    """Setting -> default, as in the file, "" for none."""
    rows = re.findall(r"^\| `([a-z_.]+)` \| (?:`(.*?)`)? *\| \S", section("Settings"), re.MULTILINE)
    return dict(rows)


def test_every_setting_is_in_the_table_and_no_other() -> None:
    assert set(settings_table()) == {name for name, _ in fields(Settings)}


@pytest.mark.parametrize("name", sorted(settings_table()))
def test_the_defaults_in_the_table_are_true(name: str) -> None:
    value: Any = Settings().model_dump(mode="json")
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    said = settings_table()[name]
    assert (json.loads(said) if said else None) == value


def commands(group: click.Group = dreamkiosk, words: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    """("models list", its command) of every command that does something."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, (*words, name))
        else:
            yield " ".join((*words, name)), command


def options(command: click.Command) -> set[str]:
    return {name for one in command.params if isinstance(one, click.Option) for name in one.opts if name[:2] == "--"}


def group_of(name: str) -> str | None:
    """The group that a command belongs to, if one row of the table describes all of it."""
    group, _, rest = name.partition(" ")
    row = re.search(rf"^\| `dreamkiosk {group}` \|.*$", section("Commands"), re.MULTILINE)
    return row[0] if rest and row else None


def described(name: str) -> str:
    """What the README says of a command: a row of the table, or what is below a heading."""
    text = section("Commands")
    row = re.search(rf"^\| `dreamkiosk {name}( [^`]*)?` \|.*$", text, re.MULTILINE)
    below = re.search(rf"^### `dreamkiosk {name}( [^`]*)?`\n.*?(?=^##|\Z)", text, re.MULTILINE | re.DOTALL)
    found = row or below
    assert found, f"dreamkiosk {name} is not in the README"
    return found[0]


@pytest.mark.parametrize(("name", "command"), list(commands()), ids=[name for name, _ in commands()])
def test_every_command_is_described_with_all_its_options_and_no_other(name: str, command: click.Command) -> None:
    if row := group_of(name):
        group, _, rest = name.partition(" ")
        assert re.search(rf"`{rest}[ `]", row), rest
        command.params = [one for other, each in commands() if other.startswith(f"{group} ") for one in each.params]
        assert set(re.findall(r"`(--[a-z-]+)[^`]*`", row)) == options(command)
        return
    assert set(re.findall(r"`(--[a-z-]+)[^`]*`", described(name))) == options(command)


def test_every_command_that_is_described_exists() -> None:
    names = {name.partition(" ")[0] if group_of(name) else name for name, _ in commands()}
    found = re.findall(r"^(?:\| |### )`dreamkiosk ([a-z ]+?)(?: \[?[A-Z][^`]*)?`", section("Commands"), re.MULTILINE)
    assert set(found) == names


@pytest.mark.parametrize("option", sorted(options(dreamkiosk)))
def test_options_before_every_command_are_described(option: str) -> None:
    assert f"`{option}" in section("Commands")


def test_every_route_is_described_and_no_other(data: DataFolder) -> None:
    paths = description(create_app(data))["paths"]
    routes = {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}
    assert set(re.findall(r"`((?:GET|POST|PUT|PATCH|DELETE) /[^`]*)`", API)) == routes

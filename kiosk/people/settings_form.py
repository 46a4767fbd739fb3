"""The settings as a form: its fields come from the models in settings.py, which validate what is typed too.

What is changed goes into settings.toml, where comments and everything else stay as they are.
"""

from __future__ import annotations

import types
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

import tomlkit
from pydantic.fields import FieldInfo
from tomlkit.exceptions import TOMLKitError

from kiosk import settings as settings_file
from kiosk.errors import BadInput
from kiosk.lan.ports import why_taken
from kiosk.recipes.available import available_style
from kiosk.settings import CAPTURES, InvalidSetting, Settings
from kiosk.storage import write_atomic

Kind = Literal["text", "number", "switch", "choice", "several"]


@dataclass(frozen=True)
class Field:
    """One setting. name: as in the file, such as "dream.width". default, value: as text; of several choices, separated
    by commas. choices: what may be chosen. optional: may be left out. least, most: of a number. help: what it means."""

    name: str
    kind: Kind
    help: str
    default: str
    value: str
    choices: tuple[str, ...] = ()
    optional: bool = False
    least: float | None = None
    most: float | None = None

    @property
    def title(self) -> str:
        return self.name.partition(".")[2].replace("_", " ").capitalize()


@dataclass(frozen=True)
class Section:
    name: str
    help: str
    fields: tuple[Field, ...]


def sections(path: Path) -> list[Section]:
    """The form of the settings in `path`. Raises BadInput as `settings.load` does."""
    now = settings_file.load(path)
    found = []
    for name, section in now:
        model = type(section)
        # The section of the camera has other fields for each source: all of them are offered.
        fields = dict(model.model_fields)
        if name == "capture":
            fields = {key: one for kind in CAPTURES.values() for key, one in kind.model_fields.items()} | fields
        made = (_field(f"{name}.{key}", info, getattr(section, key, None)) for key, info in fields.items())
        found.append(Section(name, (model.__doc__ or "").strip().splitlines()[0], tuple(made)))
    return found


def _field(name: str, info: FieldInfo, value: object) -> Field:
    kind, choices, optional = _kind(info.annotation)
    if name == "capture.source":
        kind, choices = "choice", tuple(CAPTURES)
    default = "none" if name == "capture.source" else "" if info.is_required() else as_text(info.default)
    limits = {type(one).__name__: one for one in info.metadata}
    least = getattr(limits.get("Ge"), "ge", getattr(limits.get("Gt"), "gt", None))
    most = getattr(limits.get("Le"), "le", None)
    return Field(name, kind, info.description or "", default, as_text(value), choices, optional, least, most)


def _kind(annotation: Any) -> tuple[Kind, tuple[str, ...], bool]:
    """(kind, choices, whether None is allowed) of a type."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        kind, choices, _ = _kind(next(one for one in arguments if one is not type(None)))
        return kind, choices, type(None) in arguments
    if origin is Literal:
        return "choice", tuple(map(str, arguments)), False
    if origin is list:
        return "several", _kind(arguments[0])[1], False
    if annotation is bool:
        return "switch", (), False
    return ("number" if annotation in (int, float) else "text"), (), annotation is Path


def as_text(value: object) -> str:
    """A setting's value as the form shows it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return ",".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def check_usable(before: Settings, after: Settings, graphs: Path) -> None:
    """Raise InvalidSetting if a kiosk that runs with the settings `before` could not start with `after`: the style's
    network is not built in `graphs`, or a port that is new cannot be listened on."""
    try:
        available_style(graphs, after.dream.style)
    except BadInput as error:
        raise InvalidSetting("settings", "dream.style", str(error)) from error
    ours = {before.network.port, before.network.tls_port}
    for key in ("port", "tls_port"):
        port = getattr(after.network, key)
        if port and port not in ours and (reason := why_taken(after.network.host, port)):
            raise InvalidSetting("settings", f"network.{key}", f"cannot listen on port {port}: {reason}")


def change(
    path: Path, typed: Mapping[str, str], only: Collection[str] | None = None, graphs: Path | None = None
) -> list[str]:
    """Write what was typed, name -> text, into the file; returns the names of the settings that differ now.

    only: the names that may be changed; None = all. graphs: where the networks are; None = a kiosk that is not running
    uses the file, so nothing but the file is checked. What is the same as before is not touched. Raises InvalidSetting
    if a value cannot be used, BadInput if the file cannot be read; then the file stays as it was.
    """
    known = {field.name: field for section in sections(path) for field in section.fields}
    document = _document(path)
    changed = []
    for name, text in typed.items():
        field = known.get(name)
        if field is None or (only is not None and name not in only):
            raise BadInput("There is no such setting.", "settings")
        text = text.strip()
        if text == field.value:
            continue
        section, _, key = name.partition(".")
        if section not in document:
            document[section] = tomlkit.table()
        table: Any = document[section]
        if text == "" and field.optional:
            table.pop(key, None)
        else:
            table[key] = _value(field, text)
        changed.append(name)
    if changed:
        fresh = settings_file.validated(document.unwrap(), path.name)
        if graphs is not None:
            check_usable(settings_file.load(path), fresh, graphs)
        write_atomic(path, tomlkit.dumps(document), permissions=0o600)
    return changed


def _document(path: Path) -> tomlkit.TOMLDocument:
    try:
        return tomlkit.parse(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return tomlkit.document()
    except (OSError, UnicodeDecodeError, TOMLKitError) as error:
        raise BadInput(f"{path.name} cannot be read: {error}", "settings") from error


def _value(field: Field, text: str) -> Any:
    """The value that `text` stands for; what is none stays text, for the models to refuse."""
    if field.kind == "switch":
        return {"true": True, "false": False}.get(text, text)
    if field.kind == "several":
        return [one for one in text.split(",") if one]
    if field.kind == "number" or (field.kind == "choice" and all(one.isdigit() for one in field.choices)):
        for kind in (int, float):
            try:
                return kind(text)
            except ValueError:
                continue
    return text

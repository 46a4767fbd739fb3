"""/operator/event: what guests see of the event; open, close, export and wipe it."""

from __future__ import annotations

import secrets
from pathlib import Path

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue

from kiosk.errors import BadInput
from kiosk.library.library import Library
from kiosk.library.looking.logo import make
from kiosk.people import events, exporting, wiping
from kiosk.people.events import Event
from kiosk.people.roles import Permission
from kiosk.people.settings_form import Field, sections
from kiosk.pictures.decode import Limits
from kiosk.recipes.available import available_styles
from kiosk.server.access import FORM_TOKEN, check_form, needs
from kiosk.server.api.describe import describe
from kiosk.server.api.upload import LOGO
from kiosk.server.archive import Archive, archive_response
from kiosk.server.http.offloop import off_loop
from kiosk.server.operator.frame import REFUSED, done, form, show
from kiosk.server.operator.setup.saving import save, typed
from kiosk.server.state import server_state
from kiosk.settings import InvalidSetting
from kiosk.storage import DataFolder, write_atomic

blueprint = Blueprint("operator_event", __name__)

PAGE = "/operator/event"
LOOKS = ("event.name", "event.welcome", "event.accent", "event.languages", "dream.style", "people.show",
         "people.approve")  # fmt: skip
"""The settings on this page."""
_TEXT = {"type": "string"}


@blueprint.get(PAGE)
@needs(Permission.OPERATE)
@describe("The event: what guests see of it, its photos, and the events before.", {200: "text/html"}, errors=REFUSED)
def event() -> Response:
    return _page()


@blueprint.post(f"{PAGE}/open")
@needs(Permission.OPERATE)
@describe("Open an event.", {303: None}, errors=(*REFUSED, 400, 409), **form(("event_name",), event_name=_TEXT))
def open_() -> ResponseReturnValue:
    check_form()
    begun = off_loop(events.begin, server_state().library, request.form.get("event_name", ""))
    return done(PAGE, f"{begun.name} is open. Its photos stay until it is closed and exported.")


@blueprint.post(f"{PAGE}/close")
@needs(Permission.OPERATE)
@describe("Close the open event, and empty the bin.", {303: None}, errors=(*REFUSED, 409), **form())
def close() -> ResponseReturnValue:
    check_form()
    closed = off_loop(events.close, server_state().library)
    return done(PAGE, f"{closed.name} is closed.")


@blueprint.get(f"{PAGE}/<number>/photos.zip")
@needs(Permission.OPERATE)
@describe(
    "All ready photos of an event with their originals and a page that lists them, as a ZIP; resumable while the "
    "photos do not change. The event counts as exported once the whole of it was sent.",
    {200: "application/zip", 206: "application/zip"},
    errors=(*REFUSED, 404, 416),
    headers={
        "Range": {"type": "string", "description": "bytes=N-, to resume an interrupted download"},
        "If-Range": {"type": "string", "description": "the ETag of the interrupted download"},
    },
)
def download(number: str) -> Response:
    library = server_state().library
    found = off_loop(_find, library, number)
    began = library.clock()
    archive = off_loop(_archive, library, found)
    return archive_response(archive, lambda: events.note_export(library, found.id, began))


@blueprint.post(f"{PAGE}/<number>/wipe")
@needs(Permission.OPERATE)
@describe(
    "Remove everything of a closed event, whose name has to be typed.",
    {303: None},
    errors=(*REFUSED, 400, 404, 409, 503),
    **form(("event_name",), event_name=_TEXT, anyway={"enum": ["yes"]}),
)
def wipe(number: str) -> ResponseReturnValue:
    check_form()
    library = server_state().library
    found = off_loop(_find, library, number)
    if " ".join(request.form.get("event_name", "").split()).casefold() != found.name.casefold():
        raise BadInput("To wipe an event, type its name exactly.", "other_name")
    count = off_loop(wiping.wipe, library, found, request.form.get("anyway") == "yes")
    return done(PAGE, f"{found.name} was wiped: {count} photos are gone, with every trace of them.")


@blueprint.post(f"{PAGE}/looks")
@needs(Permission.OPERATE)
@describe(
    "Change what guests see of the event. The kiosk's processes start anew.",
    {200: "text/html", 303: None, 400: "text/html"},
    errors=REFUSED,
    **form((), **dict.fromkeys(LOOKS, _TEXT)),
)
def looks() -> ResponseReturnValue:
    check_form()
    given = typed(LOOKS)
    try:
        return save(given, PAGE, "Event") or done(PAGE, "Nothing has changed.")  # type: ignore[return-value]
    except InvalidSetting as error:
        return _page(error, given), 400


@blueprint.post(LOGO)
@needs(Permission.OPERATE)
@describe(
    "Set the logo, or remove it. The kiosk's processes start anew.",
    {200: "text/html", 303: None},
    errors=(*REFUSED, 400, 413, 415, 422, 507),
    form={
        "type": "object",
        "required": [FORM_TOKEN],
        "properties": {FORM_TOKEN: _TEXT, "logo": {"type": "string", "format": "binary"}, "remove": {"enum": ["yes"]}},
    },
)
def logo() -> ResponseReturnValue:
    check_form()
    name = ""
    if request.form.get("remove") != "yes":
        sent = request.files.get("logo")
        if sent is None or not sent.filename:
            raise BadInput("No picture was sent. Please choose one.", "no_logo")
        name = off_loop(_keep_logo, server_state().data, sent.stream.path)  # type: ignore[attr-defined] (a SpoolFile)
    page = save({"event.logo": name}, PAGE, "Event")
    return page or done(PAGE, "Nothing has changed.")  # type: ignore[return-value]


def _keep_logo(data: DataFolder, source: Path) -> str:
    """Make `source` the logo; returns the name of its file. Every logo has its own, so browsers fetch a new one."""
    folder = data.root / "event"
    folder.mkdir(mode=0o700, exist_ok=True)
    name = f"logo-{secrets.token_hex(4)}.jpg"
    make(source, folder / name, Limits())
    for path in folder.glob("logo-*.jpg"):
        if path.name != name:
            path.unlink(missing_ok=True)
    return name


def _page(wrong: InvalidSetting | None = None, given: dict[str, str] | None = None) -> Response:
    state = server_state()
    every = off_loop(events.every, state.library)
    return show(
        "event.html",
        title="Event",
        fields=off_loop(_fields, state.data),
        given=given or {},
        wrong=wrong,
        current=next((one for one in every if one.is_open), None),
        past=[one for one in every if not one.is_open],
        state_of=events.state,
        suggested=state.settings.event.name,
        logo=state.settings.event.logo,
    )


def _fields(data: DataFolder) -> list[Field]:
    known = {field.name: field for section in sections(data.settings) for field in section.fields}
    styles = tuple(one.name for one in available_styles(data.graphs))
    known["dream.style"] = _of(known["dream.style"], styles)
    return [known[name] for name in LOOKS]


def _of(field: Field, choices: tuple[str, ...]) -> Field:
    """The field as a choice; what is set now stays possible."""
    return Field(field.name, "choice", "for guests who choose none", field.default, field.value,
                 tuple(dict.fromkeys((field.value, *choices))))  # fmt: skip


def _find(library: Library, number: str) -> Event:
    if not (number.isascii() and number.isdigit() and len(number) < 10):
        raise BadInput("There is no such event.", "no_such_event", 404)
    return events.find(library, int(number))


def _archive(library: Library, event: Event) -> Archive:
    """The archive of an event's photos, with its page. The page lies in the runtime folder, and is the same file as
    long as nothing changes, so that a download can be resumed."""
    photos = exporting.ready_photos(library, event)
    page, text = library.data.runtime / f"event-{event.id}.html", exporting.page(event, photos).encode()
    if not page.is_file() or page.read_bytes() != text:
        write_atomic(page, text, permissions=0o600)
    return Archive(library, [(one.token, one.created, one.number) for one in photos], page)

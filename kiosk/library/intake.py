"""Intake: turns untrusted bytes into a photo with a job, or refuses them with a sentence for the guest.

A child process decodes the file under limits (pictures/apart.py). Its upright JPEG is flushed to the disk in a spool
folder, the folder is renamed into place, and one transaction inserts the photo and its job. A power cut before the
transaction leaves debris for the sweep; after it, the photo is safe and will be dreamed.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from kiosk.errors import BadInput, Unavailable
from kiosk.library import intake_lock, schema
from kiosk.library.files import PhotoFiles, folder_size
from kiosk.library.library import Library, hash_key
from kiosk.library.looking import first_look
from kiosk.library.records import INTAKE_PAUSED, OWN, Image, Photo
from kiosk.library.upkeep import fairness, lifetime
from kiosk.library.upkeep.retention import check_room, make_room
from kiosk.pictures.decode import Limits
from kiosk.pictures.layouts import TOP_BOTTOM
from kiosk.recipes.available import available_style
from kiosk.storage import CANNOT_WRITE, sync_folder, write_atomic

# Disk space a photo needs until it is ready, as a multiple of its original, for the free-space check.
GROWTH = 4
# Decoders at once, over all processes; and the MB of address space one needs to open a large photo.
DECODERS = 2
LEAST_MB = 512


def accept(
    library: Library,
    source: Path | bytes,
    *,
    style: str | None = None,
    recipe: dict[str, Any] | None = None,
    origin: str = "upload",
    show: bool | None = None,
    asked: str | None = None,
    client: str | None = None,
    owner_key: str | None = None,
    approved: bool = True,
    limits: Limits | None = None,
    alive: Callable[[], None] = lambda: None,
) -> Photo:
    """Take in a photo and return its durable record, the only place where the owner key appears in clear text.

    source: the file's bytes, or its path (the file is left there). style: a style's name; None = the operator's default
    at the time the job runs. recipe: fixed parameters for the job, JSON-serializable. origin: upload, camera, folder,
    ... show: whether others may see it; None = only if the kiosk's own camera or folder took it. asked: the ID of the
    camera request it was taken for. client: who brought it, see fairness.py. owner_key: the key that its owner has
    already; None = a new one. approved: False if it waits for the operator before others see it.
    alive: called about once a second while the decoder runs, for at most apart.WALL_SECONDS.
    Raises BadInput with a sentence for the guest; Unavailable if the disk is full or intake is paused.
    """
    if style is not None:
        available_style(library.data.graphs, style)
    check_open(library)
    size = _size(source)
    if size == 0:
        raise BadInput("The file is empty. Please send the photo again.", "empty")
    if size > library.retention.upload_mb * 1_000_000:
        raise too_large(library)
    check_room(library, size)
    known = {"source": origin, "shown": origin in OWN if show is None else show, "asked": asked, "client": client,
             "approved": approved, "owner_key": owner_key or secrets.token_urlsafe(24)}  # fmt: skip
    with intake_lock.taking_in(library.data, alive):
        return _take_in(library, source, style, recipe, known, limits or default_limits(), alive)


def _size(source: Path | bytes) -> int:
    try:
        return len(source) if isinstance(source, bytes) else source.stat().st_size
    except OSError as error:
        raise BadInput("The file cannot be read. Please send the photo again.", "cannot_read") from error


def _take_in(
    library: Library,
    source: Path | bytes,
    style: str | None,
    recipe: dict[str, Any] | None,
    known: dict[str, Any],
    limits: Limits,
    alive: Callable[[], None],
) -> Photo:
    token = secrets.token_urlsafe(16)
    files = PhotoFiles(library.data, token)
    try:
        fresh = Path(tempfile.mkdtemp(dir=library.data.spool, prefix=f"{token}."))
        try:
            if isinstance(source, bytes):
                write_atomic(fresh / "received", source)
                source = fresh / "received"
            with intake_lock.decoding(library.data, decoders(), alive):
                pictures = (fresh / files.original.name, fresh / files.sphere.name)
                looked = first_look.take(source, *pictures, limits, alive, thumb=fresh / files.thumb.name)
            facts = known | looked
            (fresh / "received").unlink(missing_ok=True)
            # Only now is it known to be a photo, and its size: never evict a photo for bytes that are not one.
            size = folder_size(fresh)
            make_room(library, size * (GROWTH - 1), written=size, client=known["client"])
            fresh.chmod(0o700)
            fresh.rename(files.folder)
        except BaseException:
            shutil.rmtree(fresh, ignore_errors=True)
            raise
        try:
            sync_folder(library.data.photos)
            return _insert(library, files, facts, style, recipe)
        except BaseException:
            files.remove()
            raise
    except (OSError, Unavailable) as error:
        if isinstance(error, Unavailable) and error.code != CANNOT_WRITE:
            raise
        # What names a file of the kiosk is not for guests.
        raise Unavailable(
            "The kiosk cannot store the photo at the moment. Please tell the staff.", "cannot_store", 507
        ) from error


def check_open(library: Library) -> None:
    """Raise Unavailable (503) if the operator has paused intake."""
    if library.flag(INTAKE_PAUSED):
        raise Unavailable("The kiosk is taking a break. Please come back in a few minutes.", "paused")


def too_large(library: Library) -> BadInput:
    """The error for an upload over the operator's size limit."""
    return BadInput(
        f"The file is too large. Please send a photo of at most {library.retention.upload_mb} MB.", "too_large", 413
    )


def default_limits() -> Limits:
    """Limits that leave enough memory for the other processes, even with all decoders running."""
    standard = Limits()
    return replace(standard, memory_mb=max(LEAST_MB, min(standard.memory_mb, _spare_mb() // decoders())))


def decoders() -> int:
    """How many decoders this machine has the memory to run at once."""
    return DECODERS if _spare_mb() >= DECODERS * LEAST_MB else 1


def _spare_mb() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20 * 6 // 10


def _insert(
    library: Library,
    files: PhotoFiles,
    facts: dict[str, Any],
    style: str | None,
    recipe: dict[str, Any] | None,
) -> Photo:
    now = library.clock()
    hours = library.retention.hours
    photo = Photo(
        id=0,
        token=files.token,
        state="received",
        style=style,
        source=facts["source"],
        width=facts["width"],
        height=facts["height"],
        gpano=facts["gpano"],
        bytes=files.size(),
        created=now,
        expires=None,
        changed=now,
        owner_key=facts["owner_key"],
        stereo=TOP_BOTTOM if facts["place"]["kind"] == "stereo" else None,
        shown=facts["shown"],
        place=facts["place"],
        approved=facts["approved"],
    )
    images = [Image("original", files.original.name, photo.width, photo.height)]
    if facts["sphere"]:
        images.append(Image("sphere", files.sphere.name, *facts["sphere"]))
    if facts["thumb"]:
        images.append(Image("thumb", files.thumb.name, *facts["thumb"]))
    with library.writing() as connection:
        born = lifetime.lived(connection, library.clocks)
        event = connection.execute("SELECT max(id) FROM events WHERE closed IS NULL").fetchone()[0]
        # Photos of an event do not expire by time while it lasts, see people/events.py.
        stays = event is not None or not hours
        photo = replace(photo, event=event, expires=None if stays else now + hours * 3600)
        columns = {
            **_columns(photo),
            "owner_hash": hash_key(facts["owner_key"]),
            "asked": facts["asked"],
            "client": facts["client"],
            "event": event,
            "born": born,
            "lives": None if stays else born + hours * 3600,
        }
        number = schema.insert_photo(
            connection,
            columns,
            images,
            recipe=recipe,
            turn=fairness.next_turn(connection, facts["client"], asked=facts["asked"] is not None),
        )
    return replace(photo, id=number)


def _columns(photo: Photo) -> dict[str, Any]:
    """What the photos table holds of `photo` as it is."""
    same = (
        "token",
        "state",
        "style",
        "source",
        "width",
        "height",
        "bytes",
        "created",
        "expires",
        "changed",
        "stereo",
        "shown",
        "approved",
    )
    return {
        **{name: getattr(photo, name) for name in same},
        "gpano": json.dumps(photo.gpano) if photo.gpano else None,
        "place": json.dumps(photo.place),
    }

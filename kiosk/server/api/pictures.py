"""/photos: the picture files, with range and conditional requests and immutable caching."""

from __future__ import annotations

import io
from datetime import datetime, timezone
from pathlib import Path

from flask import Blueprint, Response, request

from kiosk.errors import BadInput
from kiosk.library.library import no_such_photo
from kiosk.people.roles import Permission
from kiosk.server.access import needs
from kiosk.server.api.describe import describe
from kiosk.server.http.offloop import off_loop
from kiosk.server.state import server_state

blueprint = Blueprint("pictures", __name__)

WEBP = "image/webp"
"""Some pictures have a smaller WebP file beside the JPEG; it is sent if the Accept header names this type."""
CHUNK_BYTES = 128 * 1024
YEAR_SECONDS = 365 * 24 * 3600


@blueprint.get("/photos/<token>/<path:name>")
@needs(Permission.SEE)
@describe(
    "A picture, at a URL from the photo's status.",
    {200: "image/jpeg", 206: "image/jpeg", 304: None},
    errors=(404, 416),
    query={"download": {"type": "string", "enum": ["1"], "description": "save it instead of showing it"}},
)
def picture(token: str, name: str) -> Response:
    library = server_state().library
    photo = off_loop(library.photo, token)
    path = library.files(token).public(name)
    if photo.is_gone:
        raise no_such_photo()
    if path is None:
        raise _no_such_picture()
    kind = WEBP if path.suffix == ".webp" else "image/jpeg"
    if WEBP in request.accept_mimetypes.values() and off_loop(path.with_suffix(".webp").is_file):
        path, kind = path.with_suffix(".webp"), WEBP
    try:
        file = off_loop(open_file, path)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        raise _no_such_picture() from None
    response = Response(file, content_type=kind, direct_passthrough=True)
    response.call_on_close(file.close)
    response.content_length = file.size
    response.set_etag(file.etag)
    response.last_modified = datetime.fromtimestamp(file.modified, timezone.utc)
    response.cache_control.private = True
    response.vary.add("Accept")
    if photo.state == "ready" or name == "original.jpg":
        response.cache_control.max_age = YEAR_SECONDS
        response.cache_control.immutable = True
    else:
        response.cache_control.no_cache = True
    if request.args.get("download") == "1":
        # The whole token would give away access; its first characters are enough to tell downloads apart.
        part = "-picture" if path.name == "flat.jpg" else ""
        response.headers["Content-Disposition"] = f'attachment; filename="dream-{token[:6]}{part}.jpg"'
    return response.make_conditional(  # type: ignore[return-value]
        request, accept_ranges=True, complete_length=file.size
    )


class OffLoopFile(io.RawIOBase):
    """A file that is read in threads, CHUNK_BYTES at a time, when iterated. size: bytes; modified: seconds since
    1970."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb", buffering=0)
        facts = path.stat()
        self.size = facts.st_size
        self.modified = int(facts.st_mtime)
        self.etag = f"{facts.st_mtime_ns:x}-{facts.st_size:x}"

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def __iter__(self) -> OffLoopFile:
        return self

    def __next__(self) -> bytes:  # type: ignore[override]
        chunk = off_loop(self._file.read, CHUNK_BYTES)
        if not chunk:
            raise StopIteration
        return chunk

    def close(self) -> None:
        self._file.close()
        super().close()


open_file = OffLoopFile


def _no_such_picture() -> BadInput:
    return BadInput("This photo has no such picture (yet).", "no_such_picture", 404)

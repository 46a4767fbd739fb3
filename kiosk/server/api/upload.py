"""Uploads, streamed from the socket to the spool folder: never held in memory, never beyond the limit."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from flask import Request

from kiosk.errors import BadInput
from kiosk.library.upkeep.retention import full
from kiosk.pictures.containers.boxes import film
from kiosk.pictures.containers.container import FIRST_BYTES, film_360, refuse
from kiosk.server.http.offloop import off_loop

# Size limit of a form's other fields, and of the whole body of any other request.
FORM_BYTES = 64 * 1024
LOGO, LOGO_BYTES = "/operator/event/logo", 10_000_000
"""Where the operator uploads the event's logo, and how large that file may be."""
CHECKED_BYTES = 4 * 1024 * 1024
FILM_BYTES = 32 * 1024 * 1024
"""How much of a film is received to learn whether it is a 360 film. Cameras and phones write this behind the film's
data, so short 360 films are called by their name. Who sends a longer one would only wait to be refused."""


class SpoolingRequest(Request):
    """A request that writes uploaded files to `spool` in threads, and removes them when it ends.

    The application sets spool, upload_bytes and check_disk on a subclass. check_disk raises Unavailable (507) if the
    disk is too full; it blocks.
    """

    spool: Path
    upload_bytes: int
    check_disk: Callable[[], None]
    arrived: Callable[[int], None] | None = None
    """Called with the size in bytes of each piece written to the disk."""

    @property
    def max_content_length(self) -> int:  # type: ignore[override]
        """The most bytes of body to read; form parsing raises 413 beyond it."""
        uploading = {"/api/photos": self.upload_bytes, LOGO: LOGO_BYTES} if self.method == "POST" else {}
        return uploading.get(self.path, 0) + FORM_BYTES

    def _get_file_stream(self, *_: Any, **__: Any) -> IO[bytes]:
        file = SpoolFile(self.spool, type(self).check_disk, self.arrived)  # type: ignore[attr-defined] (on the subclass)
        self.environ.setdefault("kiosk.spooled", []).append(file)
        return file  # type: ignore[return-value]

    def discard_spooled(self) -> None:
        """Remove the spooled files; nothing refers to them after the response."""
        for file in self.environ.pop("kiosk.spooled", ()):
            file.discard()


class SpoolFile:
    """A file being received.

    Writing raises Unavailable (507) if the disk is full, or if check_disk(), called every CHECKED_BYTES, raises it. It
    raises BadInput as soon as the first bytes show that the file is not a photo. Of a film, these are the bytes up to
    its description, if this lies within FILM_BYTES: a 360 film is called one. arrived(bytes) is called for every piece.
    """

    def __init__(
        self,
        folder: Path,
        check_disk: Callable[[], None] = lambda: None,
        arrived: Callable[[int], None] | None = None,
    ) -> None:
        self._check_disk = check_disk
        self._arrived = arrived
        self._unchecked = 0
        try:
            self._handle, name = tempfile.mkstemp(dir=folder, prefix="upload.")
        except OSError as error:
            raise full() from error
        self.path = Path(name)
        self._head = b""
        self._size = 0
        self._film: film.Search | None = None
        self._no_photo: BadInput | None = None

    def write(self, data: bytes) -> int:
        if len(self._head) < FIRST_BYTES:
            self._head += data[: FIRST_BYTES - len(self._head)]
            if len(self._head) == FIRST_BYTES:
                self._refuse_by_head()
        try:
            off_loop(self._write, data)
        except OSError as error:
            raise full() from error
        if self._arrived:
            self._arrived(len(data))
        return len(data)

    def _write(self, data: bytes) -> None:
        self._unchecked += len(data)
        if self._unchecked >= CHECKED_BYTES:
            self._check_disk()
            self._unchecked = 0
        _write_all(self._handle, data)
        self._size += len(data)
        if self._film and self._no_photo:
            spherical = self._film.look(self._read_at, self._size, FILM_BYTES)
            if spherical is not None:
                raise film_360() if spherical else self._no_photo

    def _refuse_by_head(self) -> None:
        try:
            refuse(self._head)
        except BadInput as error:
            if not film.has_boxes(self._head):
                raise
            self._film, self._no_photo = film.Search(), error

    def _read_at(self, offset: int, count: int) -> bytes:
        return os.pread(self._handle, count, offset)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return os.lseek(self._handle, offset, whence)

    def read(self, size: int = -1) -> bytes:
        return os.read(self._handle, size if size >= 0 else os.fstat(self._handle).st_size)

    def close(self) -> None:
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def discard(self) -> None:
        self.close()
        self.path.unlink(missing_ok=True)


def _write_all(handle: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]

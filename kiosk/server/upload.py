"""Uploads go from the socket to the spool folder piece by piece: never whole in memory, never beyond the limit."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import IO, Any

from flask import Request

from kiosk.errors import Unavailable
from kiosk.pictures.container import FIRST_BYTES, refuse
from kiosk.server.offloop import off_loop

# What a form may carry besides the photo, and what any other request may carry at all.
FORM_BYTES = 64 * 1024


class SpoolingRequest(Request):
    """A request whose uploaded files are written to `spool`, by threads, and gone when it ends.

    spool and upload_bytes are set by the application on the subclass it makes.
    """

    spool: Path
    upload_bytes: int

    @property
    def max_content_length(self) -> int:  # type: ignore[override]
        """Bytes of body that are read at all; beyond it parsing the form raises 413."""
        uploading = self.method == "POST" and self.path == "/api/photos"
        return (self.upload_bytes if uploading else 0) + FORM_BYTES

    def _get_file_stream(self, *_: Any, **__: Any) -> IO[bytes]:
        file = SpoolFile(self.spool)
        self.environ.setdefault("kiosk.spooled", []).append(file)
        return file  # type: ignore[return-value]

    def discard_spooled(self) -> None:
        """Remove what was spooled; nothing refers to it after the answer."""
        for file in self.environ.pop("kiosk.spooled", ()):
            file.discard()


class SpoolFile:
    """A file being received. Writing raises Unavailable (507) where the disk is full, and BadInput as soon as the first
    bytes say that it is no photo: a film of many megabytes need not arrive first."""

    def __init__(self, folder: Path) -> None:
        try:
            self._handle, name = tempfile.mkstemp(dir=folder, prefix="upload.")
        except OSError as error:
            raise disk_full() from error
        self.path = Path(name)
        self._head = b""

    def write(self, data: bytes) -> int:
        if len(self._head) < FIRST_BYTES:
            self._head += data[: FIRST_BYTES - len(self._head)]
            if len(self._head) == FIRST_BYTES:
                refuse(self._head)
        try:
            off_loop(_write_all, self._handle, data)
        except OSError as error:
            raise disk_full() from error
        return len(data)

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


def disk_full() -> Unavailable:
    return Unavailable(
        "The kiosk's storage is full, so it cannot take the photo. Please tell the staff.", "disk_full", 507
    )


def _write_all(handle: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]

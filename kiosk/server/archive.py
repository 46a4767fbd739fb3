"""All finished photos as one ZIP that stays whole while photos come and go.

The files are linked into a folder of the download's own before the first byte is sent. A photo that is deleted or
expires meanwhile is therefore still in the archive, whole, and one that had already begun to go is not in it at all.
The links go when the download ends; what a dead server leaves is swept from the spool folder at the next start.

Entries are stored, so the length is known, and the same photos give the same bytes: a download that broke off can be
resumed as long as nothing changed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from zipstream import ZIP_STORED, ZipStream

from kiosk.errors import Unavailable
from kiosk.library.library import Library


class Archive:
    """The ready photos of `library` as they are now, with their originals. To be closed.

    `size`: bytes of the whole ZIP. `etag`: the same for the same bytes. Raises Unavailable where files cannot be
    linked.
    """

    def __init__(self, library: Library) -> None:
        self._folder = Path(tempfile.mkdtemp(dir=library.data.spool, prefix="archive."))
        try:
            stream = ZipStream(compress_type=ZIP_STORED, sized=True)  # JPEGs do not get smaller
            digest = hashlib.sha256()
            for path in self._link(library):
                stream.add_path(str(path), path.name)
                stat = path.stat()
                digest.update(f"{path.name}\0{stat.st_size}\0{stat.st_mtime_ns}\n".encode())
        except BaseException:
            self.close()
            raise
        self._stream = stream
        self.size = len(stream)
        self.etag = digest.hexdigest()[:32]

    def _link(self, library: Library) -> Iterator[Path]:
        for token, created, number in library.ready():
            stem = f"{time.strftime('%Y-%m-%d_%H%M%S', time.localtime(created))}_{number}"
            files = library.files(token)
            sources = (files.original, files.dream, files.upscaled)
            links = [self._folder / f"{stem}_{source.name}" for source in sources]
            try:
                for source, link in zip(sources, links, strict=True):
                    os.link(source, link)
            except FileNotFoundError:
                for link in links:
                    link.unlink(missing_ok=True)
                continue
            except OSError as error:
                raise Unavailable(
                    f"The photos cannot be packed: {error.strerror}. Copy the folder 'photos' of the data folder.",
                    "no_links",
                ) from error
            yield from links

    def chunks(self, start: int, end: int) -> Iterator[bytes]:
        """The bytes from `start` up to `end`, in pieces; to be read once, by one thread at a time."""
        position = 0
        for piece in self._stream:
            part = piece[max(0, start - position) : end - position]
            position += len(piece)
            if part:
                yield part
            if position >= end:
                return

    def close(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

"""All finished photos as one ZIP that stays valid if photos are deleted during the download.

A ZIP's directory comes last, so it is written from what was actually sent. All files of a photo are opened together
just before it is sent, so it is complete in the archive even if it is deleted meanwhile. A photo that is already gone
leaves a gap of zeros of the expected length and does not appear in the directory, so the total length is known from the
start.

Entries are stored uncompressed, and their names, times and checksums depend only on the files. The same photos give the
same bytes, so an interrupted download can be resumed as long as nothing changed. Layout: PKWARE's APPNOTE 6.3, with
64-bit records only where they are needed.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import struct
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from flask import Response, request

from kiosk.errors import BadInput
from kiosk.library.library import Library
from kiosk.people.exporting import INDEX, pictures, stem
from kiosk.server.http.offloop import off_loop

CHUNK_BYTES = 256 * 1024
_LOCAL, _DIRECTORY, _END = struct.Struct("<I5H3I2H"), struct.Struct("<I6H3I5H2I"), struct.Struct("<I4H2IH")
_END_64, _END_64_AT = struct.Struct("<IQ2H2I4Q"), struct.Struct("<2IQI")
_LARGE, _MANY = 0xFFFFFFFF, 0xFFFF
"""Placeholders for numbers that are in a 64-bit record instead."""
FAR = _LARGE
"""The offset in bytes from which the archive uses 64-bit records."""
_VERSION, _VERSION_64 = 20, 45


@dataclass(frozen=True)
class _Entry:
    """One file: its name in the archive, path, size in bytes, modification time in nanoseconds, DOS date and time."""

    name: bytes
    path: Path
    size: int
    modified: int
    day: int
    minute: int

    @property
    def length(self) -> int:
        return _LOCAL.size + len(self.name) + self.size

    def local_header(self, checksum: int) -> bytes:
        facts = (_VERSION, 0, 0, self.minute, self.day, checksum, self.size, self.size, len(self.name), 0)
        return _LOCAL.pack(0x04034B50, *facts) + self.name

    def directory_header(self, checksum: int, offset: int) -> bytes:
        far = struct.pack("<2HQ", 1, 8, offset) if offset >= FAR else b""
        version = _VERSION_64 if far else _VERSION
        facts = (version, version, 0, 0, self.minute, self.day, checksum, self.size, self.size, len(self.name))
        return _DIRECTORY.pack(0x02014B50, *facts, len(far), 0, 0, 0, 0, _LARGE if far else offset) + self.name + far

    def checksum(self) -> int:
        """CRC-32 of the file; OSError if it is gone or has changed."""
        return _checksum(self.path, self.size, self.modified)


@dataclass(frozen=True)
class _Photo:
    """The entries of one photo, and the offset where they start in the archive."""

    entries: tuple[_Entry, ...]
    start: int

    @property
    def stop(self) -> int:
        return self.start + sum(entry.length for entry in self.entries)

    def directory(self) -> bytes:
        """Its part of the directory; empty if the photo is gone."""
        headers, offset = [], self.start
        for entry in self.entries:
            try:
                headers.append(entry.directory_header(entry.checksum(), offset))
            except OSError:
                return b""
            offset += entry.length
        return b"".join(headers)

    def pieces(self) -> Iterator[bytes]:
        """Its bytes, after an empty first piece. OSError before that piece if the photo is gone."""
        with contextlib.ExitStack() as stack:
            sums = [entry.checksum() for entry in self.entries]
            files = [stack.enter_context(_open(entry.path, entry.size, entry.modified)) for entry in self.entries]
            yield b""
            for entry, checksum, file in zip(self.entries, sums, files, strict=True):
                yield entry.local_header(checksum)
                left = entry.size
                while left:
                    piece = os.read(file, min(left, CHUNK_BYTES))
                    if not piece:
                        raise OSError(f"{entry.path} became shorter")
                    left -= len(piece)
                    yield piece

    def gap(self) -> Iterator[bytes]:
        left = self.stop - self.start
        while left:
            yield bytes(min(left, CHUNK_BYTES))
            left -= min(left, CHUNK_BYTES)


class Archive:
    """A snapshot of ready photos of `library`: original, dream, enlarged dream, and the flat one. wanted: (token,
    creation in seconds since 1970, number) of each; None = all, newest first. page: an HTML file that is their
    index.html.

    size: bytes of the whole ZIP. etag: equal for equal bytes. Photos with a missing file, or a file of 4 GB or more,
    are left out.
    """

    def __init__(
        self, library: Library, wanted: list[tuple[str, float, int]] | None = None, page: Path | None = None
    ) -> None:
        photos, at, digest = [], 0, hashlib.sha256()
        if page is not None:
            photos.append(_Photo((replace(_entry("", page), name=INDEX.encode()),), at))
            at = photos[-1].stop
            digest.update(page.read_bytes())
        for token, created, number in library.ready() if wanted is None else wanted:
            files = library.files(token)
            name = stem(created, number)
            try:
                entries = tuple(_entry(name, path) for path in pictures(files))
            except OSError:
                continue
            if max(entry.size for entry in entries) >= _LARGE:
                continue
            photos.append(_Photo(entries, at))
            at = photos[-1].stop
            for entry in entries:
                digest.update(repr((entry.name, entry.size, entry.modified, entry.day, entry.minute)).encode())
        self._photos = tuple(photos)
        self._directory_at = at
        directory = sum(
            len(entry.directory_header(0, 0)) + (12 if offset >= FAR else 0)
            for photo in photos
            for entry, offset in _placed(photo)
        )
        entries_in_all = sum(len(photo.entries) for photo in photos)
        self._is_large = at + directory >= FAR or entries_in_all >= _MANY
        self.size = at + directory + _END.size + (_END_64.size + _END_64_AT.size if self._is_large else 0)
        self.etag = digest.hexdigest()[:32]

    def chunks(self, start: int, end: int) -> Iterator[bytes]:
        """Yield the bytes from `start` up to `end` in pieces, for one thread at a time. Raises OSError if a file cannot
        be read to its end, which aborts the download."""
        sent: dict[_Photo, bool] = {}
        for photo in self._photos:
            if photo.start >= end:
                return
            if photo.stop > start:
                pieces = photo.pieces()
                try:
                    next(pieces)
                    sent[photo] = True
                except OSError:
                    pieces, sent[photo] = photo.gap(), False
                with contextlib.closing(pieces):
                    yield from _part(pieces, photo.start, start, end)
        if end > self._directory_at:
            parts = [photo.directory() if sent.get(photo, True) else b"" for photo in self._photos]
            yield from _part(iter([self._tail(parts)]), self._directory_at, start, end)

    def _tail(self, parts: list[bytes]) -> bytes:
        """The directory, preceded by zeros to its expected length, and the end records of the ZIP."""
        directory = b"".join(parts)
        count = sum(len(photo.entries) for photo, part in zip(self._photos, parts, strict=True) if part)
        ends = _END.size + (_END_64.size + _END_64_AT.size if self._is_large else 0)
        at = self.size - ends - len(directory)
        large = b""
        if self._is_large:
            facts = (_END_64.size - 12, _VERSION_64, _VERSION_64, 0, 0, count, count, len(directory), at)
            large = _END_64.pack(0x06064B50, *facts) + _END_64_AT.pack(0x07064B50, 0, at + len(directory), 1)
        few, length, where = (_MANY, _LARGE, _LARGE) if self._is_large else (count, len(directory), at)
        end = _END.pack(0x06054B50, 0, 0, few, few, length, where, 0)
        return bytes(at - self._directory_at) + directory + large + end


def _entry(stem: str, path: Path) -> _Entry:
    facts = path.stat()
    year, month, day, hour, minute, second, *_ = time.localtime(facts.st_mtime)
    return _Entry(
        f"{stem}_{path.name}".encode("ascii"),
        path,
        facts.st_size,
        facts.st_mtime_ns,
        (min(max(year - 1980, 0), 127) << 9) | (month << 5) | day,
        (hour << 11) | (minute << 5) | (second // 2),
    )


def _placed(photo: _Photo) -> Iterator[tuple[_Entry, int]]:
    offset = photo.start
    for entry in photo.entries:
        yield entry, offset
        offset += entry.length


def _part(pieces: Iterator[bytes], position: int, start: int, end: int) -> Iterator[bytes]:
    """The part of `pieces`, which begin at `position`, that lies from `start` up to `end`."""
    for piece in pieces:
        part = piece[max(0, start - position) : max(0, end - position)]
        position += len(piece)
        if part:
            yield part
        if position >= end:
            return


@contextlib.contextmanager
def _open(path: Path, size: int, modified: int) -> Iterator[int]:
    """Open the file and yield its descriptor; OSError if it is gone or has changed."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        facts = os.fstat(handle)
        if (facts.st_size, facts.st_mtime_ns) != (size, modified):
            raise OSError(f"{path} has changed")
        yield handle
    finally:
        os.close(handle)


# A resumed download needs the checksums of the parts it already has; the cache avoids recomputing them. The key
# includes size and time. A cached checksum does not prove that the file still exists, so `pieces` opens it as well.
@lru_cache(maxsize=1 << 15)
def _checksum(path: Path, size: int, modified: int) -> int:
    with _open(path, size, modified) as handle:
        checksum = 0
        while piece := os.read(handle, CHUNK_BYTES):
            checksum = zlib.crc32(piece, checksum)
    return checksum


def archive_response(archive: Archive, on_sent: Callable[[], None] = lambda: None) -> Response:
    """The response to the current request: the archive, or the part of it that the request wants. on_sent: called in a
    thread once its end was sent."""
    start, end = _wanted_part(archive)

    def chunks() -> Iterator[bytes]:
        parts = archive.chunks(start, end)
        while (part := off_loop(next, parts, None)) is not None:
            yield part
        if end == archive.size:
            off_loop(on_sent)

    response = Response(chunks(), mimetype="application/zip")
    response.content_length = end - start
    response.set_etag(archive.etag)
    response.accept_ranges = "bytes"
    if (start, end) != (0, archive.size):
        response.status_code = 206
        response.headers["Content-Range"] = f"bytes {start}-{end - 1}/{archive.size}"
    response.headers["Content-Disposition"] = 'attachment; filename="dreams.zip"'
    response.cache_control.no_store = True
    return response


def _wanted_part(archive: Archive) -> tuple[int, int]:
    """(start, end) of the requested bytes: the whole archive, unless the request has a range for this very archive."""
    wanted, condition = request.range, request.if_range
    other = (condition.etag or condition.date) and condition.etag != archive.etag
    if wanted is None or wanted.units != "bytes" or len(wanted.ranges) != 1 or other:
        return 0, archive.size
    part = wanted.range_for_length(archive.size)
    if part is None:
        raise BadInput("The archive has no such range.", "bad_range", 416)
    return part

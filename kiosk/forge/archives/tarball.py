"""Read the few members that are needed of an untrusted .tgz, in memory: nothing is unpacked to the disk.

The archive's size and sha256 are checked first, so only the one file that the catalog names is ever opened. All other
limits hold regardless.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
import zlib
from collections.abc import Iterable
from pathlib import Path

from kiosk.errors import BadInput
from kiosk.recipes.catalog import Archive

MOST_UNPACKED = 128 * 2**20
"""Bytes that may come out of the archive, other members and headers included."""
MOST_OF_A_MEMBER = 16 * 2**20
MOST_MEMBERS = 10_000


class _Bounded(io.RawIOBase):
    """The unpacked archive, of which at most MOST_UNPACKED bytes can be read."""

    def __init__(self, packed: bytes) -> None:
        self._file = gzip.GzipFile(fileobj=io.BytesIO(packed))
        self._left = MOST_UNPACKED

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(min(size, self._left + 1) if size >= 0 else self._left + 1)
        self._left -= len(data)
        if self._left < 0:
            raise BadInput(f"the archive unpacks to more than {MOST_UNPACKED // 2**20} MB", "bad_archive")
        return data


def read_members(path: Path, archive: Archive) -> dict[str, bytes]:
    """The archive's manifest and parts, name -> bytes. Raises BadInput if the file is not the pinned archive, or if one
    of them is missing, too large, there twice, or not a regular file."""
    packed = _packed(path, archive)
    wanted = {archive.manifest, *archive.parts}
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=_Bounded(packed), mode="r|") as tar:
            for name, member in _members(tar):
                if name in wanted:
                    if name in found:
                        raise _bad(path, f"has {name} twice")
                    found[name] = _content(path, tar, member)
    except (tarfile.TarError, zlib.error, EOFError, OSError, ValueError, OverflowError) as error:
        raise _bad(path, f"is damaged ({error})") from error
    if absent := sorted(wanted - found.keys()):
        raise _bad(path, f"has no {absent[0]}")
    return found


def _packed(path: Path, archive: Archive) -> bytes:
    """The file, if it is the pinned archive."""
    try:
        with path.open("rb") as file:
            packed = file.read(archive.size + 1)
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror}", "no_file") from error
    digest = hashlib.sha256(packed).hexdigest()
    if len(packed) < archive.size:
        raise _bad(path, f"has {len(packed)} bytes, and {archive.file} has {archive.size}: fetch it again")
    if digest != archive.sha256:
        raise _bad(path, f"is not {archive.file} (sha256 {digest[:12]}…, wanted {archive.sha256[:12]}…)")
    return packed


def _members(tar: tarfile.TarFile) -> Iterable[tuple[str, tarfile.TarInfo]]:
    for number, member in enumerate(tar):
        if number >= MOST_MEMBERS:
            raise tarfile.TarError(f"more than {MOST_MEMBERS} members")
        # A stream's members are kept in a list that nobody needs.
        tar.members = []  # type: ignore[attr-defined]
        yield member.name, member


def _content(path: Path, tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    if not member.isreg() or member.issparse():
        raise _bad(path, f"has a {member.name} that is not a plain file")
    if member.size > MOST_OF_A_MEMBER:
        raise _bad(path, f"has a {member.name} of {member.size} bytes, more than {MOST_OF_A_MEMBER}")
    file = tar.extractfile(member)
    data = file.read() if file else b""
    if len(data) != member.size:
        raise EOFError(f"{member.name} is cut off")
    return data


def _bad(path: Path, reason: str) -> BadInput:
    return BadInput(f"{path} {reason}", "bad_archive")

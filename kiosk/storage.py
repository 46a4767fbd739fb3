"""The data folder, and writes that are never seen half done.

Power is cut on booths without notice. A file that matters is written under a temporary name in the same folder,
flushed to the disk, renamed over its final name, and the folder's entry flushed too: after a cut there is the old file
or the new one, never a torn one.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from kiosk.errors import BadInput, Unavailable

TEMPORARY_SUFFIX = ".part"


def default_data_folder() -> Path:
    """The folder used when neither `--data` nor `DREAMKIOSK_DATA` says otherwise ($XDG_DATA_HOME/dreamkiosk)."""
    base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base) / "dreamkiosk"


@dataclass(frozen=True)
class DataFolder:
    """Where everything that outlives a restart is kept, and the runtime folder for what need not."""

    root: Path

    @property
    def settings(self) -> Path:
        return self.root / "settings.toml"

    @property
    def database(self) -> Path:
        return self.root / "library.sqlite"

    @property
    def photos(self) -> Path:
        return self.root / "photos"

    @property
    def graphs(self) -> Path:
        return self.root / "graphs"

    @property
    def speeds(self) -> Path:
        """How fast this machine was measured to be."""
        return self.root / "speed.json"

    @property
    def spool(self) -> Path:
        """Uploads being received; anything here after a start is debris."""
        return self.root / "spool"

    @property
    def identity(self) -> Path:
        """A secret by which a running kiosk proves that this folder is its own."""
        return self.root / "identity"

    @property
    def certificates(self) -> Path:
        return self.root / "certificates"

    @property
    def runtime(self) -> Path:
        """Heartbeats and preview frames: in memory ($DREAMKIOSK_RUNTIME, systemd's RUNTIME_DIRECTORY, or /dev/shm),
        so that a card is not worn by them; in the data folder where there is no such place."""
        if named := os.environ.get("DREAMKIOSK_RUNTIME"):
            return Path(named)
        if given := os.environ.get("RUNTIME_DIRECTORY"):
            # Some versions of systemd make it a link to a private place; the link is theirs, so it is followed.
            return Path(given.partition(":")[0]).resolve()
        shared = Path("/dev/shm")  # noqa: S108 (a folder of ours inside it, 0700)
        if shared.is_dir() and os.access(shared, os.W_OK):
            # Two kiosks with different data must not meet here: the name is derived from the root, whole.
            key = hashlib.sha256(os.fsencode(self.root.resolve())).hexdigest()[:24]
            return shared / f"dreamkiosk-{os.getuid()}-{key}"
        return self.root / "runtime"

    def prepare(self) -> DataFolder:
        """Make the folders (0700). Raises Unavailable where that is not possible."""
        self.prepare_lasting()
        own_folder(self.runtime)
        return self

    def prepare_lasting(self) -> None:
        """Make those that outlive a restart alone, as who looks after a kiosk of another user does."""
        try:
            for folder in (self.root, self.photos, self.graphs, self.spool):
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise Unavailable(
                f"cannot make the data folder {self.root}: {error.strerror}; choose another with --data", "data_folder"
            ) from error


def own_folder(path: Path) -> None:
    """Make the folder `path` (0700) where it is missing; it lies where others may write too, such as /dev/shm.

    Raises Unavailable where it cannot be made, or somebody else could have put something into it: it is another user's,
    others may write in it, or it is a symbolic link. The mode of a folder that was there is not touched.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            path.mkdir(mode=0o700)
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            facts = os.fstat(handle)
        finally:
            os.close(handle)
    except OSError as error:
        reason = "it is a symbolic link" if path.is_symlink() else (error.strerror or str(error)).lower()
        raise _not_ours(path, reason) from error
    if facts.st_uid != os.geteuid():
        raise _not_ours(path, f"it belongs to user {facts.st_uid}")
    if facts.st_mode & 0o022:
        raise _not_ours(path, f"others may write in it (mode {facts.st_mode & 0o7777:o})")


def _not_ours(path: Path, reason: str) -> Unavailable:
    return Unavailable(
        f"cannot use {path} as the runtime folder: {reason}; remove it, or name another with DREAMKIOSK_RUNTIME",
        "runtime_folder",
    )


@contextlib.contextmanager
def atomic_file(path: Path, mode: str = "wb", permissions: int = 0o644) -> Iterator[IO]:
    """Open a temporary file beside `path`; on leaving without an exception it becomes `path`, durably.

    On any exception the temporary file is removed and `path` is as it was. A full disk raises Unavailable.
    """
    path = Path(path)
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=TEMPORARY_SUFFIX)
    except OSError as error:
        raise _cannot_write(path, error) from error
    temporary = Path(name)
    try:
        with os.fdopen(handle, mode) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(permissions)
        temporary.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise _cannot_write(path, error) from error
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def check_target(path: Path, source: Path | None = None) -> None:
    """Raise BadInput unless a file can be written at `path`, which is not `source`: asked before a long computation."""
    folder = path.absolute().parent
    if source and source.exists() and path.exists() and path.samefile(source):
        raise BadInput(f"{path} is the photo itself; name another file", "same_file")
    if path.is_dir():
        raise BadInput(f"{path} is a folder; name a file", "folder")
    if not folder.is_dir():
        raise BadInput(f"{path}: there is no folder {folder}", "no_folder")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise BadInput(f"{path}: you may not write into the folder {folder}", "not_writable")


def write_atomic(path: Path, data: bytes | str, permissions: int = 0o644) -> None:
    """Replace the contents of `path` with `data` (text as UTF-8), atomically and durably."""
    with atomic_file(path, permissions=permissions) as file:
        file.write(data.encode() if isinstance(data, str) else data)


def sync_folder(folder: Path) -> None:
    """Flush a folder's entries: a rename in it is on the disk when this returns."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def free_bytes(folder: Path) -> int:
    """Bytes that this user may still write on the file system of `folder`."""
    return shutil.disk_usage(folder).free


def _cannot_write(path: Path, error: OSError) -> Unavailable:
    return Unavailable(f"cannot write {path}: {error.strerror or error}", "cannot_write", status=507)

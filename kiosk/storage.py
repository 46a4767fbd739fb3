"""The data folder, and atomic, durable writes.

Booths lose power without notice. A file that matters is written under a temporary name in the same folder, flushed to
the disk and renamed over its final name, and then the folder is flushed too. After a power cut there is either the old
file or the new one, never a partial one.
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
from kiosk.names import RUNTIME

TEMPORARY_SUFFIX = ".part"
CANNOT_WRITE = "cannot_write"
"""Code of the error that says which file could not be written."""


def default_data_folder() -> Path:
    """The data folder unless `--data` or `DREAMKIOSK_DATA` names another: $XDG_DATA_HOME/dreamkiosk."""
    base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base) / "dreamkiosk"


@dataclass(frozen=True)
class DataFolder:
    """The paths of everything that must survive a restart, and the runtime folder for what need not."""

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
        """The measured speeds of this machine."""
        return self.root / "speed.json"

    @property
    def spool(self) -> Path:
        """Uploads in progress. Anything found here at startup is debris."""
        return self.root / "spool"

    @property
    def identity(self) -> Path:
        """The secret by which a running kiosk proves that it serves this folder."""
        return self.root / "identity"

    @property
    def certificates(self) -> Path:
        return self.root / "certificates"

    @property
    def runtime(self) -> Path:
        """The runtime folder: heartbeats, previews, camera requests, notices, worker locks. Lost at a reboot.

        It is in memory to spare the SD card: $DREAMKIOSK_RUNTIME, else systemd's RUNTIME_DIRECTORY, else a folder in
        /dev/shm. If none of these exists, it is `runtime` in the data folder.
        """
        if named := os.environ.get(RUNTIME):
            return Path(named)
        if given := os.environ.get("RUNTIME_DIRECTORY"):
            # Some versions of systemd make it a symbolic link; it is trusted, so it is followed.
            return Path(given.partition(":")[0]).resolve()
        shared = Path("/dev/shm")  # noqa: S108 (a folder of ours inside it, 0700)
        if shared.is_dir() and os.access(shared, os.W_OK):
            # Kiosks with different data must not share a folder, so the name is derived from the full path of the root.
            key = hashlib.sha256(os.fsencode(self.root.resolve())).hexdigest()[:24]
            return shared / f"dreamkiosk-{os.getuid()}-{key}"
        return self.root / "runtime"

    def prepare(self) -> DataFolder:
        """Create all folders (mode 0700). Raises Unavailable if that fails."""
        self.prepare_lasting()
        own_folder(self.runtime)
        return self

    def prepare_lasting(self) -> None:
        """Create only the persistent folders, not the runtime folder. For commands that inspect a kiosk run by another
        user. Raises Unavailable."""
        try:
            for folder in (self.root, self.photos, self.graphs, self.spool):
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise Unavailable(
                f"cannot make the data folder {self.root}: {error.strerror}; choose another with --data", "data_folder"
            ) from error


def own_folder(path: Path) -> None:
    """Create the folder `path` (mode 0700) if it is missing, in a place that others can write to, such as /dev/shm.

    Raises Unavailable if it cannot be created, or if others could have tampered with it: it belongs to another user,
    others may write to it, or it is a symbolic link. The mode of an existing folder is left alone.
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
        raise _not_ours(path, f"others may write to it (mode {facts.st_mode & 0o7777:o})")


def _not_ours(path: Path, reason: str) -> Unavailable:
    return Unavailable(
        f"cannot use {path} as the runtime folder: {reason}; remove it, or name another with DREAMKIOSK_RUNTIME",
        "runtime_folder",
    )


@contextlib.contextmanager
def atomic_file(path: Path, mode: str = "wb", permissions: int = 0o644) -> Iterator[IO]:
    """Open a temporary file that replaces `path`, atomically and durably, when the block ends normally.

    On an exception the temporary file is removed and `path` is unchanged. Raises Unavailable (507) if the disk is full
    or the folder cannot be written.
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
    """Raise BadInput unless `path` can be written and is not `source`. Call it before a long computation."""
    folder = path.absolute().parent
    if source and source.exists() and path.exists() and path.samefile(source):
        raise BadInput(f"{path} is the photo itself; name another file", "same_file")
    if path.is_dir():
        raise BadInput(f"{path} is a folder; name a file", "folder")
    if not folder.is_dir():
        raise BadInput(f"{path}: there is no folder {folder}", "no_folder")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise BadInput(f"{path}: no permission to write to the folder {folder}", "not_writable")


def write_atomic(path: Path, data: bytes | str, permissions: int = 0o644) -> None:
    """Replace the contents of `path` with `data` (text as UTF-8), atomically and durably."""
    with atomic_file(path, permissions=permissions) as file:
        file.write(data.encode() if isinstance(data, str) else data)


def sync_folder(folder: Path) -> None:
    """Flush a folder's entries, so that a rename in it is on the disk when this returns."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def free_bytes(folder: Path) -> int:
    """Bytes this user can still write to the file system of `folder`."""
    return shutil.disk_usage(folder).free


def _cannot_write(path: Path, error: OSError) -> Unavailable:
    return Unavailable(f"cannot write {path}: {error.strerror or error}", CANNOT_WRITE, status=507)

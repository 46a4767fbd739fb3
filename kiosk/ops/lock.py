"""A lock that allows one running kiosk per data folder."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from kiosk.errors import BadInput


class DataLock:
    """Locks `folder` for this process until `release`, or until the process ends for any reason."""

    def __init__(self, folder: Path) -> None:
        """Raises BadInput if another kiosk holds the lock."""
        self._path = folder / "kiosk.lock"
        self._handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(self._handle, 32).decode(errors="replace").strip() or "unknown"
            os.close(self._handle)
            raise BadInput(
                f"a kiosk is already running on {folder} (process {holder}); stop it, or choose another folder with "
                "--data",
                "already_running",
            ) from error
        os.ftruncate(self._handle, 0)
        os.write(self._handle, f"{os.getpid()}\n".encode())

    def release(self) -> None:
        os.close(self._handle)

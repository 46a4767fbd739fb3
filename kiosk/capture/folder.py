"""The watched folder: any camera, cable or card reader that can put a file there is a source.

A file is taken once it has stopped growing. A file without its end marker gets more time, because copies over Wi-Fi and
from slow cards stall for seconds. Taken files move to `taken/`; files that are not photos move to `refused/`, with a
text file that says why. So no file is taken twice, even after a power cut.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from watchfiles import watch

from kiosk.capture.source import PermanentFault, Shot, Source, TemporaryFault
from kiosk.storage import write_atomic

SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".mpo", ".insp", ".png", ".webp", ".tif", ".tiff", ".heic", ".heif", ".avif", ".bmp", ".gif"}
)
_ENDS = {b"\xff\xd8": b"\xff\xd9", b"\x89P": b"IEND"}
"""First bytes of a JPEG and a PNG -> their end marker."""
_TAIL = 1 << 16


class FolderSource(Source):
    """Photos that appear in `folder`. A file is complete after `settle` seconds without growth; a JPEG or PNG without
    its end marker is taken as it is after `stalled` seconds."""

    name = "folder"

    def __init__(self, folder: Path | None, settle: float = 1.0, stalled: float = 20.0) -> None:
        if folder is None:
            raise PermanentFault("no folder is named; set capture.folder in the settings", "no_folder")
        self.folder = Path(folder)
        self._settle = settle
        self._stalled = stalled
        self._sizes: dict[Path, tuple[tuple[int, int], float]] = {}

    def open(self) -> None:
        if not self.folder.is_dir():
            raise TemporaryFault(f"the folder {self.folder} is missing; insert the card, or create it", "no_folder")
        for part in ("taken", "refused"):
            try:
                (self.folder / part).mkdir(exist_ok=True)
            except OSError as error:
                raise TemporaryFault(
                    f"cannot write to {self.folder} ({error.strerror}); allow the kiosk to move files there",
                    "no_folder",
                ) from error

    def close(self) -> None:
        self._sizes.clear()

    def capture(self, alive: Callable[[], None] = lambda: None, patience: float = 0.0) -> Shot | None:
        deadline = time.monotonic() + patience
        # inotify reports nothing on network mounts and on some cards, so the folder is scanned on every tick; an event
        # only shortens the wait.
        tick = max(20, min(250, int(self._settle * 250)))
        changes = watch(
            self.folder,
            recursive=False,
            debounce=20,
            step=10,
            rust_timeout=tick,
            yield_on_timeout=True,
            raise_interrupt=True,
            ignore_permission_denied=True,
        )
        try:
            for _ in changes:
                alive()
                path = self._complete()
                if path is not None:
                    return Shot(file=path, name=path.name)
                if time.monotonic() >= deadline:
                    break
        except FileNotFoundError as error:
            raise TemporaryFault(f"the folder {self.folder} disappeared", "no_folder") from error
        return None

    def accepted(self, shot: Shot) -> None:
        self._move(shot.name, "taken")

    def refused(self, shot: Shot, sentence: str) -> None:
        target = self._move(shot.name, "refused")
        if target is not None:
            write_atomic(target.with_name(target.name + ".txt"), sentence + "\n")

    def _complete(self) -> Path | None:
        """The oldest complete file, or None."""
        now = time.monotonic()
        seen: dict[Path, tuple[tuple[int, int], float]] = {}
        ready: list[tuple[int, Path]] = []
        for path, stat in self._files():
            state = (stat.st_size, stat.st_mtime_ns)
            before = self._sizes.get(path)
            since = before[1] if before is not None and before[0] == state else now
            seen[path] = (state, since)
            still = now - since
            if still >= self._stalled or (still >= self._settle and _has_its_end(path)):
                ready.append((stat.st_mtime_ns, path))
        self._sizes = seen
        return min(ready)[1] if ready else None

    def _files(self) -> Iterator[tuple[Path, os.stat_result]]:
        try:
            with os.scandir(self.folder) as entries:
                for entry in entries:
                    path = Path(entry.path)
                    if entry.name.startswith(".") or path.suffix.lower() not in SUFFIXES:
                        continue
                    with contextlib.suppress(FileNotFoundError):
                        if entry.is_file(follow_symlinks=False):
                            yield path, entry.stat(follow_symlinks=False)
        except OSError as error:
            raise TemporaryFault(f"the folder {self.folder} disappeared ({error.strerror})", "no_folder") from error

    def _move(self, name: str, part: str) -> Path | None:
        source = self.folder / name
        target = self.folder / part / name
        number = 1
        while target.exists():
            number += 1
            target = target.with_name(f"{source.stem}-{number}{source.suffix}")
        self._sizes.pop(source, None)
        try:
            source.rename(target)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise TemporaryFault(f"cannot move {source} away ({error.strerror})", "no_folder") from error
        return target


def _has_its_end(path: Path) -> bool:
    """Whether a JPEG or PNG has its end marker; True for other files. Cameras may append data after it."""
    try:
        with path.open("rb") as file:
            mark = _ENDS.get(file.read(2))
            if mark is None:
                return True
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL))
            return mark in file.read()
    except OSError:
        return True

"""The paths of a photo's files. No other module builds these paths.

photos/<token>/
    original.jpg        upright, without private tags
    thumb.webp          a small picture for lists: the photo on its sphere, later the dream
    sphere.jpg          the original placed on the sphere; only if phones cannot show the original as it is. First a
                        small one, replaced when the dream begins
    dream.jpg           the dream at its own size
    upscaled.jpg        strict 2:1 with GPano, the file a guest takes home
    flat.jpg            the dream as the picture that the original was; only if that is not a sphere
    levels/1024.jpg     the level the viewer loads first; larger ones beside it
    levels/8192/{col}_{row}.jpg
    work/7/             checkpoints of lease 7; removed when the photo is ready
    work/7/made/        finished pictures of lease 7, until they are all moved into place at once
runtime/previews/<token>/<n>.jpg    the growing dream, n = 0, 1, ...: in memory, not on the SD card
"""

from __future__ import annotations

import re
import shutil
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from pathlib import Path

from kiosk.storage import DataFolder, sync_folder

# 16 random bytes, urlsafe base64 without padding.
TOKEN = re.compile(r"[A-Za-z0-9_-]{22}")
# Every name that may be fetched below a photo's URL; anything else is a 404.
_PUBLIC = re.compile(
    r"(original|sphere|dream|upscaled|flat)\.jpg|thumb\.webp|levels/\d{1,5}\.jpg|levels/\d{1,5}/\d{1,3}_\d{1,3}\.jpg"
    r"|previews/\d{1,4}\.jpg"
)


MADE = "made"
"""Name of the folder of a lease's finished pictures, below its checkpoints."""


class PictureNames(ABC):
    """The paths of a photo's pictures, below `folder`."""

    @property
    @abstractmethod
    def folder(self) -> Path:
        """The folder of the pictures."""

    @property
    def sphere(self) -> Path:
        return self.folder / "sphere.jpg"

    @property
    def thumb(self) -> Path:
        return self.folder / "thumb.webp"

    @property
    def dream(self) -> Path:
        return self.folder / "dream.jpg"

    @property
    def upscaled(self) -> Path:
        return self.folder / "upscaled.jpg"

    @property
    def flat(self) -> Path:
        return self.folder / "flat.jpg"

    @property
    def levels(self) -> Path:
        return self.folder / "levels"

    def level(self, width: int) -> Path:
        """The file of an untiled level, `width` pixels wide."""
        return self.levels / f"{width}.jpg"

    def tile(self, width: int, column: int, row: int) -> Path:
        """The file of one tile of the level `width` pixels wide. Column 0 is the left edge, row 0 the zenith."""
        return self.levels / str(width) / f"{column}_{row}.jpg"


@dataclass(frozen=True)
class PictureFolder(PictureNames):
    """A photo's pictures in an arbitrary folder; created if missing."""

    path: Path

    def __post_init__(self) -> None:
        self.path.mkdir(parents=True, exist_ok=True)

    @property
    def folder(self) -> Path:
        return self.path


@dataclass(frozen=True)
class PhotoFiles(PictureNames):
    """The paths of one photo. Constructing it does not touch the disk. Raises ValueError for a malformed token, so no
    path can escape the photo's folder."""

    data: DataFolder
    token: str
    lease: int | None = None
    """The fence of the lease these paths belong to: its pictures stay in its own folder until they are moved. None for
    the published pictures."""

    def __post_init__(self) -> None:
        if not TOKEN.fullmatch(self.token):
            raise ValueError(f"not a photo token: {self.token!r}")

    @property
    def home(self) -> Path:
        return self.data.photos / self.token

    @property
    def folder(self) -> Path:
        """The folder of the pictures: the photo's own, or the lease's."""
        return self.home if self.lease is None else self.work / MADE

    @property
    def original(self) -> Path:
        return self.home / "original.jpg"

    @property
    def work(self) -> Path:
        """The folder of the checkpoints: those of all leases, or of this one. Safe to remove while the job is not
        leased."""
        return self.home / "work" if self.lease is None else self.home / "work" / str(self.lease)

    @property
    def previews(self) -> Path:
        return self.data.runtime / "previews" / self.token

    def preview(self, number: int) -> Path:
        return self.previews / f"{number}.jpg"

    def public(self, name: str) -> Path | None:
        """The file behind /photos/<token>/<name>; None for a name that is never served."""
        if not _PUBLIC.fullmatch(name):
            return None
        if name.startswith("previews/"):
            return self.data.runtime / "previews" / self.token / name.removeprefix("previews/")
        return self.home / name

    def under(self, lease: int) -> PhotoFiles:
        """The paths of the lease with this fence."""
        return replace(self, lease=lease)

    def take_over(self, lease: int) -> None:
        """Create the folders of `lease`, moving over the previous lease's checkpoints.

        A worker that still runs under the previous lease can no longer write: its folder is gone. Does nothing if the
        photo itself is gone.
        """
        if not self.home.is_dir():
            return
        self.work.mkdir(exist_ok=True)
        earlier = {int(path.name): path for path in self.work.iterdir() if path.name.isdigit()}
        mine = self.under(lease)
        newest = earlier.pop(max(earlier)) if earlier else None
        for path in earlier.values():
            shutil.rmtree(path, ignore_errors=True)
        if newest is not None and newest != mine.work:
            newest.rename(mine.work)
        shutil.rmtree(mine.folder, ignore_errors=True)  # left over from the previous lease
        mine.folder.mkdir(parents=True, exist_ok=True)

    def move_in(self) -> None:
        """Move the lease's finished pictures to their public paths, durably, replacing existing files."""
        if self.lease is None or not self.folder.is_dir():
            return
        changed = {self.home}
        # A folder (levels, and the tiles in it) is merged into an existing one; a file replaces the existing one.
        for path in sorted(self.folder.rglob("*")):
            target = self.home / path.relative_to(self.folder)
            if path.is_dir():
                target.mkdir(exist_ok=True)
            else:
                path.replace(target)
                changed.add(target.parent)
        for folder in changed:
            sync_folder(folder)

    def size(self) -> int:
        """Bytes the photo takes on disk, not counting previews."""
        return folder_size(self.home)

    def remove(self) -> None:
        """Remove every file of the photo. None of them can be opened by name once this has begun.

        The folder is renamed first, so a power cut halfway leaves debris for the sweep, never half a photo. Does
        nothing if the photo is already gone.
        """
        shutil.rmtree(self.previews, ignore_errors=True)
        doomed = self.data.photos / f".{self.token}.gone"
        try:
            self.home.rename(doomed)
        except FileNotFoundError:
            return
        except OSError:
            # An earlier removal was interrupted after the rename.
            shutil.rmtree(doomed, ignore_errors=True)
            self.home.rename(doomed)
        sync_folder(self.data.photos)
        shutil.rmtree(doomed, ignore_errors=True)


def folder_size(folder: Path) -> int:
    """Total bytes of the files below `folder`; 0 if it does not exist. Files that vanish meanwhile do not count."""
    total = 0
    for path in folder.rglob("*"):
        try:
            if path.is_file():
                total += path.stat().st_size
        except FileNotFoundError:
            continue
    return total

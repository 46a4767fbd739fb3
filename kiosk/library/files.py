"""Where a photo's files are. Nobody else puts these paths together.

photos/<token>/
    original.jpg        upright, without private tags
    sphere.jpg          the original placed on the sphere, where it is not one that phones can show as it is
    dream.jpg           the dream at its own size
    upscaled.jpg        strict 2:1 with GPano, what a guest takes home
    levels/1024.jpg     what the viewer loads first, and larger ones
    levels/8192/{col}_{row}.jpg
    work/7/             the checkpoints under the seventh lease; gone when the photo is ready
    work/7/made/        its finished pictures, until they take their places above, all at once
runtime/previews/<token>/<n>.jpg    the dream while it grows, n = 0, 1, ...: in memory, not on the card
"""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from kiosk.storage import DataFolder, sync_folder

# 16 random bytes, urlsafe base64 without padding.
TOKEN = re.compile(r"[A-Za-z0-9_-]{22}")
# Every name that may be fetched below a photo's URL; anything else does not exist.
_PUBLIC = re.compile(
    r"original\.jpg|sphere\.jpg|dream\.jpg|upscaled\.jpg|levels/\d{1,5}\.jpg|levels/\d{1,5}/\d{1,3}_\d{1,3}\.jpg"
    r"|previews/\d{1,4}\.jpg"
)


class PictureNames:
    """The pictures of a photo, below `folder`."""

    @property
    def folder(self) -> Path:
        raise NotImplementedError

    @property
    def sphere(self) -> Path:
        return self.folder / "sphere.jpg"

    @property
    def dream(self) -> Path:
        return self.folder / "dream.jpg"

    @property
    def upscaled(self) -> Path:
        return self.folder / "upscaled.jpg"

    @property
    def levels(self) -> Path:
        return self.folder / "levels"

    def level(self, width: int) -> Path:
        """A whole level, `width` pixels wide."""
        return self.levels / f"{width}.jpg"

    def tile(self, width: int, column: int, row: int) -> Path:
        """One tile of the level `width` pixels wide; column 0 is at the left, row 0 at the zenith."""
        return self.levels / str(width) / f"{column}_{row}.jpg"


@dataclass(frozen=True)
class PictureFolder(PictureNames):
    """The pictures of a photo in a folder of any name, which is made where it is missing."""

    path: Path

    def __post_init__(self) -> None:
        self.path.mkdir(parents=True, exist_ok=True)

    @property
    def folder(self) -> Path:
        return self.path


@dataclass(frozen=True)
class PhotoFiles(PictureNames):
    """The paths of one photo; making one touches no disk. Raises ValueError for a token that could leave its folder."""

    data: DataFolder
    token: str
    lease: int | None = None
    """The fence of the lease that these are the paths of: pictures in its own folder, until they are moved."""

    def __post_init__(self) -> None:
        if not TOKEN.fullmatch(self.token):
            raise ValueError(f"not a photo token: {self.token!r}")

    @property
    def home(self) -> Path:
        return self.data.photos / self.token

    @property
    def folder(self) -> Path:
        """Where the pictures are: the photo's folder, or of a lease its own."""
        return self.home if self.lease is None else self.home / "work" / str(self.lease) / "made"

    @property
    def original(self) -> Path:
        return self.home / "original.jpg"

    @property
    def work(self) -> Path:
        """Checkpoints: of all leases, or of this one. May be removed whenever the job is not leased."""
        return self.home / "work" if self.lease is None else self.home / "work" / str(self.lease)

    @property
    def previews(self) -> Path:
        return self.data.runtime / "previews" / self.token

    def preview(self, number: int) -> Path:
        return self.previews / f"{number}.jpg"

    def public(self, name: str) -> Path | None:
        """The file behind /photos/<token>/<name>, or None where no such name is ever served."""
        if not _PUBLIC.fullmatch(name):
            return None
        if name.startswith("previews/"):
            return self.data.runtime / "previews" / self.token / name.removeprefix("previews/")
        return self.home / name

    def under(self, lease: int) -> PhotoFiles:
        """The paths of a lease, by its fence."""
        return replace(self, lease=lease)

    def take_over(self, lease: int) -> None:
        """Make the lease's folders, with the checkpoints of the lease before. Whoever still works under that one can
        write nowhere from then on: its folder is gone. Nothing is made where the photo itself is gone."""
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
        shutil.rmtree(mine.folder, ignore_errors=True)  # left by the lease before
        mine.folder.mkdir(parents=True, exist_ok=True)

    def move_in(self) -> None:
        """Move the lease's finished pictures to where guests find them, replacing what was there, durably."""
        if self.lease is None or not self.folder.is_dir():
            return
        changed = {self.home}
        # A folder (levels, and tiles in it) joins the one that is there; a file takes the place of the one before.
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
        """Bytes that the photo takes on the disk, previews not counted."""
        return folder_size(self.home)

    def remove(self) -> None:
        """Remove every file of the photo; nothing of it can be opened by name once this has begun.

        The folder leaves its place by one rename first: a power cut half way leaves debris for the sweep, never half
        a photo. Removing what is not there is fine.
        """
        shutil.rmtree(self.previews, ignore_errors=True)
        doomed = self.data.photos / f".{self.token}.gone"
        try:
            self.home.rename(doomed)
        except FileNotFoundError:
            return
        except OSError:
            # An earlier removal was interrupted after its rename.
            shutil.rmtree(doomed, ignore_errors=True)
            self.home.rename(doomed)
        sync_folder(self.data.photos)
        shutil.rmtree(doomed, ignore_errors=True)


def folder_size(folder: Path) -> int:
    """Bytes of all files below `folder`; 0 where there is none. Files that vanish meanwhile do not count."""
    total = 0
    for path in folder.rglob("*"):
        try:
            if path.is_file():
                total += path.stat().st_size
        except FileNotFoundError:
            continue
    return total

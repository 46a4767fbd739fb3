"""What the library says about a photo, its pictures and its job: plain frozen records."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

State = Literal["received", "waiting", "dreaming", "upscaling", "publishing", "ready", "failed", "expired", "deleted"]
STATES: tuple[State, ...] = (
    "received", "waiting", "dreaming", "upscaling", "publishing", "ready", "failed", "expired", "deleted",
)  # fmt: skip
QUEUED: tuple[State, ...] = ("received", "waiting")
WORKING: tuple[State, ...] = ("dreaming", "upscaling", "publishing")
GONE: tuple[State, ...] = ("expired", "deleted")

OWN: tuple[str, ...] = ("camera", "folder")
"""Sources of the kiosk itself: it takes its photos before everybody's eyes. All others are guests' own affair."""

ImageKind = Literal["original", "sphere", "dream", "upscaled", "level", "preview"]


@dataclass(frozen=True)
class Photo:
    """One photo. Times are seconds since 1970, sizes pixels of the upright original."""

    id: int
    token: str
    state: State
    style: str | None
    source: str
    width: int
    height: int
    gpano: dict[str, Any] | None
    bytes: int
    created: float
    expires: float | None
    changed: float
    error_code: str | None = None
    error: str | None = None
    stereo: str | None = None
    """"top-bottom" where the original holds two eyes; looked for in the picture when the work begins."""
    shown: bool = False
    """Whether others may see it: in listings, on the big screen."""
    owner_key: str | None = field(default=None, repr=False)
    """In clear only in the Photo that `intake.accept` returns; the library keeps a hash."""

    @property
    def is_sphere(self) -> bool:
        """Whether the original can be stood in as it is: a whole mono sphere, or two eyes one over the other."""
        if self.stereo:
            return True
        gpano = self.gpano or {}
        part = gpano.get("projection") == "equirectangular" and (
            gpano["cropped_width"] < gpano["full_width"] or gpano["cropped_height"] < gpano["full_height"]
        )
        return self.width == 2 * self.height and not part


@dataclass(frozen=True)
class Image:
    """A picture of a photo that exists and may be fetched as /photos/TOKEN/`name`; sizes are pixels.

    A tiled level's files are `tile` + 2 x `overlap` square: `overlap` pixels of the neighbours on each side.
    """

    kind: ImageKind
    name: str
    width: int
    height: int
    tile: int | None = None
    overlap: int = 0


@dataclass(frozen=True)
class Status:
    """A photo as its guest sees it.

    progress: 0..1 of the whole way to ready. eta_seconds: to ready, None where nothing was measured yet.
    position: in the queue, 1 = next, 0 = being worked on, None = nothing left to do.
    """

    photo: Photo
    progress: float
    eta_seconds: float | None
    position: int | None
    images: tuple[Image, ...] = ()


@dataclass(frozen=True)
class Job:
    """A leased job: the worker's to finish, until the lease runs out.

    fence: this lease's number; a later lease has a larger one, and makes this one void. leases: how many there were,
    this one included; leases_since_progress: since the job last got further than ever before. recipe: what intake was
    given, every parameter of dream and upscale that was fixed then. waited: seconds that have really passed since the
    photo came.
    """

    id: int
    photo_id: int
    token: str
    style: str | None
    recipe: dict[str, Any]
    fence: int
    leases: int
    leases_since_progress: int
    worker: str
    width: int
    height: int
    gpano: dict[str, Any] | None
    waited: float

"""Frozen records of a photo, its pictures and its job."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from kiosk.sphere.place import Kind

State = Literal["received", "waiting", "dreaming", "upscaling", "publishing", "ready", "failed", "expired", "deleted"]
STATES: tuple[State, ...] = (
    "received", "waiting", "dreaming", "upscaling", "publishing", "ready", "failed", "expired", "deleted",
)  # fmt: skip
QUEUED: tuple[State, ...] = ("received", "waiting")
WORKING: tuple[State, ...] = ("dreaming", "upscaling", "publishing")
GONE: tuple[State, ...] = ("expired", "deleted")

OWN: tuple[str, ...] = ("camera", "folder")
"""The kiosk's own sources. Their photos are taken in public, so anyone may see them; a guest's photo is private unless
the guest agrees."""

INTAKE_PAUSED = "intake_paused"
"""The flag that is set while the operator takes no photos."""

ImageKind = Literal["original", "sphere", "dream", "upscaled", "flat", "level", "preview", "thumb"]


@dataclass(frozen=True)
class Photo:
    """One photo. Times are in seconds since 1970, sizes in pixels of the upright original."""

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
    """"top-bottom" if the original is a stereo pair. Detected in the picture when work on it begins."""
    shown: bool = False
    """Whether its guest agreed that others may see it, or the kiosk's own camera took it. See `people.showing`."""
    owner_key: str | None = field(default=None, repr=False)
    """Set only in the Photo that `intake.accept` returns; the library stores a hash."""
    place: dict[str, Any] | None = None
    """The fields of its sphere.place.Place; None if nobody has decided it."""
    approved: bool = True
    """False while it waits for the operator."""
    hidden: bool = False
    """Whether the operator hid it."""
    held: str | None = None
    """Why the kiosk itself holds it back: "nudity", or "unseen", until it was looked at; None if it does not."""
    checked: int = 0
    """What was looked at for that, bits of `kiosk.library.looking.verdict`."""
    binned: float | None = None
    """When the operator put it into the bin, in seconds on the kiosk's own clock; None if it is not there."""
    event: int | None = None

    @property
    def is_gone(self) -> bool:
        """Whether it is gone for everybody but the operator."""
        return self.state in GONE or self.binned is not None

    @property
    def kind(self) -> Kind | None:
        """What it is: "sphere", "stereo", "part", "band", "view"; None if nobody has decided it."""
        return self.place["kind"] if self.place else None

    @property
    def is_sphere(self) -> bool:
        """Whether the viewer can show the original as it is: a complete, level mono sphere, or a top-bottom stereo
        pair."""
        if self.stereo:
            return True
        if self.place:
            return self.kind == "sphere" and not (self.place["pose_pitch"] or self.place["pose_roll"])
        gpano = self.gpano or {}
        part = gpano.get("projection") == "equirectangular" and (
            gpano["cropped_width"] < gpano["full_width"] or gpano["cropped_height"] < gpano["full_height"]
        )
        return self.width == 2 * self.height and not part


@dataclass(frozen=True)
class Image:
    """A picture of a photo, fetched as /photos/TOKEN/`name`. Sizes are in pixels.

    A tile of a tiled level is a square of `tile` + 2 x `overlap` pixels: `overlap` pixels of its neighbors on each
    side. version: counted by the library, from 1; it grows whenever a picture replaces another of its name.
    """

    kind: ImageKind
    name: str
    width: int
    height: int
    tile: int | None = None
    overlap: int = 0
    version: int = 1


@dataclass(frozen=True)
class Status:
    """A photo as its guest sees it.

    progress: 0..1 of the whole job. eta_seconds: seconds until ready, None until something was measured.
    position: in the queue; 1 = next, 0 = in progress, None = not in the queue.
    """

    photo: Photo
    progress: float
    eta_seconds: float | None
    position: int | None
    images: tuple[Image, ...] = ()


@dataclass(frozen=True)
class Job:
    """A leased job. It belongs to the worker until the lease runs out.

    fence: the lease's fencing number; a later lease has a larger one and voids this one. leases: number of leases so
    far, including this one. leases_since_progress: the same, counted since the job's last progress. recipe: the
    parameters of dream and upscale that were fixed at intake. waited: seconds since the photo arrived, unaffected by
    clock jumps.
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

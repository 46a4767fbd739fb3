"""The JSON that goes over the wire: what the views build and what /openapi.json describes, from one source."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from kiosk.library.records import State


class Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ErrorBody(Shape):
    """Every error: a word for programs, a sentence for people."""

    error: str = Field(pattern=r"^[a-z0-9_]+$", description="what went wrong, a word for programs")
    message: str = Field(min_length=1, description="what went wrong and what to do, a sentence for people")


class LevelBody(Shape):
    """One size of the finished dream."""

    width: int
    height: int
    url: str = Field(description="the picture; for a tiled level a template with {col} and {row}, from 0")
    tile: int | None = Field(description="edge of a tile in pixels; null where the level is one picture")
    overlap: int = Field(ge=0, description="pixels of its neighbours that a tile's file has on each side of the tile")


class ImagesBody(Shape):
    """The pictures there are; addresses are relative to the server's root."""

    original: str | None = Field(
        description="the photo as a sphere, 2:1, or as `stereo` says; null until what is none was placed on one"
    )
    brought: str = Field(description="the photo as it was brought, upright and flat")
    dream: str | None
    upscaled: str | None
    levels: list[str] = Field(description="the finished dream as whole pictures, smallest first")
    pyramid: list[LevelBody] = Field(description="all its sizes, tiled ones too, smallest first, for viewers")
    previews: list[str] = Field(description="the growing dream, oldest first")


class ErrorSentence(Shape):
    """Why a photo failed."""

    code: str
    message: str


class StatusBody(Shape):
    """A photo as its guest sees it."""

    token: str
    state: State
    progress: float = Field(ge=0, le=1)
    eta_seconds: float | None = Field(ge=0, description="until ready; null where nothing was measured yet")
    position: int | None = Field(ge=0, description="in the queue: 1 = next, 0 = being worked on, null = nothing to do")
    style: str | None
    title: str | None = Field(description="the style's title")
    width: int = Field(description="of images.original, pixels; of what was brought, where that is null")
    height: int
    stereo: Literal["top-bottom"] | None = Field(description="two eyes in images.original, one over the other")
    created: float = Field(description="seconds since 1970")
    expires: float | None
    error: ErrorSentence | None
    images: ImagesBody


class PhotosBody(Shape):
    """Photos that others may see, newest first."""

    photos: list[StatusBody]


class QueueBody(Shape):
    """A photo that is not ready yet, as the big screen sees it. Only what the kiosk's own camera took is anybody's to
    see: token and images of others are null."""

    state: State
    progress: float = Field(ge=0, le=1)
    eta_seconds: float | None = Field(ge=0)
    position: int | None = Field(ge=0)
    token: str | None
    images: ImagesBody | None


class TroubleBody(Shape):
    """Why the kiosk is out of service."""

    code: str = Field(
        description="database, worker_missing, worker_silent, disk_full, camera or paused: a word for programs"
    )
    message: str = Field(description="what guests have to expect, a sentence; the operator's are in /healthz")


class LatestBody(Shape):
    """What the big screen shows: the newest ready photos, the queue in its order, and what is wrong."""

    photos: list[StatusBody]
    queue: list[QueueBody]
    out_of_service: TroubleBody | None


class GazePost(Shape):
    """Where somebody in a room looks. Angles are radians: yaw to the right of the picture's middle, pitch upwards."""

    id: str = Field(
        pattern=r"^[A-Za-z0-9_-]{16,64}$", description="made up by the page at every load; others never see it"
    )
    yaw: float = Field(ge=-100, le=100, allow_inf_nan=False)
    pitch: float = Field(ge=-1.6, le=1.6, allow_inf_nan=False)
    lead: bool | None = Field(None, description="true asks for the lead, false gives it back")
    go: str | None = Field(
        None, pattern=r"^[A-Za-z0-9_-]{22}$", description="the leader goes to this photo; its room is told"
    )
    leave: bool = Field(False, description="this page is closing")


class SeenBody(Shape):
    """The answer to a gaze."""

    me: str = Field(description="what this page is called in `gazes` and `leader`")
    leader: str | None
    wait: float = Field(description="seconds until the next gaze may come; longer in a crowd")


class RoomBody(Shape):
    """Data of the event `room`: who looks where, at one photo, just now."""

    token: str = Field(description="the photo; another one when the leader goes there")
    n: int = Field(description="how many are here")
    gazes: list[tuple[str, float, float]] = Field(description="[who, yaw, pitch] of each, radians")
    leader: str | None


class CreatedBody(Shape):
    """A photo was taken in. The owner key is given here and never again."""

    id: int
    token: str
    owner_key: str
    state: State
    viewer_url: str
    status_url: str


class StyleBody(Shape):
    """A dream to choose."""

    name: str
    title: str
    line: str
    thumbnail: str | None = Field(description="a small picture of it")


class WifiBody(Shape):
    """The network to join first."""

    ssid: str


class KioskBody(Shape):
    """The kiosk itself, for the pages."""

    name: str
    version: str
    guest_url: str
    secure_url: str | None
    wifi: WifiBody | None
    styles: list[StyleBody]
    style: str = Field(description="the style when a guest chooses none")
    upload_mb: int
    out_of_service: TroubleBody | None
    can_capture: bool = Field(description="whether there is a camera that takes a photo when asked")


class HealthBody(Shape):
    """Whether the box does its job."""

    status: Literal["ok", "unwell"]
    problems: list[str] = Field(description="a sentence each, with what to do; empty when ok")
    notices: list[str] = Field(description="what the operator should know though the box does its job; often empty")
    version: str
    database: bool
    worker_age_seconds: float | None = Field(description="since the worker last got on; null where none has started")
    disk_free_bytes: int
    queue: int = Field(description="photos not yet ready")
    proof: str | None = Field(
        default=None,
        description="the answer to `challenge`, by which this machine's own `doctor` knows the kiosk; else null",
    )


class RequestedBody(Shape):
    """The camera was asked for a photo."""

    requested: Literal[True] = True
    id: str = Field(description="of this request, for /api/capture/ID")


class CaptureBody(Shape):
    """What became of a request to the camera: asked, as long as the camera has it; taken; or failed."""

    state: Literal["asked", "taken", "failed"]
    token: str | None = Field(description="the photo that was taken for this request; null once it is gone")
    error: ErrorSentence | None

"""The JSON bodies of the API: built by the views and described in /openapi.json from the same models."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from kiosk.library.records import State
from kiosk.settings import Language
from kiosk.sphere.place import Kind


class Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ErrorBody(Shape):
    """The body of every error."""

    error: str = Field(pattern=r"^[a-z0-9_]+$", description="error code for programs")
    message: str = Field(min_length=1, description="sentence for people: what went wrong and what to do")


class LevelBody(Shape):
    """One size of the finished dream."""

    width: int
    height: int
    url: str = Field(description="the picture; for a tiled level a template with {col} and {row}, counted from 0")
    tile: int | None = Field(description="edge of a tile in pixels; null if the level is a single picture")
    overlap: int = Field(ge=0, description="pixels of its neighbors that a tile's file has on each side")


class ImagesBody(Shape):
    """URLs of the photo's pictures, relative to the server's root."""

    original: str | None = Field(
        description="the photo as a 2:1 sphere, or as `stereo` says; null until a photo that is not a sphere has been "
        "placed on one. A finer one that replaces it has another URL"
    )
    brought: str = Field(description="the uploaded photo, upright, before any projection")
    dream: str | None
    upscaled: str | None
    flat: str | None = Field(
        description="the dream as the picture that the photo was, with its field of view; null if that is a sphere"
    )
    levels: list[str] = Field(description="the finished dream in its untiled sizes, smallest first")
    pyramid: list[LevelBody] = Field(description="all sizes of the finished dream, tiled ones too, smallest first")
    previews: list[str] = Field(description="previews of the growing dream, oldest first")
    thumb: str | None = Field(description="a small WebP picture for lists, 384 x 192 pixels and at most 25 kB")


class ErrorSentence(Shape):
    """Why a photo failed."""

    code: str
    message: str


class StatusBody(Shape):
    """A photo as its guest sees it."""

    token: str
    number: int = Field(description="the photo's number, as its guest and the big screen show it")
    state: State
    progress: float = Field(ge=0, le=1)
    eta_seconds: float | None = Field(ge=0, description="seconds until ready; null until something was measured")
    position: int | None = Field(ge=0, description="in the queue: 1 = next, 0 = in progress, null = not in the queue")
    style: str | None = Field(description="the style's name; `word-291-985` is a dream of these ImageNet classes")
    title: str | None = Field(description="the style's title, or what is dreamed of, such as `lion + daisy`")
    width: int = Field(description="pixels of images.original, or of images.brought while that is null")
    height: int
    stereo: Literal["top-bottom"] | None = Field(description="layout of the two eyes in images.original; null = mono")
    kind: Kind | None = Field(
        description="what the photo is: a whole `sphere`, a `stereo` pair of them, a `part` of one, a panorama that is "
        "a `band` around the horizon, or an ordinary `view`; null if that has not been decided"
    )
    created: float = Field(description="seconds since 1970")
    expires: float | None
    show: bool = Field(description="whether its guest wants others to see it")
    held: Literal["waiting", "held"] | None = Field(
        description="why others do not see it although its guest wants that: it is waiting to be looked at, by the "
        "operator or the kiosk, or held back; null otherwise"
    )
    error: ErrorSentence | None
    images: ImagesBody


class PhotosBody(Shape):
    """Photos that others may see, newest first."""

    photos: list[StatusBody]
    next: int | None = Field(description="`before` of the next page; null on the last one")


class QueueBody(Shape):
    """A photo that is not ready yet, as the big screen sees it. Only photos of the kiosk's own camera have a token and
    images; for all others these are null."""

    state: State
    progress: float = Field(ge=0, le=1)
    eta_seconds: float | None = Field(ge=0)
    position: int | None = Field(ge=0)
    token: str | None
    images: ImagesBody | None


class TroubleBody(Shape):
    """Why the kiosk is out of service."""

    code: str = Field(
        description="code for programs: database, worker_missing, worker_silent, disk_full, camera or paused"
    )
    message: str = Field(description="sentence for guests; the operator's sentences are in /healthz")


class LatestBody(Shape):
    """What the big screen shows: the newest ready photos, the queue in order, and any fault."""

    photos: list[StatusBody]
    queue: list[QueueBody]
    out_of_service: TroubleBody | None


class GazePost(Shape):
    """Where a viewer in a room is looking. Angles in radians: yaw to the right of the picture's center, pitch up."""

    id: str = Field(
        pattern=r"^[A-Za-z0-9_-]{16,64}$", description="random ID made by the page at every load; never shown to others"
    )
    yaw: float = Field(ge=-100, le=100, allow_inf_nan=False)
    pitch: float = Field(ge=-1.6, le=1.6, allow_inf_nan=False)
    lead: bool | None = Field(None, description="true requests the lead, false returns it")
    go: str | None = Field(
        None, pattern=r"^[A-Za-z0-9_-]{22}$", description="token of the photo the leader goes to; the room is told"
    )
    leave: bool = Field(False, description="this page is closing")


class SeenBody(Shape):
    """The response to a gaze."""

    me: str = Field(description="this page's name in `gazes` and `leader`")
    leader: str | None
    wait: float = Field(description="seconds to wait before the next gaze; longer in a crowd")


class RoomBody(Shape):
    """Data of the event `room`: who is looking where in one photo."""

    token: str = Field(description="the photo; a different one when the leader goes there")
    n: int = Field(description="number of viewers in the room")
    gazes: list[tuple[str, float, float]] = Field(description="[name, yaw, pitch] of each viewer, radians")
    leader: str | None


class CreatedBody(Shape):
    """An accepted photo. The owner key is returned only here."""

    id: int
    token: str
    owner_key: str
    state: State
    kind: Kind | None = Field(description="what the photo is, as in its status")
    viewer_url: str
    status_url: str


class StyleBody(Shape):
    """A style that guests can choose."""

    name: str
    title: str
    line: str
    thumbnail: str | None = Field(description="URL of a small example picture")


class WordBody(Shape):
    """A thing that can be dreamed of: an ImageNet class."""

    number: int = Field(ge=0, le=999)
    title: str
    thumbnail: str | None = Field(description="URL of a small example picture; null for classes that are not suggested")


class WordsBody(Shape):
    """The suggested things to dream of, in the order to show them."""

    words: list[WordBody]


class MeaningBody(Shape):
    """What a text means as `dream_of`."""

    style: str = Field(description="name of the style that the photo will have")
    title: str = Field(description="what will be dreamed of, such as `lion + daisy`")
    words: list[WordBody]


class WifiBody(Shape):
    """The Wi-Fi that guests join first."""

    ssid: str


class EventBody(Shape):
    """What guests see of the event; empty texts if the operator gave none."""

    name: str
    welcome: str
    accent: str = Field(description="a color such as `#7a5cff`, or empty")
    logo: str | None = Field(description="URL of a picture")


class KioskBody(Shape):
    """The kiosk itself, for the pages."""

    name: str
    version: str
    guest_url: str
    secure_url: str | None
    wifi: WifiBody | None
    styles: list[StyleBody]
    style: str = Field(description="the default style, used if a guest chooses none")
    upload_mb: int
    out_of_service: TroubleBody | None
    show: Literal["ask", "yes", "no"] = Field(
        description="whether others may see a guest's dream if the guest says nothing; `ask` means no, `no` never"
    )
    approve: bool = Field(description="whether dreams wait for the operator before others see them")
    event: EventBody
    languages: list[Language]
    can_capture: bool = Field(description="whether the kiosk has a camera that takes photos on request")


class HealthBody(Shape):
    """The kiosk's health."""

    status: Literal["ok", "unwell"]
    problems: list[str] = Field(description="one sentence each, with what to do; empty if ok")
    notices: list[str] = Field(description="things the operator should know that are not problems; usually empty")
    version: str
    database: bool
    worker_age_seconds: float | None = Field(description="seconds since the worker's last progress; null before it")
    disk_free_bytes: int
    queue: int = Field(description="photos not yet ready")
    proof: str | None = Field(
        default=None,
        description="the response to `challenge`, by which `doctor` recognizes its own kiosk; otherwise null",
    )


class RequestedBody(Shape):
    """An accepted camera request."""

    requested: Literal[True] = True
    id: str = Field(description="the request's ID, for /api/capture/ID")


class CaptureBody(Shape):
    """The outcome of a camera request: asked while it is pending, then taken or failed."""

    state: Literal["asked", "taken", "failed"]
    token: str | None = Field(description="the photo taken for this request; null before that, and once it is gone")
    error: ErrorSentence | None

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


class ImagesBody(Shape):
    """The pictures there are; addresses are relative to the server's root."""

    original: str | None
    dream: str | None
    upscaled: str | None
    levels: list[LevelBody]
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
    width: int = Field(description="of the original, pixels")
    height: int
    created: float = Field(description="seconds since 1970")
    expires: float | None
    error: ErrorSentence | None
    images: ImagesBody


class PhotosBody(Shape):
    """Several photos, newest first."""

    photos: list[StatusBody]


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
    can_capture: bool = Field(description="whether there is a camera to ask")


class HealthBody(Shape):
    """Whether the box does its job."""

    status: Literal["ok", "unwell"]
    problems: list[str] = Field(description="a sentence each, with what to do; empty when ok")
    version: str
    database: bool
    worker_age_seconds: float | None = Field(description="since the worker last got on; null where none has started")
    disk_free_bytes: int
    queue: int = Field(description="photos not yet ready")


class RequestedBody(Shape):
    """The camera was asked for a photo."""

    requested: Literal[True] = True

"""A photo's status as JSON."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

from kiosk.errors import BadInput
from kiosk.library.looking.verdict import UNSEEN
from kiosk.library.records import Image, Photo, Status
from kiosk.pictures.layouts import TOP_BOTTOM
from kiosk.recipes.words import named_style
from kiosk.server.api.shapes import ErrorSentence, ImagesBody, LevelBody, StatusBody


@lru_cache(maxsize=1024)
def title_of(style: str) -> str | None:
    """The title of a style of the catalog or of words; None if there is no such style any more."""
    try:
        return named_style(style).title
    except BadInput:
        return None


def status_body(status: Status) -> StatusBody:
    """A photo's status as its guest sees it."""
    photo = status.photo
    base = f"/photos/{photo.token}/"
    whole = {image.kind: image for image in status.images if image.kind not in ("level", "preview")}
    original = whole.get("sphere") or (whole.get("original") if photo.is_sphere else None)
    shown = original or photo
    levels = [image for image in status.images if image.kind == "level"]
    previews = sorted((image for image in status.images if image.kind == "preview"), key=_number)
    return StatusBody(
        token=photo.token,
        number=photo.id,
        state=photo.state,
        progress=round(status.progress, 4),
        eta_seconds=None if status.eta_seconds is None else round(max(0.0, status.eta_seconds), 1),
        position=status.position,
        style=photo.style,
        title=title_of(photo.style) if photo.style else None,
        width=shown.width,
        height=shown.height,
        stereo=TOP_BOTTOM if photo.stereo else None,
        kind=photo.kind,
        created=photo.created,
        expires=photo.expires,
        show=photo.shown,
        held=held(photo),
        error=ErrorSentence(code=photo.error_code or "failed", message=photo.error) if photo.error else None,
        images=ImagesBody(
            original=base + _address(original) if original else None,
            brought=base + "original.jpg",
            dream=base + whole["dream"].name if "dream" in whole else None,
            upscaled=base + whole["upscaled"].name if "upscaled" in whole else None,
            flat=base + whole["flat"].name if "flat" in whole else None,
            levels=[base + image.name for image in levels if image.tile is None],
            pyramid=[
                LevelBody(
                    width=image.width,
                    height=image.height,
                    url=base + image.name,
                    tile=image.tile,
                    overlap=image.overlap,
                )
                for image in levels
            ],
            previews=[base + image.name for image in previews],
            thumb=base + _address(whole["thumb"]) if "thumb" in whole else None,
        ),
    )


def held(photo: Photo) -> Literal["waiting", "held"] | None:
    """Why others do not see a photo although its guest wants that."""
    if not photo.shown:
        return None
    if photo.hidden or photo.held not in (None, UNSEEN):
        return "held"
    return "waiting" if photo.held or not photo.approved else None


def _address(image: Image) -> str:
    """The name of a picture that may be replaced, other than that of the one before it: whoever has shown that one
    notices, and no cache mistakes them."""
    return image.name if image.version == 1 else f"{image.name}?v={image.version}"


def _number(image: Image) -> int:
    return int(image.name.removeprefix("previews/").removesuffix(".jpg"))

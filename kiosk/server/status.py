"""A photo's status as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from kiosk import catalog
from kiosk.library.records import Image, Status
from kiosk.server.shapes import ErrorSentence, ImagesBody, LevelBody, StatusBody


@lru_cache(maxsize=1)
def titles() -> Mapping[str, str]:
    """Style name -> title."""
    return {style.name: style.title for style in catalog.load().styles}


def status_body(status: Status) -> StatusBody:
    """What guests are told about a photo."""
    photo = status.photo
    base = f"/photos/{photo.token}/"
    whole = {
        image.kind: base + image.name for image in status.images if image.kind in ("original", "dream", "upscaled")
    }
    previews = sorted((image for image in status.images if image.kind == "preview"), key=_number)
    return StatusBody(
        token=photo.token,
        state=photo.state,
        progress=round(status.progress, 4),
        eta_seconds=None if status.eta_seconds is None else round(max(0.0, status.eta_seconds), 1),
        position=status.position,
        style=photo.style,
        title=titles().get(photo.style or ""),
        width=photo.width,
        height=photo.height,
        created=photo.created,
        expires=photo.expires,
        error=ErrorSentence(code=photo.error_code or "failed", message=photo.error) if photo.error else None,
        images=ImagesBody(
            original=whole.get("original"),
            dream=whole.get("dream"),
            upscaled=whole.get("upscaled"),
            levels=[
                LevelBody(width=image.width, height=image.height, url=base + image.name, tile=image.tile)
                for image in status.images
                if image.kind == "level"
            ],
            previews=[base + image.name for image in previews],
        ),
    )


def _number(image: Image) -> int:
    return int(image.name.removeprefix("previews/").removesuffix(".jpg"))

"""Write the pictures a guest gets: the dream, the upscaled sphere to take home, and the viewer's levels.

`heading`: compass direction of the sphere's center in degrees, None if unknown. It is written as GPano.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kiosk.library.files import PictureNames
from kiosk.library.looking.thumb import HEIGHT as THUMB_HEIGHT
from kiosk.library.looking.thumb import WIDTH as THUMB_WIDTH
from kiosk.library.looking.thumb import encode_thumb
from kiosk.library.records import Image
from kiosk.pictures.encode import write_picture
from kiosk.pictures.gpano import heading_property
from kiosk.pictures.sphere_jpeg import save_jpeg
from kiosk.pipeline.levels import write_eyes, write_levels
from kiosk.pipeline.sidecar import sidecar_property
from kiosk.storage import write_atomic

QUALITY = 92


def publish_original(files: PictureNames, sphere: np.ndarray, heading: float | None = None) -> Image:
    """Write the photo as placed on the sphere (uint8 [H, 2H, 3]). The viewer shows it until the dream is ready."""
    save_jpeg(files.sphere, sphere, QUALITY, extra_xmp=heading_property(heading))
    return Image("sphere", files.sphere.name, sphere.shape[1], sphere.shape[0])


def publish_dream(
    files: PictureNames,
    sphere: np.ndarray,
    style: str,
    recipe: dict[str, Any] | None = None,
    heading: float | None = None,
) -> Image:
    """Write the dream at its own size (uint8 [H, 2H, 3]) as a strict 2:1 JPEG with GPano and its recipe."""
    save_jpeg(files.dream, sphere, QUALITY, extra_xmp=_properties(style, recipe, heading))
    return Image("dream", files.dream.name, sphere.shape[1], sphere.shape[0])


def publish_sphere(
    files: PictureNames,
    sphere: np.ndarray,
    style: str,
    recipe: dict[str, Any] | None = None,
    right_eye: np.ndarray | None = None,
    heading: float | None = None,
) -> list[Image]:
    """Write the upscaled sphere (uint8 [H, 2H, 3]) with GPano and its recipe, and the levels, in stereo if there is a
    right eye. Returns the images for the library.

    Each file is complete or absent. Raises BadInput for a picture that is not exactly 2:1.
    """
    images = write_levels(files, sphere) if right_eye is None else write_eyes(files, sphere, right_eye)
    save_jpeg(files.upscaled, sphere, QUALITY, extra_xmp=_properties(style, recipe, heading))
    return [*images, Image("upscaled", files.upscaled.name, sphere.shape[1], sphere.shape[0])]


def publish_thumb(files: PictureNames, sphere: np.ndarray) -> Image:
    """Write the small picture for lists, of the dream (uint8 [H, 2H, 3])."""
    write_atomic(files.thumb, encode_thumb(sphere))
    return Image("thumb", files.thumb.name, THUMB_WIDTH, THUMB_HEIGHT)


def publish_flat(files: PictureNames, picture: np.ndarray, style: str, recipe: dict[str, Any] | None = None) -> Image:
    """Write the dream as the picture that the photo was (uint8 [h, w, 3]), a JPEG with its recipe."""
    properties = _properties(style, recipe, None)
    write_picture(files.flat, picture, sphere=False, quality=QUALITY, properties=properties)
    return Image("flat", files.flat.name, picture.shape[1], picture.shape[0])


def _properties(style: str, recipe: dict[str, Any] | None, heading: float | None) -> dict[str, str]:
    return {"Style": style, **(sidecar_property(recipe) if recipe else {}), **heading_property(heading)}


def is_blank(picture: np.ndarray) -> bool:
    """Whether a picture (uint8 [H, W, 3]) is one flat color, as a broken graph or driver produces."""
    sample = picture[:: max(1, picture.shape[0] // 256), :: max(1, picture.shape[1] // 512)]
    return int(sample.max()) - int(sample.min()) <= 2

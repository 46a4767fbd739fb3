"""What a picture file says about itself: its place on a sphere, its lens, and marks of cameras and phones."""

from __future__ import annotations

from dataclasses import dataclass

from kiosk.pictures.gpano import GPano


@dataclass(frozen=True)
class Tags:
    """The claims of one file, checked for plausible ranges but not against the picture; what is missing is None or
    empty.

    gpano: place on a sphere, and the pose of the camera. focal_mm: focal length, 35 mm equivalent, in mm: for 36 mm
    along the longer side, so the orientation does not matter. lens: "fisheye" if the maker says that the lens is one.
    panorama: who marked the picture as a stitched panorama, such as "Apple". degrees: field of view across that a
    panorama claims. fisheyes: the maker of a camera that stores two unstitched fisheye pictures. screenshot: whether a
    screen was captured, not a scene. found: the names of the tags that were used, for people (claims/names.py).
    """

    gpano: GPano | None = None
    focal_mm: float | None = None
    lens: str | None = None
    panorama: str | None = None
    degrees: float | None = None
    fisheyes: str | None = None
    screenshot: bool = False
    found: tuple[str, ...] = ()


NO_TAGS = Tags()

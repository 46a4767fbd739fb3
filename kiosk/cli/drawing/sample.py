"""The photo that sheets of styles and channels are drawn on: one of the operator's, or the virtual camera's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kiosk.errors import BadInput
from kiosk.pictures.encode import SUFFIXES
from kiosk.pictures.read import read_photo
from kiosk.pipeline.placing import place
from kiosk.souvenirs.contact_sheet import View, look

SPHERE_WIDTH = 2048
PHOTOS = (*SUFFIXES, ".heic", ".heif", ".avif", ".bmp", ".gif", ".mpo", ".insp")
"""What names of photos in a folder end in."""
MOST_PHOTOS = 12
"""More photos hardly change a calibration."""
AROUND = (-15.0, 165.0)
"""Yaws in degrees of the views of a sphere."""
# Shows pine, sun, arch and water, so that every style finds suitable shapes.
SCENE_VIEW = View(yaw=-15, pitch=4)


def sample_sphere(photo: Path | None) -> np.ndarray:
    """The `photo` on a sphere, or the virtual camera's courtyard: uint8 [1024, 2048, 3]. Raises BadInput if the file is
    not a picture."""
    if photo is not None:
        return place(*read_photo(photo), SPHERE_WIDTH).sphere
    from kiosk.scenery.camera import photograph
    from kiosk.scenery.scenes import DEFAULT_SCENE, DEFAULT_TIME, make_scene

    return photograph(make_scene(DEFAULT_SCENE, 7, DEFAULT_TIME), SPHERE_WIDTH)


def sample_photos(paths: Sequence[Path]) -> list[Path]:
    """The photos that `paths` name, which may be folders of them. Raises BadInput for a folder without any."""
    found: list[Path] = []
    for path in paths:
        inside = sorted(one for one in path.iterdir() if one.suffix.lower() in PHOTOS) if path.is_dir() else [path]
        if not inside:
            raise BadInput(f"{path} has no photos: none of its names ends in {', '.join(PHOTOS)}", "no_photos")
        found += inside
    return found


def sample_looks(photos: Sequence[Path], size: tuple[int, int]) -> list[np.ndarray]:
    """Views of `photos`, uint8 [height, width, 3] of this (width, height): two of each sphere, one of other photos;
    without any, of the virtual camera's scenes. Raises BadInput if a file is not a picture."""
    if photos:
        placed = [place(*read_photo(photo), SPHERE_WIDTH) for photo in photos[:MOST_PHOTOS]]
        spheres = [(one.sphere, one.covered is None) for one in placed]
    else:
        from kiosk.scenery.camera import photograph
        from kiosk.scenery.scenes import DEFAULT_TIME, SCENES, make_scene

        spheres = [(photograph(make_scene(name, 7, DEFAULT_TIME), SPHERE_WIDTH), True) for name in SCENES]
    return [look(sphere, size, View(yaw)) for sphere, whole in spheres for yaw in (AROUND if whole else (0.0,))]


def sample_view(photo: Path | None, yaw: float | None, pitch: float | None) -> View:
    """The view to draw: as given in degrees, else straight ahead, or where the courtyard shows the most shapes."""
    default = View() if photo else SCENE_VIEW
    return View(default.yaw if yaw is None else yaw, default.pitch if pitch is None else pitch, default.fov)

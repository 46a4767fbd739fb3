"""The photo that sheets of styles and channels are drawn on: one of the operator's, or the virtual camera's."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from kiosk.pictures.gpano import read_gpano
from kiosk.pictures.read import read_picture
from kiosk.souvenirs.contact_sheet import View
from kiosk.sphere.placement import place_on_sphere

SPHERE_WIDTH = 2048
# Shows pine, sun, arch and water, so that every style finds suitable shapes.
SCENE_VIEW = View(yaw=-15, pitch=4)


def sample_sphere(photo: Path | None) -> np.ndarray:
    """The `photo` on a sphere, or the virtual camera's courtyard: uint8 [1024, 2048, 3]. Raises BadInput if the file is
    not a picture."""
    if photo is not None:
        return place_on_sphere(read_picture(photo)[0], read_gpano(photo), SPHERE_WIDTH)[0]
    from kiosk.scenery.camera import photograph
    from kiosk.scenery.scenes import DEFAULT_SCENE, DEFAULT_TIME, make_scene

    return photograph(make_scene(DEFAULT_SCENE, 7, DEFAULT_TIME), SPHERE_WIDTH)


def sample_view(photo: Path | None, yaw: float | None, pitch: float | None) -> View:
    """The view to draw: as given in degrees, else straight ahead, or where the courtyard shows the most shapes."""
    default = View() if photo else SCENE_VIEW
    return View(default.yaw if yaw is None else yaw, default.pitch if pitch is None else pitch, default.fov)

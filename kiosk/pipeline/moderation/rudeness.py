"""Tell whether a photo or its dream is rude: a sphere in eight views, as somebody inside it sees them.

The network (`kiosk.nets.moderation`) was trained on ordinary photos, and what fills a view is small on the rectangle of
a whole sphere, and bent. What is narrower than some 20 degrees is small in a view too, and may be missed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np

from kiosk.forge.build import GraphSpec, ensure_graph
from kiosk.library.files import PhotoFiles
from kiosk.library.records import Photo
from kiosk.nets.moderation import SEEN, SIDE, Judge
from kiosk.pictures.read import read_reduced, read_tags
from kiosk.recipes.available import MODERATION
from kiosk.sphere.deciding import decide
from kiosk.sphere.place import Place
from kiosk.sphere.placement import put
from kiosk.sphere.view import rectilinear

VIEWS = (*((yaw, 0) for yaw in range(0, 360, 60)), (0, 90), (0, -90))
"""Yaw and pitch of the views, degrees. They show 99.6 % of the sphere; of what is 30 degrees wide and from 30 degrees
below the horizon to 15 above it, 99 % is in one of them but for a twentieth at most. Four around the horizon and four
others below it, or four above and four below, reach 89 % at best."""
WIDE = 90.0
"""What the network sees of a view, degrees across."""
FIELD = math.degrees(2 * math.atan(math.tan(math.radians(WIDE / 2)) * SIDE / SEEN))
"""Degrees across of what is rendered: the network sees the middle of it."""
WIDTH = 1024
"""Width in pixels of a sphere that has the views' detail."""
LONGEST = 2 * WIDTH
"""Pixels of the longer side of a photo that are enough for it."""

Judging = Callable[[np.ndarray], float]
"""How rude a picture is, uint8 [h, w, 3], 0..1."""


def open_judge(graphs: Path, threads: int = 0) -> Judge:
    """The judge, its graph built if missing. Raises BadInput if the network was not built from its archive, Unavailable
    if it is damaged."""
    return Judge(ensure_graph(graphs, GraphSpec(MODERATION, "fp32")), threads)


def rudest_view(sphere: np.ndarray, judge: Judging) -> float:
    """How rude the rudest view of a `sphere` is, uint8 [h, 2 h, 3]: 0..1."""
    if sphere.shape[1] > WIDTH:
        sphere = put(sphere, Place("sphere", "equirectangular", 360.0, 180.0), WIDTH)[0]
    return max(judge(rectilinear(sphere, SIDE, SIDE, yaw=yaw, pitch=pitch, fov=FIELD)) for yaw, pitch in VIEWS)


def rudeness_of_photo(photo: Photo, files: PhotoFiles, judge: Judging) -> float:
    """How rude a photo is, 0..1: the rudest of its views on the sphere, and an ordinary photo itself.

    Raises BadInput if its file can no longer be opened, OSError if it cannot be read.
    """
    original = read_reduced(files.original, LONGEST)
    place = Place(**photo.place) if photo.place else decide(original, read_tags(files.original))
    # The file of the placed photo also has the world around it.
    sphere = read_reduced(files.sphere, WIDTH) if files.sphere.exists() else put(original, place, WIDTH)[0]
    return max(rudest_view(sphere, judge), judge(original) if place.kind == "view" else 0.0)


def rudeness_of_dream(files: PhotoFiles, judge: Judging) -> float:
    """How rude a dream is, 0..1, as `rudeness_of_photo`."""
    rudest = rudest_view(read_reduced(files.dream, WIDTH), judge)
    return max(rudest, judge(read_reduced(files.flat, LONGEST))) if files.flat.exists() else rudest

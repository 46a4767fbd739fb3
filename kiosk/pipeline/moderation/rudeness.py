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
LEAST = 0.2
"""Share of a view that has to be photo."""
SHARE = 32
"""Side in pixels of the views that this is measured in."""
LONGEST = 2 * WIDTH
"""Pixels of the longer side of a photo that are enough for it."""

Judging = Callable[[np.ndarray], float]
"""How rude a picture is, uint8 [h, w, 3], 0..1."""


def open_judge(graphs: Path, threads: int = 0) -> Judge:
    """The judge, its graph built if missing. Raises BadInput if the network was not built from its archive, Unavailable
    if it is damaged."""
    return Judge(ensure_graph(graphs, GraphSpec(MODERATION, "fp32")), threads)


def rudest_view(sphere: np.ndarray, judge: Judging, covered: np.ndarray | None = None) -> float:
    """How rude the rudest view of a `sphere` is, uint8 [h, 2 h, 3]: 0..1. covered: bool [h, 2 h], what is photo; views
    that show less than LEAST of it do not count. None: all of it is."""
    if sphere.shape[1] > WIDTH:
        sphere = put(sphere, Place("sphere", "equirectangular", 360.0, 180.0), WIDTH)[0]
    rudest = 0.0
    for yaw, pitch in VIEWS:
        if covered is None or _share(covered, yaw, pitch) >= LEAST:
            rudest = max(rudest, judge(rectilinear(sphere, SIDE, SIDE, yaw=yaw, pitch=pitch, fov=FIELD)))
    return rudest


def _share(covered: np.ndarray, yaw: float, pitch: float) -> float:
    """How much of what the network sees of a view is covered, 0..1."""
    return float(rectilinear(covered.astype(np.float32), SHARE, SHARE, yaw=yaw, pitch=pitch, fov=WIDE).mean())


def rudest_in_photo(photo: np.ndarray, place: Place, judge: Judging) -> float:
    """How rude a photo is, uint8 [h, w, 3], that lies at `place`: 0..1. The rudest of its views on the sphere, and an
    ordinary photo itself.

    The world that is invented around it is patched together from the photo: it holds nothing new, and where it repeats
    a shoulder all around, the network errs. It is judged with the dream.
    """
    sphere, covered = put(photo, place, WIDTH)
    views = rudest_view(sphere, judge, None if covered.all() else covered)
    return max(views, judge(photo)) if place.kind == "view" else views


def rudeness_of_photo(photo: Photo, files: PhotoFiles, judge: Judging) -> float:
    """How rude the photo is whose original is in `files`, 0..1.

    Raises BadInput if it can no longer be opened, OSError if it cannot be read.
    """
    original = read_reduced(files.original, LONGEST)
    place = Place(**photo.place) if photo.place else decide(original, read_tags(files.original))
    return rudest_in_photo(original, place, judge)


def rudeness_of_dream(files: PhotoFiles, judge: Judging) -> float:
    """How rude a dream is, 0..1, as `rudeness_of_photo`."""
    rudest = rudest_view(read_reduced(files.dream, WIDTH), judge)
    return max(rudest, judge(read_reduced(files.flat, LONGEST))) if files.flat.exists() else rudest

"""Keep people undreamed: matte them in views around their faces, and put the mattes together on the sphere.

The matting network mattes bouquets and statues too, so only what hangs together with a face stays. The sphere is first
rotated to its canonical yaw, as for faces. Neither faces nor mattes are stored or logged.
"""

from __future__ import annotations

import math
from pathlib import Path

import cv2
import numpy as np

from kiosk.errors import BadInput
from kiosk.forge.build import GraphSpec, ensure_graph
from kiosk.nets.matting import NETWORK, SIDE, Matter
from kiosk.pipeline.keeping.body import Person, belongs, covers_face, directions, gazes, persons
from kiosk.pipeline.keeping.faces import MASK_WIDTH, REACH, Find, find_on_sphere, mask_on_sphere
from kiosk.pipeline.keeping.mattes import Matting, Watch, cut_out, feather
from kiosk.pipeline.keeping.plain import mask_in_plain
from kiosk.recipes import catalog
from kiosk.recipes.available import is_available, not_built
from kiosk.sphere.view import onto_sphere, rectilinear
from kiosk.sphere.yaw import canonical_yaw

CUT = 1 / 80
"""Width of the soft edge along the photo's edge, as a share of the sphere's width."""
SORTED_WIDTH = 1024
"""Width in pixels at which a sphere's matte is sorted into people and other things."""


def mask_people(
    photo: np.ndarray,
    find: Find,
    matting: Matting,
    flat: bool,
    covered: np.ndarray | None = None,
    watch: Watch = lambda done, total: None,
) -> np.ndarray | None:
    """A mask of the people in `photo`, uint8 [H, W, 3]: uint8 [h, w] of the same proportions, or None without faces.

    `covered`, bool [H, W]: what of a sphere is photo, not filled in; None for all. `watch` may raise to end the work.
    """
    if flat:
        return mask_in_plain(photo, find, matting, watch)
    height, width = photo.shape[:2]
    turned = canonical_yaw(photo)
    photo = np.roll(photo, -turned, axis=1)
    photographed = np.ones((height, width), bool) if covered is None else np.roll(covered, -turned, axis=1)
    people = _in_photo(persons(find_on_sphere(photo, find), REACH), photographed)
    if not people:
        return None
    mask = _mask_on_sphere(photo, photographed, people, matting, watch)
    # Upscale the mask to the photo's size before rolling back, so that the roll is exact.
    return np.roll(cv2.resize(mask, (width, height), interpolation=cv2.INTER_LINEAR) * photographed, turned, axis=1)


def _in_photo(people: list[Person], photographed: np.ndarray) -> list[Person]:
    """The people whose face is in the photo, not in what is filled in, which mirrors them."""
    height, width = photographed.shape
    found = []
    for person in people:
        column = int((person.yaw / (2 * math.pi) + 0.5) * width) % width
        row = min(height - 1, int((0.5 - person.pitch / math.pi) * height))
        if photographed[row, column]:
            found.append(person)
    return found


def _fading(photographed: np.ndarray) -> np.ndarray:
    """1 inside the photo, 0 where the sphere is filled in (of uint8 [h, 2 h], 1 or 0), float32. Bodies that the photo
    cuts off fade into the dream."""
    if photographed.all():
        return np.ones(photographed.shape, np.float32)
    inside = cv2.distanceTransform(photographed, cv2.DIST_L2, cv2.DIST_MASK_5)
    share = ((inside - 1) / (CUT * photographed.shape[1])).clip(0, 1)
    return share * share * (3 - 2 * share)


def _mask_on_sphere(
    photo: np.ndarray, photographed: np.ndarray, people: list[Person], matting: Matting, watch: Watch
) -> np.ndarray:
    width = min(photo.shape[1], MASK_WIDTH)
    matte = _matte_on_sphere(photo, width, people, matting, watch)
    matte *= _fading(cv2.resize(photographed.astype(np.uint8), (width, width // 2), interpolation=cv2.INTER_NEAREST))
    small = min(width, SORTED_WIDTH)
    rough = cv2.resize(matte, (small, small // 2), interpolation=cv2.INTER_AREA)
    towards = directions(small)
    theirs = np.zeros(rough.shape, bool)
    missed = []
    for person in people:
        if covers_face(rough, person, towards):
            theirs |= belongs(rough, person, towards)
        else:
            missed.append([*person.direction, REACH * person.face])
    mask = cut_out(matte, rough, theirs, wrap=True)
    # Where the matte has no face, at least the face stays.
    return np.maximum(mask, mask_on_sphere(np.array(missed, np.float64).reshape(-1, 4), width))


def _matte_on_sphere(photo: np.ndarray, width: int, people: list[Person], matting: Matting, watch: Watch) -> np.ndarray:
    """The mattes of all views, float32 [width / 2, width]. Where views overlap, the highest counts."""
    matte = np.zeros((width // 2, width), np.float32)
    views = gazes(people)
    for done, gaze in enumerate(views):
        watch(done, len(views))
        seen = rectilinear(photo, SIDE, SIDE, yaw=gaze.yaw, pitch=gaze.pitch, fov=gaze.fov)
        found = matting(np.ascontiguousarray(seen)) * feather()
        np.maximum(matte, onto_sphere(found, width, yaw=gaze.yaw, pitch=gaze.pitch, fov=gaze.fov), out=matte)
    return matte


def check_matting(graphs: Path) -> None:
    """Raise BadInput, which says how to build it, if the matting network is not available in the folder `graphs`."""
    network = catalog.load().network(NETWORK)
    if not is_available(graphs, network):
        raise BadInput(f"keeping people needs a network: {not_built(network)}", "network_not_built")


def open_matter(graphs: Path, threads: int = 0) -> Matter:
    """Open the matting network. Its graph is in the folder `graphs`. Raises BadInput if it was not built."""
    return Matter(ensure_graph(graphs, GraphSpec(NETWORK, "fp32")), threads)

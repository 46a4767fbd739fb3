"""Read a photo file and place it on the sphere."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from kiosk.errors import BadInput
from kiosk.pictures.layouts import TOP_BOTTOM
from kiosk.pictures.read import read_photo
from kiosk.pictures.tags import Tags
from kiosk.pipeline.keeping.unrepeated import People
from kiosk.sphere.deciding import decide
from kiosk.sphere.place import Place
from kiosk.sphere.placement import place_eyes, put
from kiosk.sphere.world.invent import invent, world_of


@dataclass(frozen=True)
class Placed:
    """A photo on the sphere. sphere: uint8 [width / 2, width, 3]; right_eye: the same shape, None for a mono photo;
    stereo: the layout of the two eyes, None for mono; shown_unchanged: whether phones can show the file as it is;
    covered: bool [width / 2, width], what is photo and not invented, None for all; at: the photo's place, None for a
    plain picture that is on no sphere."""

    sphere: np.ndarray
    right_eye: np.ndarray | None
    stereo: str | None
    shown_unchanged: bool
    covered: np.ndarray | None = None
    at: Place | None = None

    @property
    def heading(self) -> float | None:
        """Compass direction of the sphere's center in degrees, None if unknown."""
        return None if self.at is None else self.at.heading


Sketch = Callable[[np.ndarray, np.ndarray, Callable[[], bool]], None]
"""Works on a small sphere, uint8 [h, 2 h, 3], of which the photo covers a part, bool [h, 2 h], until the third argument
says that the whole one is ready."""


def read_sphere(
    original: bytes, width: int, people: People | None = None, sketch: tuple[int, Sketch] | None = None
) -> Placed:
    """Place the photo file `original` on a sphere `width` pixels wide. Raises BadInput if it is not a picture, and as
    `place` does.

    sketch: the width of a small sphere and what to do with it while the world around the photo is painted; it is not
    called for a photo that needs no world.
    """
    try:
        picture, tags = read_photo(original)
    except BadInput as error:
        raise BadInput("The photo can no longer be opened. Please send it again.", "cannot_open") from error
    return place_at(picture, decide(picture, tags), width, people, sketch)


def place(picture: np.ndarray, tags: Tags, width: int, people: People | None = None) -> Placed:
    """Place `picture`, uint8 [h, w, 3], RGB, on a sphere `width` pixels wide, and invent what it does not show. `tags`:
    what its file says. `people` finds those who are not repeated around it; None: they are taken to be in its middle.
    Raises BadInput for two unstitched fisheyes."""
    return place_at(picture, decide(picture, tags), width, people)


def place_at(
    picture: np.ndarray,
    at: Place,
    width: int,
    people: People | None = None,
    sketch: tuple[int, Sketch] | None = None,
) -> Placed:
    """The same for a picture whose place is decided. `sketch`: see `read_sphere`."""
    if at.kind == "stereo":
        left, right = place_eyes(picture, width)
        return Placed(left, right, TOP_BOTTOM, True, at=at)
    sphere, covered = put(picture, at, width)
    if covered.all():
        return Placed(sphere, None, None, at.is_shown_by(picture.shape[1], picture.shape[0]), at=at)
    unrepeated = people(sphere, covered) if people else None
    if sketch is None or not covered.any():
        return Placed(invent(sphere, covered, unrepeated), None, None, False, covered, at)
    world = world_of(sphere, covered, unrepeated)
    with ThreadPoolExecutor(1) as beside:
        painting = beside.submit(world.at, sphere, covered)
        small, seen = put(picture, at, sketch[0])
        if seen.any():
            sketch[1](world.at(small, seen), seen, painting.done)
        return Placed(painting.result(), None, None, False, covered, at)

"""People in a picture that is no sphere."""

from __future__ import annotations

import cv2
import numpy as np

from kiosk.nets.faces import Face
from kiosk.nets.matting import SIDE
from kiosk.pipeline.keeping.body import HEAD_WIDTH, TRUNK, TRUNK_WIDTH
from kiosk.pipeline.keeping.faces import LARGEST_PLAIN, REACH, Find
from kiosk.pipeline.keeping.mattes import SURE, Matting, Watch, cut_out, feather, holes, touching
from kiosk.sphere.resample import resize_picture

CLOSE = 14.0
"""Side of the square in which a person is matted, in faces, and the face is a quarter below its upper edge."""
WHOLE_IS_CLOSE = 0.7
"""The whole picture shows a person well enough if his square had more than this share of its side."""
VERY_CLOSE, FARTHER = 3.0, 1.5
"""If his square had more than so many times its side, a second view shows the picture smaller, by the other factor: the
network misses parts of heads that fill it."""


def mask_in_plain(photo: np.ndarray, find: Find, matting: Matting, watch: Watch) -> np.ndarray | None:
    """A mask of the people in `photo`, uint8 [H, W, 3]: uint8 [h, w] of the same proportions, or None without faces.

    The whole picture is one view, and people far away have another.
    """
    height, width = photo.shape[:2]
    scale = min(1.0, LARGEST_PLAIN / max(height, width))
    seen = resize_picture(photo, max(1, round(width * scale)), max(1, round(height * scale)), wrap=False)
    faces = find(seen)
    if not faces:
        return None
    matte = np.zeros(seen.shape[:2], np.float32)
    longest = max(seen.shape[:2])
    squares = _squares(faces, longest)
    for done, square in enumerate(squares):
        watch(done, len(squares))
        _add_square(matte, seen, square, matting, feathered=square[2] < longest)
    trunks, heads = np.zeros(matte.shape, bool), np.zeros(matte.shape, bool)
    circles = np.zeros(matte.shape, np.uint8)
    for face in faces:
        size = max(face.width, face.height)
        x, y = round(face.x + face.width / 2), round(face.y + face.height / 2)
        cut = round(TRUNK_WIDTH * size)
        columns = slice(max(0, x - cut), x + cut + 1)
        core = matte[max(0, y - cut) : y + cut + 1, columns]
        if core.size and core.mean() > SURE:
            trunks[max(0, y - cut) : y + round(TRUNK * size), columns] = True
            wide = round(HEAD_WIDTH * size)
            heads[: y + wide // 2, max(0, x - wide) : x + wide] = True
        else:
            # Where the matte has no face, at least the face stays.
            cv2.circle(circles, (x, y), round(REACH * size), 255, -1)
    people = touching(matte > SURE, trunks, wrap=False)
    return np.maximum(cut_out(matte, matte, people | holes(people, heads, wrap=False), wrap=False), circles)


def _squares(faces: list[Face], longest: int) -> list[tuple[int, int, int]]:
    """Squares to matte, (left, top, side) in pixels: one around the whole picture, whose longer side is `longest`, and
    those of small and of very large faces."""
    squares = [(0, 0, longest)]
    for face in faces:
        side = round(CLOSE * max(face.width, face.height))
        if side < WHOLE_IS_CLOSE * longest:
            x, y = face.x + face.width / 2, face.y + face.height / 2
            squares.append((round(x - side / 2), round(y - side / 4), side))
        elif side > VERY_CLOSE * longest:
            beyond = round(longest * (FARTHER - 1) / 2)
            squares.append((-beyond, -beyond, longest + 2 * beyond))
    return list(dict.fromkeys(squares))


def _add_square(
    matte: np.ndarray, seen: np.ndarray, square: tuple[int, int, int], matting: Matting, feathered: bool
) -> None:
    """Matte a square (left, top, side; it may stand out) of `seen`, uint8 [h, w, 3], into `matte`, float32 [h, w]."""
    left, top, side = square
    height, width = matte.shape
    rows, columns = (
        slice(max(0, first), min(extent, first + side)) for first, extent in ((top, height), (left, width))
    )
    part = seen[rows, columns]
    above, before = rows.start - top, columns.start - left
    whole = cv2.copyMakeBorder(
        part, above, side - above - part.shape[0], before, side - before - part.shape[1], cv2.BORDER_REPLICATE
    )
    found = matting(cv2.resize(whole, (SIDE, SIDE), interpolation=cv2.INTER_AREA)) * (feather() if feathered else 1)
    found = cv2.resize(found, (side, side), interpolation=cv2.INTER_LINEAR)
    here = found[above : above + part.shape[0], before : before + part.shape[1]]
    np.maximum(matte[rows, columns], here, out=matte[rows, columns])

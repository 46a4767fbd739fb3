"""Draw contact sheets: one photo in every style, or one dream seen in several directions.

Operators compare styles on the sheet, and its cells become the thumbnails that guests choose from. A style's cell is a
view of the photo dreamed as a plain picture. It looks like the dreamed sphere in that direction, at a tenth of the
work.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from kiosk.nets.dreaming.dream import dream
from kiosk.recipes.recipe import DreamRecipe
from kiosk.sphere.view import rectilinear

BACKGROUND = (17, 16, 20)
TITLE, NOTE = (244, 240, 232), (150, 144, 152)


@dataclass(frozen=True)
class View:
    """A view direction: `yaw` to the right, `pitch` up, horizontal field of view `fov`, all in degrees."""

    yaw: float = 0.0
    pitch: float = 0.0
    fov: float = 75.0


@dataclass(frozen=True)
class Cell:
    """A picture, uint8 [h, w, 3], with a title and a note in small print."""

    picture: np.ndarray
    title: str
    note: str


@dataclass(frozen=True)
class Grid:
    """The layout of a sheet in pixels. All pictures are `width` x `height`."""

    cells: int
    columns: int
    width: int
    height: int

    @property
    def gap(self) -> int:
        return max(4, self.width // 24)

    @property
    def label(self) -> int:
        """Height of the title and note under a picture."""
        return max(20, self.width // 6)

    @property
    def rows(self) -> int:
        return math.ceil(self.cells / self.columns)

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the sheet."""
        across = self.columns * (self.width + self.gap) + self.gap
        down = self.rows * (self.height + self.label) + 2 * self.gap
        return across, down

    def corner(self, index: int) -> tuple[int, int]:
        """(x, y) of the top left pixel of picture `index`."""
        row, column = divmod(index, self.columns)
        return self.gap + column * (self.width + self.gap), self.gap + row * (self.height + self.label)


SMALLEST_VIEW = 96
"""Smallest octave of a view in pixels: in narrower ones a network cannot recognize anything."""
FROM_INSIDE = (
    ("Ahead", View(0, 0, 95)),
    ("Behind, where the picture's edges meet", View(180, 0, 95)),
    ("Overhead", View(0, 90, 95)),
    ("Underfoot", View(0, -90, 95)),
)
"""Views that show whether a picture is one seamless sphere: ahead, at the seam, at both poles."""


def draw_views(sphere: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Draw the views FROM_INSIDE of `sphere`, uint8 [H, 2 H, 3], each of `size` (width, height), two per row."""
    return draw_sheet([Cell(look(sphere, size, view), title, "") for title, view in FROM_INSIDE], 2)


def dream_view(
    photo: np.ndarray,
    recipe: DreamRecipe,
    graph: Path | bytes,
    size: tuple[int, int],
    view: View,
    progress: Callable[[float], None] | None = None,
) -> np.ndarray:
    """Dream the `view` of `photo`, uint8 [H, 2 H, 3]. Returns uint8 of `size` (width, height). `progress` gets 0..1."""
    seen = look(photo, size, view)
    # Scale the smallest octave with the field of view, so that forms are as large as on the sphere.
    smallest = max(SMALLEST_VIEW, round(recipe.smallest * view.fov / 360))
    flat = dataclasses.replace(recipe, width=size[0], flat=True, smallest=smallest)
    report = (lambda at: progress(at.fraction)) if progress else None
    return dream(seen, flat, graph, progress=report).picture


def look(photo: np.ndarray, size: tuple[int, int], view: View) -> np.ndarray:
    """Render the `view` of `photo`, undreamed."""
    return np.ascontiguousarray(rectilinear(photo, size[0], size[1], yaw=view.yaw, pitch=view.pitch, fov=view.fov))


def draw_sheet(cells: Sequence[Cell], columns: int) -> np.ndarray:
    """Draw the labeled cells in rows of `columns`, uint8 [H, W, 3]. All pictures must have the same size."""
    height, width = cells[0].picture.shape[:2]
    grid = Grid(len(cells), columns, width, height)
    sheet = Image.new("RGB", grid.size, BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    title, note = ImageFont.load_default(max(10, width // 18)), ImageFont.load_default(max(8, width // 28))
    for index, cell in enumerate(cells):
        x, y = grid.corner(index)
        sheet.paste(Image.fromarray(cell.picture), (x, y))
        below = y + height + grid.label // 10
        draw.text((x, below), _fit(cell.title, title, width), TITLE, title)
        draw.text((x, below + round(grid.label * 0.45)), _fit(cell.note, note, width), NOTE, note)
    return np.array(sheet)


def _fit(text: str, font: ImageFont.ImageFont | ImageFont.FreeTypeFont, width: int) -> str:
    """Shorten `text` to `width` pixels."""
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "…") > width:
        text = text[:-1].rstrip()
    return text + "…"

"""Pictures on a sheet. Every style on one photo: for the operator to choose from, and for the thumbnails that guests
choose from. Or one dream from inside, in several directions.

A cell is a view into the photo, dreamed as a plain picture. That is what a guest sees in this direction, at a tenth of
the work of dreaming the whole sphere for each style.
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
    """A direction to look in: `yaw` to the right, `pitch` upwards, `fov` across, degrees."""

    yaw: float = 0.0
    pitch: float = 0.0
    fov: float = 75.0


@dataclass(frozen=True)
class Cell:
    """A picture, uint8 [h, w, 3], with its title and a note in small print."""

    picture: np.ndarray
    title: str
    note: str


@dataclass(frozen=True)
class Grid:
    """Where the cells of a sheet lie, pixels. All pictures are `width` x `height`."""

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
        """(x, y) of the first pixel of picture `index`."""
        row, column = divmod(index, self.columns)
        return self.gap + column * (self.width + self.gap), self.gap + row * (self.height + self.label)


SMALLEST_VIEW = 96
"""pixels: narrower, and a network has no room to see anything."""
FROM_INSIDE = (
    ("Ahead", View(0, 0, 95)),
    ("Behind, where the picture's edges meet", View(180, 0, 95)),
    ("Overhead", View(0, 90, 95)),
    ("Underfoot", View(0, -90, 95)),
)
"""What shows whether a picture is one sphere: ahead, at the seam, at both poles."""


def draw_views(sphere: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The views FROM_INSIDE of `sphere`, uint8 [H, 2 H, 3], each of `size` (width, height), two in a row."""
    return draw_sheet([Cell(look(sphere, size, view), title, "") for title, view in FROM_INSIDE], 2)


def dream_view(
    photo: np.ndarray,
    recipe: DreamRecipe,
    graph: Path | bytes,
    size: tuple[int, int],
    view: View,
    progress: Callable[[float], None] | None = None,
) -> np.ndarray:
    """The view into `photo`, uint8 [H, 2 H, 3], dreamed: uint8, of `size` (width, height). `progress` gets 0..1."""
    seen = look(photo, size, view)
    # As large as forms grow on the sphere, so that what is shown is what there will be.
    smallest = max(SMALLEST_VIEW, round(recipe.smallest * view.fov / 360))
    flat = dataclasses.replace(recipe, width=size[0], flat=True, smallest=smallest)
    report = (lambda at: progress(at.fraction)) if progress else None
    return dream(seen, flat, graph, progress=report).picture


def look(photo: np.ndarray, size: tuple[int, int], view: View) -> np.ndarray:
    """The view into `photo` as it is."""
    return np.ascontiguousarray(rectilinear(photo, size[0], size[1], yaw=view.yaw, pitch=view.pitch, fov=view.fov))


def draw_sheet(cells: Sequence[Cell], columns: int) -> np.ndarray:
    """The cells in rows, labelled, uint8 [H, W, 3]; all pictures are of one size."""
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
    """`text`, cut where it would run into the next cell."""
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "…") > width:
        text = text[:-1].rstrip()
    return text + "…"

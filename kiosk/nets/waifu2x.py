"""One pass of one waifu2x network over a picture."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime as ort

from kiosk.catalog import Network
from kiosk.nets.canvas import release_pages
from kiosk.nets.dream import Cancelled
from kiosk.nets.recipe import UpscaleRecipe
from kiosk.nets.session import open_session
from kiosk.nets.squeeze import Stage, cut_at_squeezes, position_weights, squeeze_name
from kiosk.nets.tiles import TileGrid, tile_grid
from kiosk.sphere.padding import flat_window, sphere_window
from kiosk.sphere.yaw import canonical_yaw

Turn = Callable[[np.ndarray], np.ndarray]

# The eight ways to lay a square on itself, on the last two axes, each with its way back.
_ROTATIONS: list[tuple[Turn, Turn]] = [
    (lambda x, k=k: np.rot90(x, k, axes=(-2, -1)), lambda x, k=k: np.rot90(x, -k, axes=(-2, -1))) for k in range(4)
]
TURNS: list[tuple[Turn, Turn]] = _ROTATIONS + [
    (lambda x, there=there: there(x)[..., ::-1], lambda x, back=back: back(x[..., ::-1])) for there, back in _ROTATIONS
]


@dataclass(frozen=True)
class Waifu2x:
    """One network with its graph file, and how to run it. `tile`: largest side of a tile, input pixels; `report`
    hears fractions 0..1; `cancelled` is asked before every tile."""

    network: Network
    graph: Path
    recipe: UpscaleRecipe
    tile: int
    threads: int = 0
    report: Callable[[float], None] | None = None
    cancelled: Callable[[], bool] | None = None

    def run(self, picture: np.ndarray, canvas: np.ndarray) -> str:
        """Enlarge `picture` uint8 [H, W, 3] into `canvas` uint8 [scale H, scale W, 3]; returns the provider's name.

        Raises Cancelled.
        """
        tta = self.recipe.tta
        grid = tile_grid(picture.shape[0], picture.shape[1], self.tile, align=self.network.align, square=tta)
        # upconv_7 has no squeezes: its graph is its only stage.
        parts = cut_at_squeezes(self.graph) if self.network.align > 1 else [Stage(b"", "upscaled", 0)]
        turns = TURNS if tta else TURNS[:1]
        yaw = 0 if self.recipe.flat else canonical_yaw(picture)
        sweep = _Sweep(self, picture, grid, yaw, len(parts))
        squeezes: list[dict[str, np.ndarray]] = [{} for _ in turns]
        for index, part in enumerate(parts[:-1]):
            means = sweep.means(self._open(part, grid), part, turns, squeezes, index)
            for known, mean in zip(squeezes, means, strict=True):
                known[squeeze_name(index)] = mean
        session = self._open(parts[-1], grid)
        sweep.paint(session, turns, squeezes, canvas)
        return session.get_providers()[0]

    def _open(self, part: Stage, grid: TileGrid) -> ort.InferenceSession:
        height, width = (side + 2 * self.network.border for side in grid.tile)
        return open_session(part.graph or self.graph, height=height, width=width, threads=self.threads)


class _Sweep:
    """Going over all tiles of a picture, once for each stage."""

    def __init__(self, job: Waifu2x, picture: np.ndarray, grid: TileGrid, yaw: int, count: int) -> None:
        self.job = job
        self.picture = picture
        self.grid = grid
        self.yaw = yaw
        self.done = 0
        self.total = len(grid) * count

    def tiles(self) -> Iterator[tuple[int, int, np.ndarray]]:
        """(top, left, tile float32 [3, h, w] with its border, RGB 0..1) of every tile, row by row."""
        border = self.job.network.border
        height, width = (side + 2 * border for side in self.grid.tile)
        window, yaw = (flat_window, 0) if self.job.recipe.flat else (sphere_window, self.yaw)
        for top, left in self.grid:
            if self.job.cancelled and self.job.cancelled():
                raise Cancelled
            pixels = window(self.picture, top - border, left - border + yaw, height, width)
            yield top, left, pixels.transpose(2, 0, 1).astype(np.float32) / np.float32(255)
            self.done += 1
            if self.job.report:
                self.job.report(self.done / self.total)

    def means(
        self,
        session: ort.InferenceSession,
        part: Stage,
        turns: list[tuple[Turn, Turn]],
        squeezes: list[dict[str, np.ndarray]],
        index: int,
    ) -> list[np.ndarray]:
        """The mean of a stage's feature map over the whole picture, [1, C, 1, 1], for each turn."""
        sums: list[np.ndarray | float] = [0.0] * len(turns)
        weight = 0.0
        for top, left, tile in self.tiles():
            weights: np.ndarray | None = None
            for number, (turn, back) in enumerate(turns):
                feed = {"image": np.ascontiguousarray(turn(tile)[None]), **squeezes[number]}
                features = back(session.run([part.output], feed)[0])  # type: ignore[arg-type]
                if weights is None:
                    weights = self._weights(top, left, features.shape[2:], part.pitch)
                    weight += float(weights.sum(dtype=np.float64))
                total = np.einsum("chw,hw->c", features[0], weights, dtype=np.float64)
                sums[number] = sums[number] + total
        return [(np.asarray(total) / weight).astype(np.float32)[None, :, None, None] for total in sums]

    def _weights(self, top: int, left: int, shape: tuple[int, ...], pitch: float) -> np.ndarray:
        sphere, border = not self.job.recipe.flat, self.job.network.border
        (tile_height, tile_width), (height, width) = self.grid.tile, self.grid.picture
        rows = position_weights(top, tile_height, shape[0], pitch, border, height, sphere=sphere, latitude=sphere)
        columns = position_weights(left, tile_width, shape[1], pitch, border, width, sphere=sphere, latitude=False)
        return rows[:, None] * columns

    def paint(
        self,
        session: ort.InferenceSession,
        turns: list[tuple[Turn, Turn]],
        squeezes: list[dict[str, np.ndarray]],
        canvas: np.ndarray,
    ) -> None:
        """Run the last stage and put its pixels on the canvas."""
        for top, left, tile in self.tiles():
            pixels: np.ndarray | None = None
            for (turn, back), known in zip(turns, squeezes, strict=True):
                feed = {"image": np.ascontiguousarray(turn(tile)[None]), **known}
                one = back(session.run(["upscaled"], feed)[0][0])  # type: ignore[index]
                pixels = one if pixels is None else pixels + one
            assert pixels is not None
            levels = (pixels * np.float32(255 / len(turns)) + np.float32(0.5)).clip(0, 255).astype(np.uint8)
            self._place(levels.transpose(1, 2, 0), top, left, canvas)
            if left + self.grid.tile[1] >= self.grid.picture[1]:
                release_pages(canvas)
                release_pages(self.picture)

    def _place(self, pixels: np.ndarray, top: int, left: int, canvas: np.ndarray) -> None:
        scale = self.job.network.scale
        rows = slice(top * scale, min(top + self.grid.tile[0], self.grid.picture[0]) * scale)
        count = (min(left + self.grid.tile[1], self.grid.picture[1]) - left) * scale
        pixels = pixels[: rows.stop - rows.start, :count]
        first = (left + self.yaw) * scale % canvas.shape[1]
        before_seam = min(count, canvas.shape[1] - first)
        canvas[rows, first : first + before_seam] = pixels[:, :before_seam]
        canvas[rows, : count - before_seam] = pixels[:, before_seam:]

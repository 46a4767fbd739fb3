"""Run one pass of one waifu2x network over a picture.

On a CPU, one tile per thread runs at a time. Copies and layout changes, which ONNX Runtime does single-threaded, then
run in parallel too.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import onnxruntime as ort

from kiosk.nets.dreaming.gradient import Cancelled
from kiosk.nets.engine.canvas import release_pages
from kiosk.nets.engine.compiled import CompiledGraph
from kiosk.nets.engine.session import available_providers, default_threads, open_session
from kiosk.nets.enlarging.tiles import TileGrid, tile_grid
from kiosk.nets.enlarging.whole_picture_means import Part, cut_at_squeezes, position_weights, squeeze_name
from kiosk.recipes.catalog import Network
from kiosk.recipes.recipe import UpscaleRecipe
from kiosk.sphere.padding import flat_window, sphere_window
from kiosk.sphere.yaw import canonical_yaw

Session = ort.InferenceSession | CompiledGraph
Turn = Callable[[np.ndarray], np.ndarray]

# The eight symmetries of a square, on the last two axes, each with its inverse.
_ROTATIONS: list[tuple[Turn, Turn]] = [
    (lambda x, k=k: np.rot90(x, k, axes=(-2, -1)), lambda x, k=k: np.rot90(x, -k, axes=(-2, -1))) for k in range(4)
]
TURNS: list[tuple[Turn, Turn]] = _ROTATIONS + [
    (lambda x, there=there: there(x)[..., ::-1], lambda x, back=back: back(x[..., ::-1])) for there, back in _ROTATIONS
]


@dataclass(frozen=True)
class Waifu2x:
    """One network, its graph file, and how to run it. `tile`: largest tile side in input pixels. `report` gets
    fractions 0..1. `cancelled()` is called before every tile."""

    network: Network
    graph: Path
    recipe: UpscaleRecipe
    tile: int
    threads: int = 0
    report: Callable[[float], None] | None = None
    cancelled: Callable[[], bool] | None = None

    def run(self, picture: np.ndarray, canvas: np.ndarray) -> str:
        """Upscale `picture`, uint8 [H, W, 3], into `canvas`, uint8 [scale H, scale W, 3]. Returns the provider's name.

        Raises Cancelled.
        """
        tta = self.recipe.tta
        grid = tile_grid(picture.shape[0], picture.shape[1], self.tile, align=self.network.align, square=tta)
        # upconv_7 has no squeezes, so its graph is one part.
        parts = cut_at_squeezes(self.graph) if self.network.align > 1 else [Part(b"", "upscaled", 0)]
        turns = TURNS if tta else TURNS[:1]
        yaw = 0 if self.recipe.flat else canonical_yaw(picture, release=release_pages)
        sweep = _Sweep(self, picture, grid, yaw, len(parts))
        squeezes: list[dict[str, np.ndarray]] = [{} for _ in turns]
        for index, part in enumerate(parts[:-1]):
            means = sweep.means(self._open(part, grid), part, turns, squeezes)
            for known, mean in zip(squeezes, means, strict=True):
                known[squeeze_name(index)] = mean
        session = self._open(parts[-1], grid)
        sweep.paint(session, turns, squeezes, canvas)
        return session.get_providers()[0]

    def _open(self, part: Part, grid: TileGrid) -> Session:
        height, width = (side + 2 * self.network.border for side in grid.tile)
        if self.recipe.engine == "openvino":
            return CompiledGraph(part.graph or self.graph, height=height, width=width, threads=self.workers)
        return open_session(part.graph or self.graph, height=height, width=width, threads=1 if self.workers > 1 else 0)

    @property
    def workers(self) -> int:
        """Number of tiles that run at a time."""
        on_cpu = self.recipe.engine == "openvino" or available_providers()[0] == "CPUExecutionProvider"
        return (self.threads or default_threads()) if on_cpu else 1


_T = TypeVar("_T")


class _Sweep:
    """Runs parts of a graph over all tiles of a picture."""

    def __init__(self, job: Waifu2x, picture: np.ndarray, grid: TileGrid, yaw: int, count: int) -> None:
        self.job = job
        self.picture = picture
        self.grid = grid
        self.yaw = yaw
        self.done = 0
        self.total = len(grid) * count

    def over_tiles(self, work: Callable[[np.ndarray, int, int], _T]) -> Iterator[tuple[int, int, _T]]:
        """Yield (top, left, work(tile, top, left)) for every tile in order, row by row. Several run at a time.

        A tile is float32 [3, h, w] including its border, RGB 0..1.
        """

        def one(top: int, left: int) -> _T:
            return work(self._tile(top, left), top, left)

        pending: deque[tuple[int, int, Future[_T]]] = deque()
        with ThreadPoolExecutor(self.job.workers, thread_name_prefix="tile") as pool:
            try:
                for top, left in self.grid:
                    if self.job.cancelled and self.job.cancelled():
                        raise Cancelled
                    pending.append((top, left, pool.submit(one, top, left)))
                    # One extra tile in flight, so that no worker idles while a finished tile is stored.
                    while len(pending) > self.job.workers:
                        yield self._finished(pending)
                while pending:
                    yield self._finished(pending)
            finally:
                for _, _, future in pending:
                    future.cancel()

    def _finished(self, pending: deque[tuple[int, int, Future[_T]]]) -> tuple[int, int, _T]:
        top, left, future = pending.popleft()
        value = future.result()
        self.done += 1
        if self.job.report:
            self.job.report(self.done / self.total)
        return top, left, value

    def _tile(self, top: int, left: int) -> np.ndarray:
        border = self.job.network.border
        height, width = (side + 2 * border for side in self.grid.tile)
        window, yaw = (flat_window, 0) if self.job.recipe.flat else (sphere_window, self.yaw)
        pixels = window(self.picture, top - border, left - border + yaw, height, width)
        return pixels.transpose(2, 0, 1).astype(np.float32) / np.float32(255)

    def means(
        self,
        session: Session,
        part: Part,
        turns: list[tuple[Turn, Turn]],
        squeezes: list[dict[str, np.ndarray]],
    ) -> list[np.ndarray]:
        """The mean of a part's feature map over the whole picture, [1, C, 1, 1], for each of `turns`."""

        def sums(tile: np.ndarray, top: int, left: int) -> tuple[list[np.ndarray], float]:
            totals: list[np.ndarray] = []
            weights = np.zeros(0)
            for (turn, back), known in zip(turns, squeezes, strict=True):
                feed = {"image": np.ascontiguousarray(turn(tile)[None]), **known}
                features = back(session.run([part.output], feed)[0])[0]  # type: ignore[arg-type]
                if not weights.size:
                    weights = self._weights(top, left, features.shape[1:], part.pitch)
                totals.append(np.einsum("chw,hw->c", features, weights, dtype=np.float64))
            return totals, float(weights.sum(dtype=np.float64))

        whole: list[np.ndarray | float] = [0.0] * len(turns)
        weight = 0.0
        # Sum in tile order, so that the result does not depend on which tile finishes first.
        for _, _, (totals, share) in self.over_tiles(sums):
            whole = [before + total for before, total in zip(whole, totals, strict=True)]
            weight += share
        return [(np.asarray(total) / weight).astype(np.float32)[None, :, None, None] for total in whole]

    def _weights(self, top: int, left: int, shape: tuple[int, ...], pitch: float) -> np.ndarray:
        sphere = not self.job.recipe.flat
        (tile_height, tile_width), (height, width) = self.grid.tile, self.grid.picture
        rows = position_weights(top, tile_height, shape[0], pitch, height, sphere=sphere, latitude=sphere)
        columns = position_weights(left, tile_width, shape[1], pitch, width, sphere=sphere, latitude=False)
        return rows[:, None] * columns

    def paint(
        self,
        session: Session,
        turns: list[tuple[Turn, Turn]],
        squeezes: list[dict[str, np.ndarray]],
        canvas: np.ndarray,
    ) -> None:
        """Run the last part and write its pixels to the canvas."""

        def levels(tile: np.ndarray, _top: int, _left: int) -> np.ndarray:
            pixels = np.zeros((), np.float32)
            for (turn, back), known in zip(turns, squeezes, strict=True):
                feed = {"image": np.ascontiguousarray(turn(tile)[None]), **known}
                pixels = pixels + back(session.run(["upscaled"], feed)[0][0])  # type: ignore[index]
            pixels = pixels * np.float32(255 / len(turns)) + np.float32(0.5)
            return pixels.clip(0, 255).astype(np.uint8).transpose(1, 2, 0)

        for top, left, pixels in self.over_tiles(levels):
            self._place(pixels, top, left, canvas)
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

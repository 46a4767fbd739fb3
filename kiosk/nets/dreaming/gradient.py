"""Run a dream graph on tiles."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from threading import Lock

import cv2
import numpy as np
import onnx
import onnxruntime as ort

from kiosk.errors import BadInput, KioskError
from kiosk.nets.dreaming.tiling import TileJob
from kiosk.nets.engine.memory import bytes_per_pixel, return_freed
from kiosk.nets.engine.session import available_providers, default_threads, open_session


class Cancelled(KioskError):
    """The caller's `cancelled()` returned True."""

    def __init__(self) -> None:
        super().__init__("cancelled", "cancelled")


class BrokenGradient(KioskError):
    """The gradient is not finite, or is zero everywhere in a precision below fp32."""

    def __init__(self, precision: str) -> None:
        super().__init__(f"the network returned an unusable gradient in {precision}", "broken_gradient")


class TileRunner:
    """Runs a dream graph on float32 tiles [h, w, 3], RGB 0..255. Caches the session of the last tile shape, and one
    opened ahead.

    On a CPU, `threads` tiles run at a time with one thread each. Threads sharing a tile would wait for each other after
    each of the graph's hundreds of small operations, and a tile's tensors fit one core's caches. It also makes the
    result independent of the number of threads.
    """

    def __init__(
        self,
        graph: Path | bytes,
        channels: tuple[tuple[str, int, float], ...] = (),
        guide: Mapping[str, np.ndarray] | None = None,
        threads: int = 0,
        providers: list[str] | None = None,
        cancelled: Callable[[], bool] | None = None,
        ahead: bool = True,
    ) -> None:
        """`ahead`: whether there is memory for a second session, which is opened before the first one's tiles end."""
        self._graph = graph
        self._may_open_ahead = ahead
        self._providers = providers or available_providers()
        self._provider = self._providers[0]
        self._on_cpu = self._provider == "CPUExecutionProvider"
        self._threads = (threads or default_threads()) if self._on_cpu else 1
        self._pool = ThreadPoolExecutor(self._threads, "tile")
        self._cancelled = cancelled
        self._session: ort.InferenceSession | None = None
        self._shape = (0, 0)
        self._ahead: tuple[tuple[int, int], Future[ort.InferenceSession]] | None = None
        self._opener = ThreadPoolExecutor(1, "opener")
        self._opening = Lock()
        model = onnx.load_model_from_string(graph) if isinstance(graph, bytes) else onnx.load(graph)
        entries = {entry.key: entry.value for entry in model.metadata_props}
        self.precision = entries.get("precision", "fp32")
        self.source = entries.get("source_sha256", "")
        self.align = int(entries.get("align", 1))
        """The graph takes sizes that are multiples of this, pixels."""
        self._weights = _channel_weights(model, channels) if guide is None else _guide_inputs(model, guide)

    @property
    def provider(self) -> str:
        """The provider that runs the graph, such as CPUExecutionProvider; before the first tile, the requested one."""
        return self._provider

    @cached_property
    def bytes_per_pixel(self) -> float:
        """Memory that a tile takes, per pixel (`kiosk.nets.engine.memory`)."""
        return bytes_per_pixel(self._graph)

    @property
    def identity(self) -> str:
        """Everything except recipe and photo that determines a result's bits."""
        return f"onnxruntime {ort.__version__} {self._providers} {self.precision} {self.source}"

    def each(self, jobs: Sequence[TileJob]) -> None:
        """Run `jobs` in parallel. The first exception is raised and the remaining jobs are dropped."""
        waiting = deque(jobs)

        def work() -> None:
            while True:
                try:
                    job = waiting.popleft()
                except IndexError:
                    return
                try:
                    job()
                except BaseException:
                    waiting.clear()
                    raise

        for worker in [self._pool.submit(work) for _ in range(min(self._threads, len(jobs)))]:
            worker.result()

    def open_ahead(self, shape: tuple[int, int]) -> None:
        """Start opening the session for tiles of this shape (height, width) in the background. CPU only."""
        # On a GPU two sessions might not fit.
        if self._on_cpu and self._may_open_ahead and shape != self._shape:
            self._ahead = (shape, self._opener.submit(self._opened, shape))

    def release(self) -> None:
        """Close the sessions, to make room for others. The next tile opens one again."""
        with self._opening:
            self._session, self._ahead, self._shape = None, None, (0, 0)
            return_freed()

    def _opened(self, shape: tuple[int, int]) -> ort.InferenceSession:
        height, width = shape
        return open_session(self._graph, height=height, width=width, threads=1, providers=self._providers)

    def _session_for(self, shape: tuple[int, int]) -> ort.InferenceSession:
        with self._opening:
            if self._session is None or self._shape != shape:
                self._session = None  # free the old arena before allocating the new one
                return_freed()
                ahead, self._ahead = self._ahead, None
                self._session = ahead[1].result() if ahead and ahead[0] == shape else self._opened(shape)
                self._shape, self._provider = shape, self._session.get_providers()[0]
            return self._session

    def _run(self, tile: np.ndarray, output: str) -> np.ndarray:
        if self._cancelled and self._cancelled():
            raise Cancelled
        session = self._session_for((tile.shape[0], tile.shape[1]))
        tile = tile.astype(np.float32, copy=False)
        image = np.empty((1, 3, *tile.shape[:2]), np.float32)
        for channel in range(3):
            cv2.extractChannel(tile, channel, image[0, channel])
        return np.asarray(session.run([output], {"image": image, **self._weights})[0])

    def __call__(self, tile: np.ndarray) -> np.ndarray:
        """d objective / d tile, of the tile's shape, multiplied by the number of pixels.

        The objective is a mean over the tile, so a pixel's gradient would otherwise shrink as tiles grow. Raises
        BrokenGradient if the gradient is not finite.
        """
        gradient = self._run(tile, "gradient")[0]
        merged = cv2.merge([gradient[0], gradient[1], gradient[2]])
        merged *= tile.shape[0] * tile.shape[1]
        if not all(map(math.isfinite, cv2.sumElems(merged))):
            raise BrokenGradient(self.precision)
        return merged

    def objective(self, tile: np.ndarray) -> float:
        """The objective of a tile."""
        return float(np.asarray(self._run(tile, "objective")).reshape(-1)[0])


def _channel_weights(model: onnx.ModelProto, channels: tuple[tuple[str, int, float], ...]) -> dict[str, np.ndarray]:
    """The `channel_weights` inputs for (layer, channel, weight) triples. A layer without any keeps all its channels."""
    sizes = {i.name: i.dims[0] for i in model.graph.initializer if i.name.startswith("channel_weights")}
    inputs: dict[str, np.ndarray] = {}
    for layer, channel, weight in channels:
        # A graph with a single layer does not name it.
        name = "channel_weights" if "channel_weights" in sizes else f"channel_weights_{layer}"
        if name not in sizes:
            raise BadInput(f"the graph does not dream with layer {layer}", "unknown_layer")
        size = sizes[name]
        if not 0 <= channel < size:
            raise BadInput(f"{layer} has channels 0 to {size - 1}, not {channel}", "bad_channel")
        # The objective is a mean over all channels. The factor makes a single channel weigh as much as a whole layer.
        inputs.setdefault(name, np.zeros(size, np.float32))[channel] = weight * size
    return inputs


def _guide_inputs(model: onnx.ModelProto, guide: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The inputs of a guided graph besides the image: the guide's features [C, K] at each layer."""
    names = {value.name for value in model.graph.input}
    inputs = {"guide" if len(guide) == 1 else f"guide_{layer}": features for layer, features in guide.items()}
    if not names.issuperset(inputs):
        raise BadInput("a guide needs a guided graph for its layers", "not_guided")
    return inputs

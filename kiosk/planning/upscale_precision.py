"""How to enlarge: which precision and which engine, found out by measuring.

As with dreams (kiosk/planning/precision.py), what qualifies is timed once on a tile, and the outcome kept beside the
graphs. 8 bits qualify where they compute what they should: processors without integer dot products add up in 16 bits,
and some kernels overflow there.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np

from kiosk.errors import KioskError
from kiosk.forge.build import GraphSpec, ensure_graph
from kiosk.nets.engine.compiled import CompiledGraph, openvino_installed
from kiosk.nets.engine.session import available_providers, open_session
from kiosk.nets.enlarging.upscale import graph_precision, network_names
from kiosk.planning.precision import note_fastest, precisions, read_book
from kiosk.planning.timing import best_times
from kiosk.recipes import catalog
from kiosk.recipes.catalog import Precision
from kiosk.recipes.recipe import UpscaleRecipe

log = logging.getLogger(__name__)

Way = tuple[str, str]
"""precision, engine"""
Run = Callable[[], np.ndarray]

TILE = 96
"""pixels of the tile that is timed, without its border."""
LARGEST_ERROR = 3.0
"""levels, root mean square, by which a way may differ from float32 on a tile of all colours to qualify. 8 bits differ
by about 1 there."""


def ways(recipe: UpscaleRecipe) -> tuple[Way, ...]:
    """The precisions and engines that may run `recipe` here; what its "auto"s leave open comes in several."""
    on_cpu = available_providers()[0] == "CPUExecutionProvider"
    found: list[Way] = []
    for precision in precisions(recipe.precision):
        if recipe.engine != "auto":
            found.append((precision, recipe.engine))
            continue
        if precision == "int8" and on_cpu and openvino_installed():
            found.append((precision, "openvino"))
        found.append((precision, "onnxruntime"))
    return tuple(found)


def graphs_of(recipe: UpscaleRecipe, name: str) -> tuple[GraphSpec, ...]:
    """The graphs of network `name` that `decided` may want: to choose from, and float32 to compare with."""
    forms: list[Precision] = [graph_precision(*way) for way in ways(recipe)]
    if len(forms) > 1:
        forms.append("fp32")
    return tuple(GraphSpec(name, precision) for precision in dict.fromkeys(forms))


def decided(folder: Path, recipe: UpscaleRecipe) -> UpscaleRecipe:
    """`recipe` with its precision and engine decided, and its graphs built in `folder`.

    Raises Unavailable or BadInput where what it asks for is not to be had.
    """
    names = network_names(recipe)
    choices = list(ways(recipe))
    precision, engine = _fastest(folder, names[-1], choices) if len(choices) > 1 and names else choices[0]
    for name in names:
        ensure_graph(folder, GraphSpec(name, graph_precision(precision, engine)))
    return dataclasses.replace(recipe, precision=precision, engine=engine)  # type: ignore[arg-type]


def _fastest(folder: Path, name: str, choices: list[Way]) -> Way:
    """The fastest of the `choices` for network `name`; float32, where nothing runs."""
    paths: dict[Way, Path] = {}
    for way in choices:
        try:
            paths[way] = ensure_graph(folder, GraphSpec(name, graph_precision(*way)))
        except KioskError as error:
            if error.code != "precision":
                raise
    labels = {_label(way): way for way in paths}
    key = " ".join(path.stem for path in paths.values())
    known = labels.get(str(read_book(folder).get(key, {}).get("fastest")))
    if known:
        return known
    exact = ensure_graph(folder, GraphSpec(name, "fp32"))
    seconds = _times(catalog.load().network(name).border, paths, exact)
    if not seconds:
        return ("fp32", "onnxruntime")
    fastest = min(seconds, key=lambda way: seconds[way])
    listed = ", ".join(f"{_label(way)} {1000 * value:.0f} ms" for way, value in seconds.items())
    log.info("%s enlarges fastest in %s here (a tile takes: %s)", name, _label(fastest), listed)
    note_fastest(folder, key, _label(fastest), {_label(way): round(value, 5) for way, value in seconds.items()})
    return fastest


def _label(way: Way) -> str:
    return " ".join(way)


def _times(border: int, paths: dict[Way, Path], exact: Path) -> dict[Way, float]:
    """Seconds that each way takes for a tile on one thread; without those that do not run here, or not rightly."""
    runs: dict[Way, Run] = {}
    image = _tile(TILE + 2 * border)
    expected = _opened(("fp32", "onnxruntime"), exact, image)()
    for way, path in paths.items():
        try:
            run = _opened(way, path, image)
            error = float(np.sqrt(np.square(run().clip(0, 1) - expected.clip(0, 1)).mean()) * 255)
        except Exception as failure:  # noqa: BLE001 (both engines raise families of their own, some of it plain Exception)
            log.warning("%s does not run here: %s", path.name, str(failure).splitlines()[0])
            continue
        if error <= LARGEST_ERROR:
            runs[way] = run
        else:
            log.warning("%s is off by %.1f levels here and is not used", path.name, error)
    return best_times(runs)


def _opened(way: Way, graph: Path, image: np.ndarray) -> Run:
    height, width = image.shape[2:]
    if way[1] == "openvino":
        compiled = CompiledGraph(graph, height=height, width=width)
        return lambda: compiled.run(["upscaled"], {"image": image})[0]
    session = open_session(graph, height=height, width=width, threads=1)
    return lambda: np.asarray(session.run(["upscaled"], {"image": image})[0])


def _tile(side: int) -> np.ndarray:
    """Detail of several sizes in all colors, float32 [1, 3, side, side], 0..1; much of it at either end of the range,
    where sums of 8-bit products overflow."""
    rng = np.random.default_rng(0)
    total = np.full((3, side, side), 0.5)
    for size in (2, 8, 32):
        coarse = rng.uniform(-0.4, 0.4, (3, -(-side // size), -(-side // size)))
        total += np.kron(coarse, np.ones((size, size)))[:, :side, :side]
    return (total.clip(0, 1) * 255).round().astype(np.float32)[None] / np.float32(255)

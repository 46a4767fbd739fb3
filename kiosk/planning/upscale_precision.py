"""Choose the precision and the engine for upscaling by measuring.

As for dreams (kiosk/planning/precision.py), each candidate is timed once on a tile and the result is saved next to the
graphs. int8 must also be accurate: processors without integer dot products accumulate in 16 bits, and some kernels
overflow there.
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
"""(precision, engine)"""
Run = Callable[[], np.ndarray]

TILE = 96
"""Side of the timed tile in pixels, without its border."""
LARGEST_ERROR = 3.0
"""Largest RMS difference from fp32, in 8-bit levels on a tile of all colors, for a way to qualify. int8 differs by
about 1."""


def ways(recipe: UpscaleRecipe) -> tuple[Way, ...]:
    """The (precision, engine) pairs that may run `recipe` here. Each "auto" expands to all its candidates."""
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
    """The graphs of network `name` that `decided` may need: the candidates, and fp32 as the reference if there are
    several."""
    forms: list[Precision] = [graph_precision(*way) for way in ways(recipe)]
    if len(forms) > 1:
        forms.append("fp32")
    return tuple(GraphSpec(name, precision) for precision in dict.fromkeys(forms))


def decided(folder: Path, recipe: UpscaleRecipe) -> UpscaleRecipe:
    """`recipe` with its precision and engine resolved and its graphs built in `folder`.

    Raises Unavailable or BadInput if the requested precision, engine or network is not available.
    """
    names = network_names(recipe)
    choices = list(ways(recipe))
    precision, engine = _fastest(folder, names[-1], choices) if len(choices) > 1 and names else choices[0]
    for name in names:
        ensure_graph(folder, GraphSpec(name, graph_precision(precision, engine)))
    return dataclasses.replace(recipe, precision=precision, engine=engine)  # type: ignore[arg-type]


def _fastest(folder: Path, name: str, choices: list[Way]) -> Way:
    """The fastest of `choices` for network `name`; fp32 with ONNX Runtime if none qualifies."""
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
    """Seconds per tile of each way on one thread. Ways that fail to run or differ too much from fp32 are left out."""
    runs: dict[Way, Run] = {}
    image = _tile(TILE + 2 * border)
    expected = _opened(("fp32", "onnxruntime"), exact, image)()
    for way, path in paths.items():
        try:
            run = _opened(way, path, image)
            error = float(np.sqrt(np.square(run().clip(0, 1) - expected.clip(0, 1)).mean()) * 255)
        except Exception as failure:  # noqa: BLE001 (some errors of both engines derive only from Exception)
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
    """A test tile with colored detail of several sizes, float32 [1, 3, side, side], 0..1. Much of it is near 0 or 1,
    where sums of 8-bit products overflow."""
    rng = np.random.default_rng(0)
    total = np.full((3, side, side), 0.5)
    for size in (2, 8, 32):
        coarse = rng.uniform(-0.4, 0.4, (3, -(-side // size), -(-side // size)))
        total += np.kron(coarse, np.ones((size, size)))[:, :side, :side]
    return (total.clip(0, 1) * 255).round().astype(np.float32)[None] / np.float32(255)

"""Calibrate int8 for a layer of an imported network, and keep it only where it is as good as float32 and faster."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kiosk.errors import KioskError
from kiosk.forge.build import GraphSpec, ensure_graph
from kiosk.forge.dream_networks import read_dreaming
from kiosk.forge.precisions.coded.stored import ranges_path, store_ranges
from kiosk.forge.readers.imported import known_network
from kiosk.nets.calibration import calibrate, small_recipe
from kiosk.nets.dreaming.dream import dream
from kiosk.planning.precision import tile_times

WELL = 0.97
"""Share of float32's objective that a dream in int8 has to reach, judged by the float32 graph."""
LONGEST = 200
"""Characters of an error that are shown."""
JUDGED = 2
"""Number of photos that are dreamed for the comparison."""


@dataclass(frozen=True)
class Comparison:
    """A layer's int8 graph beside the float32 one. `objective`: the share of float32's objective that whole small
    dreams reach, their mean. `speed`: how many times as fast a tile is on this machine. `refused`: why int8 is not
    offered, or None."""

    layer: str
    objective: float | None
    speed: float | None
    refused: str | None

    @property
    def line(self) -> str:
        """What to tell the operator."""
        if self.refused:
            return f"int8: {self.layer} is not offered: {self.refused}"
        return f"int8: {self.layer} reaches {self.objective:.1%} of float32's objective, {self.speed:.2g} times as fast"


def offer_int8(
    graphs: Path,
    name: str,
    layer: str,
    photos: Sequence[np.ndarray],
    progress: Callable[[float], None] | None = None,
) -> Comparison:
    """Calibrate, build and compare the int8 dream graph of `layer` of the imported network `name`.

    `photos`: as for `calibrate`. The ranges are kept in `graphs` if int8 is worth it; without them the layer is refused
    in int8.
    """
    ranges = ranges_path(graphs, name, layer)
    offered = False
    try:
        found = _compare(graphs, name, layer, photos, progress)
        offered = found.refused is None
    except KioskError as error:
        found = Comparison(layer, None, None, str(error))
    except Exception as error:  # noqa: BLE001 (some ONNX Runtime errors derive only from Exception)
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:LONGEST]
        found = Comparison(layer, None, None, f"it does not run here ({reason})")
    finally:
        # An interrupted comparison leaves none either.
        if not offered:
            ranges.unlink(missing_ok=True)
    return found


def _compare(
    graphs: Path, name: str, layer: str, photos: Sequence[np.ndarray], progress: Callable[[float], None] | None
) -> Comparison:
    """Calibrate, build and compare, and leave the ranges."""
    forward = read_dreaming(graphs, known_network(graphs, name))
    store_ranges(ranges_path(graphs, name, layer), calibrate(forward, layer, photos, progress))
    spec = GraphSpec(name, "int8", ((layer, 1.0),))
    built, exact = ensure_graph(graphs, spec), ensure_graph(graphs, GraphSpec(name, "fp32", spec.layers))
    share = _share(layer, photos[:: max(1, len(photos) // JUDGED)][:JUDGED], built, exact)
    fast, slow = tile_times([built, exact])
    speed, refused = slow / fast, None
    if not share >= WELL:
        refused = f"it reaches {share:.1%} of float32's objective, of which {WELL:.0%} are needed"
    elif speed <= 1:
        refused = f"it takes {1 / speed:.2g} times as long as float32 here" if speed else "it does not run here"
    if refused:
        for path in (built, built.with_suffix(".sha256")):
            path.unlink(missing_ok=True)
    return Comparison(layer, share, speed, refused)


def _share(layer: str, photos: Sequence[np.ndarray], graph: Path, exact: Path) -> float:
    """The mean share of float32's objective that small dreams of `photos` reach."""
    shares = []
    for photo in photos:
        # Another seed than the calibration's, so that other tiles are seen.
        recipe = small_recipe(layer, photo.shape[1], seed=2)
        reached, wanted = (dream(photo, recipe, each, judge=exact).objective[1] for each in (graph, exact))
        shares.append(reached / wanted if wanted > 0 else 1.0)
    return float(np.mean(shares))

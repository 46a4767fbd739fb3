"""Calibrated ranges of SqueezeNet's activations and gradients (from tests/bench/calibrate_dream.py)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tomlkit

from kiosk.errors import Unavailable
from kiosk.forge.readers.squeezenet import CAFFE_MEAN_BGR, POOL_BEFORE

EXPANDS = ("expand1", "expand3")
SCORES = "conv10"
FIRES = tuple(f"fire{number}" for number in range(2, 10))
LAYERS = (*FIRES, SCORES)
"""The layers with int8 dream graphs."""


@dataclass(frozen=True)
class Ranges:
    """The ranges found by calibration.

    `activations`: tensor -> the value of code 255 per channel. `gradients`: tensor -> the gradient of code 255, as a
    multiple of the RMS of the preceding gradient at a squeeze or the dreamed layer.
    """

    activations: Mapping[str, np.ndarray]
    gradients: Mapping[str, float]


def read_ranges(path: Path) -> Ranges:
    """Read ranges from a file. Raises Unavailable if it is missing."""
    try:
        found = tomlkit.parse(path.read_text(encoding="utf-8")).unwrap()
    except OSError as error:
        raise Unavailable(f"there are no int8 ranges for {path.stem}", "precision") from error
    return Ranges({name: np.array(row, np.float64) for name, row in found["activations"].items()}, found["gradients"])


def tensor_ranges(ranges: Ranges) -> dict[str, float]:
    """The largest value of each tensor that SqueezeNet's float graph convolves, for symmetric codes.

    These codes have one scale for all channels, which works best if it clips the channels with the highest tenth of
    ranges.
    """
    found = {"centered": max(CAFFE_MEAN_BGR[-1], 255 - CAFFE_MEAN_BGR[0])}
    for name, values in ranges.activations.items():
        limit = float(np.quantile(values, 0.9)) * 2
        found[name] = limit
        for fire in POOL_BEFORE:
            for part, source in enumerate(_sources(fire)):
                if source == name:
                    found[f"{fire}/pool{part}/relu"] = found[f"{fire}/pool{part}"] = limit
    return found


def _sources(fire: str) -> list[str]:
    """The tensors that a fire module reads."""
    number = FIRES.index(fire)
    return [f"{FIRES[number - 1]}/{part}" for part in EXPANDS] if number else ["conv1"]


def write_ranges(path: Path, ranges: Ranges) -> None:
    """Write `ranges` with three significant digits, more than the precision of calibration."""
    rows = [f'"{name}" = [{", ".join(f"{v:.3g}" for v in values)}]' for name, values in ranges.activations.items()]
    limits = [f'"{name}" = {value:.3g}' for name, value in ranges.gradients.items()]
    path.write_text("\n".join(["[gradients]", *limits, "", "[activations]", *rows, ""]), encoding="utf-8")

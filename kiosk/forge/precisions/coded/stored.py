"""Calibrated ranges of imported networks, stored beside them:

<graphs>/imported/<name>/int8-<digest of the layer>.json
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np

from kiosk.errors import Unavailable
from kiosk.forge.precisions.dream_ranges import Ranges
from kiosk.forge.readers.imported import FOLDER
from kiosk.storage import write_atomic

DIGITS = 4
"""Significant digits, more than the precision of calibration."""


def ranges_path(graphs: Path, name: str, layer: str) -> Path:
    """The file of the ranges of one layer's dreams, written or not."""
    return graphs / FOLDER / name / f"int8-{hashlib.sha256(layer.encode()).hexdigest()[:16]}.json"


def store_ranges(path: Path, ranges: Ranges) -> None:
    """Write `ranges` atomically."""

    def short(value: float) -> float:
        return float(f"{value:.{DIGITS}g}")

    fields = {
        "activations": {name: [short(value) for value in values] for name, values in ranges.activations.items()},
        "gradients": {name: short(value) for name, value in ranges.gradients.items()},
    }
    write_atomic(path, json.dumps(fields))


def stored_ranges(graphs: Path, name: str, layer: str) -> Ranges:
    """The ranges of a layer's dreams. Raises Unavailable if they were never calibrated, or are damaged."""
    path = ranges_path(graphs, name, layer)
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        activations = {str(key): np.array(values, np.float64) for key, values in fields["activations"].items()}
        return Ranges(activations, {str(key): float(value) for key, value in fields["gradients"].items()})
    except FileNotFoundError:
        reason = f"{name} has no int8 ranges for {layer}: dream it in fp32, or import it again with --precision int8"
        raise Unavailable(reason, "precision") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Unavailable(f"{path} is damaged; import {name} again with --precision int8", "precision") from error

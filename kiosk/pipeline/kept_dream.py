"""The finished dream, saved losslessly until its photo is ready, so that later stages can be resumed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from kiosk.errors import Unavailable
from kiosk.storage import write_atomic

RECORD, PICTURE, RIGHT_EYE = "dream.json", "dreamed.png", "dreamed-right.png"


@dataclass(frozen=True)
class Dreamed:
    """A dream, uint8 [H, 2H, 3] (for a stereo photo the left eye), its right eye if any, and the record of the run.
    heading: compass direction of its center in degrees, None if unknown."""

    picture: np.ndarray
    right_eye: np.ndarray | None
    record: dict[str, Any]
    heading: float | None = None


def keep(folder: Path, dreamed: Dreamed) -> None:
    """Write `dreamed` into `folder`. The picture is written last and marks the rest as complete. Raises Unavailable."""
    write_atomic(folder / RECORD, json.dumps({"dream": dreamed.record, "heading": dreamed.heading}))
    if dreamed.right_eye is not None:
        _write(folder / RIGHT_EYE, dreamed.right_eye)
    _write(folder / PICTURE, dreamed.picture)


def kept(folder: Path) -> Dreamed | None:
    """Read the dream saved in `folder`; None if there is none or its files are damaged."""
    picture, right_eye = _read(folder / PICTURE), _read(folder / RIGHT_EYE)
    if picture is None or (right_eye is None and (folder / RIGHT_EYE).exists()):
        return None
    try:
        kept = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        return Dreamed(picture, right_eye, kept["dream"], kept.get("heading"))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _read(path: Path) -> np.ndarray | None:
    if not path.is_file():
        return None
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    return None if picture is None else cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)


def _write(path: Path, picture: np.ndarray) -> None:
    ok, data = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_PNG_COMPRESSION, 1])
    if not ok:
        raise Unavailable("the dream cannot be saved", "cannot_write", 507)
    write_atomic(path, data.tobytes())

"""Checkpoints of a dream. After a power cut it resumes, losing about half a minute, with a bit-identical result."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import os
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from kiosk.recipes.recipe import DreamRecipe
from kiosk.sphere.compact import STEPS
from kiosk.storage import atomic_file

DIGEST = 32


@dataclass(frozen=True)
class DreamState:
    """The state before step `iteration` of octave `octave`. `array`, int16 [h, w, 3], holds the codes of a FixedPoint:
    at iteration 0 the detail of the previous octave (None before the first), otherwise the current picture."""

    octave: int
    iteration: int
    array: np.ndarray | None
    report: list[dict] = field(default_factory=list)


class Checkpoint:
    """A checkpoint file: a line of JSON, the array's bytes, and the sha256 of both.

    It is valid only for the same photo, recipe and engine.
    """

    def __init__(self, path: Path, photo: np.ndarray, recipe: DreamRecipe, engine: str) -> None:
        self._path = path
        digest = hashlib.sha256(np.ascontiguousarray(photo).data)
        digest.update(json.dumps([photo.shape, _lasting_json(recipe), engine]).encode())
        self._key = digest.hexdigest()

    def save(self, state: DreamState) -> None:
        """Replace the file atomically and durably. Raises Unavailable if the disk is full; the old state then stays."""
        array = None if state.array is None else np.ascontiguousarray(state.array)
        head = {
            "key": self._key,
            "octave": state.octave,
            "iteration": state.iteration,
            "report": state.report,
            "shape": None if array is None else array.shape,
            "steps": STEPS,
        }
        line = json.dumps(head).encode() + b"\n"
        digest = hashlib.sha256(line)
        with atomic_file(self._path) as file:
            file.write(line)
            if array is not None:
                digest.update(array.data)
                file.write(array.data)
            file.write(digest.digest())

    def load(self) -> DreamState | None:
        """Load the saved state; None if there is none, it is damaged, or it belongs to another dream."""
        try:
            with self._path.open("rb") as file:
                line = file.readline(1 << 20)
                head = json.loads(line)
                if head["key"] != self._key or head["steps"] != STEPS:
                    return None
                array = None
                digest = hashlib.sha256(line)
                if head["shape"] is not None:
                    # Check the file's size before allocating memory for the array.
                    left = os.fstat(file.fileno()).st_size - file.tell() - DIGEST
                    if math.prod(head["shape"]) * np.dtype(np.int16).itemsize != left:
                        return None
                    array = np.empty(head["shape"], np.int16)
                    if file.readinto(array.data.cast("B")) != array.nbytes:
                        return None
                    digest.update(array.data)
                if file.read(DIGEST + 1) != digest.digest():
                    return None
                return DreamState(head["octave"], head["iteration"], array, head["report"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def clear(self) -> None:
        """Remove the file, after the dream is finished."""
        self._path.unlink(missing_ok=True)


def _lasting_json(recipe: DreamRecipe) -> str:
    """The recipe as JSON, in the form of earlier versions if they had it: an update keeps their checkpoints valid."""
    fields = dataclasses.asdict(recipe)
    # Always settled here.
    del fields["strongest"], fields["equalized"]
    # Laid over the finished dream.
    del fields["presence"]
    if recipe.tile is None:
        del fields["tile"]
    if len(recipe.layers) == 1:
        fields["channels"] = [(channel, weight) for _, channel, weight in recipe.channels]
    return json.dumps(fields, sort_keys=True)

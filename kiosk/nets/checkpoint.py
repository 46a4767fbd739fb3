"""A dream's state on disk, so that a power cut costs at most half a minute and changes not one bit of the result."""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from kiosk.nets.recipe import DreamRecipe
from kiosk.storage import write_atomic


@dataclass(frozen=True)
class DreamState:
    """Before iteration `iteration` of octave `octave`: either the detail carried up, or the picture under way."""

    octave: int
    iteration: int
    detail: np.ndarray | None
    """float32 [h, w, 3] at the size of the octave before."""
    picture: np.ndarray | None
    """float32 [h, w, 3] at the size of this octave."""
    report: list[dict] = field(default_factory=list)


class Checkpoint:
    """One file; it belongs to a photo, a recipe and an engine, and is ignored by any other."""

    def __init__(self, path: Path, photo: np.ndarray, recipe: DreamRecipe, engine: str) -> None:
        self._path = path
        digest = hashlib.sha256(np.ascontiguousarray(photo).data)
        digest.update(json.dumps([photo.shape, recipe.to_json(), engine]).encode())
        self._key = digest.hexdigest()

    def save(self, state: DreamState) -> None:
        """Replace the file, durably. Raises Unavailable when the disk is full; the old state then stays."""
        arrays = {name: a for name in ("detail", "picture") if (a := getattr(state, name)) is not None}
        head = {"key": self._key, "octave": state.octave, "iteration": state.iteration, "report": state.report}
        buffer = io.BytesIO()
        np.savez(buffer, head=np.frombuffer(json.dumps(head).encode(), np.uint8), **arrays)
        data = buffer.getvalue()
        write_atomic(self._path, hashlib.sha256(data).digest() + data)

    def load(self) -> DreamState | None:
        """The saved state; None when there is none, it is damaged, or it belongs to another dream."""
        try:
            raw = self._path.read_bytes()
        except OSError:
            return None
        if hashlib.sha256(raw[32:]).digest() != raw[:32]:
            return None
        with np.load(io.BytesIO(raw[32:]), allow_pickle=False) as file:
            head = json.loads(file["head"].tobytes())
            if head["key"] != self._key:
                return None
            arrays = {name: file.get(name) for name in ("detail", "picture")}
        return DreamState(head["octave"], head["iteration"], arrays["detail"], arrays["picture"], head["report"])

    def clear(self) -> None:
        """The dream is finished."""
        self._path.unlink(missing_ok=True)

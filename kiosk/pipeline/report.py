"""The interface that `make_photo` reports to."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from kiosk.library.records import Image, State


class Reporter(Protocol):
    """Receives the progress and results of one photo. Any method may raise to end the work."""

    def enter(self, state: State) -> None:
        """A stage starts: "dreaming", "upscaling" or "publishing"."""

    def progress(self, fraction: float, eta_seconds: float | None = None) -> None:
        """The current stage is `fraction` (0..1) done. `eta_seconds`: the stage's own estimate of what is left."""

    def preview_due(self) -> bool:
        """Whether it is time for the next preview."""
        ...

    def preview(self, picture: np.ndarray) -> None:
        """Show a frame of the growing dream, uint8 [H, 2H, 3]."""

    def images(self, images: list[Image]) -> None:
        """These pictures are written."""

    def stereo(self, mode: str) -> None:
        """The original is a stereo photo with layout `mode`."""

    def cancelled(self) -> bool:
        """Whether to stop. Called before every tile."""
        ...

    def measured(self, kind: str, label: str, megapixels: float, seconds: float) -> None:
        """A stage processed `megapixels` in `seconds`. `kind` is "dream", "upscale" or "publish"."""

    def did(self, part: str, record: dict[str, Any]) -> None:
        """The record of what was actually done. `part` is "dream" or "upscale"."""

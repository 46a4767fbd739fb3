"""Who listens while a photo is made."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from kiosk.library.records import Image, State


class Reporter(Protocol):
    """Any of these may raise to end the work."""

    def enter(self, state: State) -> None:
        """A stage begins: "dreaming", "upscaling" or "publishing"."""

    def progress(self, fraction: float, eta_seconds: float | None = None) -> None:
        """`fraction` 0..1 of the stage under way, and the seconds it still takes, where the stage knows better."""

    def preview_due(self) -> bool:
        """Whether a preview would be shown now."""
        ...

    def preview(self, picture: np.ndarray) -> None:
        """A frame of the growing dream, uint8 [H, 2H, 3]."""

    def images(self, images: list[Image]) -> None:
        """Pictures that are now there."""

    def stereo(self, mode: str) -> None:
        """The original turned out to hold two eyes."""

    def cancelled(self) -> bool:
        """Whether to stop; asked before every tile."""
        ...

    def measured(self, kind: str, label: str, megapixels: float, seconds: float) -> None:
        """A speed that was just seen: `kind` is dream, upscale or publish."""

    def did(self, part: str, record: dict[str, Any]) -> None:
        """What was really done; `part` is dream or upscale."""

"""The interface of a source of photos, and its two kinds of fault."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kiosk.errors import Unavailable
from kiosk.pictures.sphere_jpeg import encode_jpeg


class TemporaryFault(Unavailable):
    """The camera is asleep, unplugged or busy: retry automatically."""

    def __init__(self, message: str, code: str = "camera_asleep") -> None:
        super().__init__(message, code)


class PermanentFault(Unavailable):
    """Retrying is useless until somebody fixes the cause, such as a missing package or an unset folder."""

    def __init__(self, message: str, code: str = "camera_unusable") -> None:
        super().__init__(message, code)


@dataclass(frozen=True)
class Shot:
    """One photo: a picture (uint8 [H, W, 3], RGB), the bytes of an image file, or the path of one."""

    picture: np.ndarray | None = None
    encoded: bytes | None = None
    file: Path | None = None
    name: str = ""

    def source(self) -> Path | bytes:
        """The photo as an image file: its path or its bytes. A picture is encoded as JPEG, with GPano if it is 2:1."""
        if self.file is not None:
            return self.file
        if self.encoded is not None:
            return self.encoded
        assert self.picture is not None
        height, width = self.picture.shape[:2]
        return encode_jpeg(self.picture, quality=95, gpano=width == 2 * height)


class Source(ABC):
    """A source of photos. One thread calls `open`, `capture` any number of times, and `close`.

    `open` and `capture` may raise TemporaryFault (the caller closes, waits and opens again) or PermanentFault (the
    caller gives up until the settings change).
    """

    name: str

    @abstractmethod
    def open(self) -> None:
        """Open the camera. Safe to call again after `close`."""

    @abstractmethod
    def close(self) -> None:
        """Release the hardware. Never raises; safe to call twice."""

    @abstractmethod
    def capture(self, alive: Callable[[], None] = lambda: None, patience: float = 0.0) -> Shot | None:
        """Take a photo. If photos appear by themselves: return the next one, or None after `patience` seconds.

        `alive` is called regularly during long operations.
        """

    def accepted(self, shot: Shot) -> None:  # noqa: B027 (only sources that keep files have something to do)
        """Called after the kiosk has stored `shot` durably."""

    def refused(self, shot: Shot, sentence: str) -> None:  # noqa: B027
        """Called if the kiosk cannot use `shot`; `sentence` says why."""

"""What every source of photos looks like to the kiosk, and the two kinds of fault it may have."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kiosk.errors import Unavailable
from kiosk.pictures.sphere_jpeg import encode_jpeg


class TemporaryFault(Unavailable):
    """The camera is asleep, unplugged or busy: worth trying again by itself."""

    def __init__(self, message: str, code: str = "camera_asleep") -> None:
        super().__init__(message, code)


class PermanentFault(Unavailable):
    """Nothing will change until somebody mends it: a package that is missing, a folder that is not named."""

    def __init__(self, message: str, code: str = "camera_unusable") -> None:
        super().__init__(message, code)


@dataclass(frozen=True)
class Shot:
    """One photo: a picture (uint8 [H, W, 3], RGB), or the bytes of an image file, or where that lies."""

    picture: np.ndarray | None = None
    encoded: bytes | None = None
    file: Path | None = None
    name: str = ""

    def source(self) -> Path | bytes:
        """An image file: where it lies, or its bytes; a picture becomes a JPEG, with GPano where it is 2:1."""
        if self.file is not None:
            return self.file
        if self.encoded is not None:
            return self.encoded
        assert self.picture is not None
        height, width = self.picture.shape[:2]
        return encode_jpeg(self.picture, quality=95, gpano=width == 2 * height)


class Source(ABC):
    """A source of photos. Used by one thread: `open`, any number of `capture`, `close`.

    Each method may raise TemporaryFault (close, wait, open again) or PermanentFault (give up until settings change).
    """

    name: str

    @abstractmethod
    def open(self) -> None:
        """Get ready. Safe to call again after `close`."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the hardware; never raises, and is safe to call twice."""

    @abstractmethod
    def capture(self, alive: Callable[[], None] = lambda: None, patience: float = 0.0) -> Shot | None:
        """Take a photo. Where photos come by themselves: the next one, or None after `patience` seconds without one.

        `alive` is called while it takes long.
        """

    def accepted(self, shot: Shot) -> None:  # noqa: B027 (only sources that keep files have something to do)
        """The kiosk has stored `shot` durably."""

    def refused(self, shot: Shot, sentence: str) -> None:  # noqa: B027
        """`shot` is not a photo the kiosk can use, and why."""

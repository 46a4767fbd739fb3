"""The virtual camera as a source: every photo has a different time of day and different clouds."""

from __future__ import annotations

from collections.abc import Callable

from kiosk.capture.source import Shot, Source
from kiosk.scenery.camera import photograph
from kiosk.scenery.scenes import DEFAULT_TIME, make_scene

# Hours relative to the first photo: mostly afternoon and evening, with some night and morning.
_HOURS = (0.0, -1.3, 0.45, -2.6, 1.15, -7.6, -0.6, -10.4, 0.2, -4.8)


class VirtualCamera(Source):
    """Photos of a procedural scene, uint8 [width / 2, width, 3]. `time` (hour of the day) and `seed` apply to the first
    photo."""

    name = "virtual"

    def __init__(self, scene: str = "plaza", time: float = DEFAULT_TIME, width: int = 2048, seed: int = 7) -> None:
        self._scene, self._time, self._width, self._seed = scene, time, width, seed
        self._taken = 0

    def open(self) -> None:
        pass

    def close(self) -> None:
        pass

    def capture(self, alive: Callable[[], None] = lambda: None, patience: float = 0.0) -> Shot:
        hour = self._time + _HOURS[self._taken % len(_HOURS)]
        scene = make_scene(self._scene, self._seed + self._taken, hour)
        alive()
        picture = photograph(scene, self._width, progress=lambda _: alive())
        self._taken += 1
        return Shot(picture=picture)

"""The registry of scenes."""

from __future__ import annotations

from collections.abc import Callable

from kiosk.errors import BadInput
from kiosk.scenery.camera import Scene
from kiosk.scenery.courtyard.plaza import Plaza
from kiosk.scenery.salon.salon import Salon

SCENES: dict[str, Callable[[int, float], Scene]] = {"plaza": Plaza, "indoor": Salon}
DEFAULT_SCENE = "plaza"
DEFAULT_TIME = 18.3  # low sun, long shadows


def make_scene(name: str, seed: int, time: float) -> Scene:
    """Create the scene `name` at `time` (hours of the day). Raises BadInput for a name that is not in SCENES."""
    if name not in SCENES:
        raise BadInput(f"there is no scene {name!r}; choose from {', '.join(SCENES)}", "no_scene")
    return SCENES[name](seed, time)

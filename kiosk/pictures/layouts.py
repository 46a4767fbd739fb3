"""How two eyes lie in one stereo picture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

TOP_BOTTOM: Final = "top-bottom"
"""The left eye above the right one."""
LEFT_RIGHT: Final = "left-right"
LAYOUTS: Mapping[str, str] = {
    "mono": "mono",
    "top-bottom": TOP_BOTTOM,
    "top_bottom": TOP_BOTTOM,
    "over-under": TOP_BOTTOM,
    "left-right": LEFT_RIGHT,
    "left_right": LEFT_RIGHT,
    "side-by-side": LEFT_RIGHT,
}
"""The names that files give the layouts (GPano, spherical video, editors) -> ours."""

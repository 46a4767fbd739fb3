"""Hands as WebDriver describes them, for both of its protocols."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.browser.engines.tab import Point

KEYS = {
    "ArrowLeft": "\ue012",
    "ArrowUp": "\ue013",
    "ArrowRight": "\ue014",
    "ArrowDown": "\ue015",
    "Home": "\ue011",
    "Escape": "\ue00c",
}


def dragging(path: Sequence[Point]) -> list[dict[str, Any]]:
    """The mouse down at the first point, along the others, and up."""
    moves = [{"type": "pointerMove", "x": round(x), "y": round(y), "duration": 16} for x, y in path]
    hand = [moves[0], {"type": "pointerDown", "button": 0}, *moves[1:], {"type": "pointerUp", "button": 0}]
    return [{"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}, "actions": hand}]


def pressing(key: str) -> list[dict[str, Any]]:
    return [
        {"type": "key", "id": "keys", "actions": [{"type": kind, "value": KEYS[key]} for kind in ("keyDown", "keyUp")]}
    ]

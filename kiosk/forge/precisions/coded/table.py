"""The table of operations that run on codes.

A function returns whether it wrote the node; otherwise the node runs on floats.
"""

from __future__ import annotations

from collections.abc import Callable

import onnx

from kiosk.forge.precisions.coded.writer import CodedWriter

Lower = Callable[[CodedWriter, onnx.NodeProto], bool]
LOWERS: dict[str, Lower] = {}


def lowers(*kinds: str) -> Callable[[Lower], Lower]:
    """Register the decorated function for operations."""

    def register(lower: Lower) -> Lower:
        LOWERS.update((kind, lower) for kind in kinds)
        return lower

    return register

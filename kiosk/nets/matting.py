"""Matte people with MODNet: how much of each pixel belongs to the persons in front.

It mattes whatever stands in front, a bouquet or a statue too; who asks has to look for a face beside it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from kiosk.nets.engine.session import open_session

NETWORK = "matting"
"""The network's name in the catalog."""
SIDE = 512
"""Side in pixels of the pictures, as in training. The network judges by the whole picture, so tiles are no way."""


class Matter:
    """Mattes square pictures. `graph`: the graph of NETWORK. `threads`: 0 for all cores; the result is the same."""

    def __init__(self, graph: Path | bytes, threads: int = 0) -> None:
        self._session = open_session(
            graph, height=SIDE, width=SIDE, providers=["CPUExecutionProvider"], threads=threads
        )

    def __call__(self, picture: np.ndarray) -> np.ndarray:
        """The matte of `picture`, uint8 [SIDE, SIDE, 3]: float32 [SIDE, SIDE], 0 (background) to 1 (person)."""
        image = np.ascontiguousarray(picture.transpose(2, 0, 1)[None], np.float32)
        return np.asarray(self._session.run(["matte"], {"image": image})[0])[0, 0].clip(0, 1)

"""Tell rude pictures with Open-NSFW. It knows pornography only: neither violence, nor symbols, nor drawings.

Yahoo, "Open nsfw model", 2016 (github.com/yahoo/open_nsfw).
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

from kiosk.nets.engine.session import open_session

SIDE = 256
"""Side in pixels that every picture is resized to, whatever its proportions, as in training."""
SEEN = 224
"""Side in pixels of the middle of that, which the network sees."""
DECENT, RUDE = 0.2, 0.8
"""Below the first a picture is most likely safe, above the second most likely not; in between it takes a person to say.
The authors' figures."""
_QUALITY = 75
"""Of the JPEG, as the authors' program wrote it."""


class Judge:
    """Judges pictures. `graph`: that of the network `moderation`. `threads`: 0 for all cores."""

    def __init__(self, graph: Path | bytes, threads: int = 0) -> None:
        self._session = open_session(
            graph, height=SEEN, width=SEEN, providers=["CPUExecutionProvider"], threads=threads
        )

    def __call__(self, picture: np.ndarray) -> float:
        """How rude a picture (uint8 [h, w, 3], RGB) is, 0 (decent) to 1.

        It sees 7/8 of the width and of the height. The picture is resized as the authors did, and goes through a JPEG,
        because the network was trained on JPEGs: without, its answers are a little different.
        """
        resized = Image.fromarray(picture).resize((SIDE, SIDE), Image.Resampling.BILINEAR)
        packed = io.BytesIO()
        resized.save(packed, "JPEG", quality=_QUALITY)
        with Image.open(packed) as image:
            levels = np.asarray(image.convert("RGB"), np.float32)
        edge = (SIDE - SEEN) // 2
        middle = levels[edge : edge + SEEN, edge : edge + SEEN]
        image = np.ascontiguousarray(middle.transpose(2, 0, 1)[None])
        return float(np.asarray(self._session.run(["rudeness"], {"image": image})[0])[0])

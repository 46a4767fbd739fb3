"""Open-NSFW as a graph like the kiosk's others: the preprocessing is inside, and tensors have plain names.

Yahoo, "Open nsfw model", 2016 (github.com/yahoo/open_nsfw): a thin residual network of 50 layers.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper

from kiosk.forge.archives import published

IMAGE, RUDENESS = "image", "rudeness"
SIDE = 224
"""Height and width of the picture, pixels."""
MEANS = (104.0, 117.0, 123.0)
"""What is subtracted from the 8-bit levels of blue, green and red, in this order, as the network takes them."""
_RUDE = 1
"""The second of the network's two answers, which add up to 1, is that the picture is rude."""


def forward(data: bytes) -> onnx.ModelProto:
    """The graph: `image` float32 [1, 3, SIDE, SIDE], RGB 0..255 -> `rudeness` float32 [1], 0 (decent) to 1 (rude).

    data: the published ONNX file, which takes [1, SIDE, SIDE, 3]. Raises BadInput if it is not a network with one
    picture as input and one output.
    """
    network = published.read(data, "moderation network")
    return published.wrapped(
        network,
        "moderation",
        (
            helper.make_tensor_value_info(IMAGE, TensorProto.FLOAT, [1, 3, SIDE, SIDE]),
            helper.make_tensor_value_info(RUDENESS, TensorProto.FLOAT, [1]),
        ),
        before=[
            helper.make_node("Transpose", [IMAGE], ["image/last"], perm=[0, 2, 3, 1]),
            helper.make_node("Gather", ["image/last", "image/bgr"], ["image/swapped"], axis=3),
            helper.make_node("Sub", ["image/swapped", "image/means"], [network.source]),
        ],
        after=[helper.make_node("Gather", [network.target, "rudeness/column"], [RUDENESS], axis=1)],
        constants={
            "image/bgr": np.array([2, 1, 0], np.int64),
            "image/means": np.array(MEANS, np.float32),
            "rudeness/column": np.array(_RUDE, np.int64),
        },
    )

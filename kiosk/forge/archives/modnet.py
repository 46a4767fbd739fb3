"""MODNet as a graph like the kiosk's others: the preprocessing is inside, and tensors have plain names.

Ke et al., "MODNet: Real-Time Trimap-Free Portrait Matting via Objective Decomposition", 2022.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper

from kiosk.forge.archives import published

IMAGE, MATTE = "image", "matte"
MEAN, DEVIATION = 127.5, 127.5
"""The network takes (x - MEAN) / DEVIATION of 8-bit RGB levels x."""


def forward(data: bytes) -> onnx.ModelProto:
    """The graph: `image` float32 [1, 3, height, width], RGB 0..255, sides multiples of 32 -> `matte` float32
    [1, 1, height, width], 0 (background) to 1 (person).

    data: the published ONNX file. Raises BadInput if it is not a network with one picture as input and one output.
    """
    network = published.renamed(published.read(data, "matting network"), MATTE)
    size = ["height", "width"]
    return published.wrapped(
        network,
        "matting",
        (
            helper.make_tensor_value_info(IMAGE, TensorProto.FLOAT, [1, 3, *size]),
            helper.make_tensor_value_info(MATTE, TensorProto.FLOAT, [1, 1, *size]),
        ),
        before=[
            helper.make_node("Sub", [IMAGE, "image/mean"], ["image/centered"]),
            helper.make_node("Div", ["image/centered", "image/deviation"], [network.source]),
        ],
        constants={"image/mean": np.array(MEAN, np.float32), "image/deviation": np.array(DEVIATION, np.float32)},
    )

"""Whether this processor adds products of 8-bit numbers exactly.

x86 without VNNI multiplies unsigned by signed bytes in pairs, and each pair's sum saturates at 16 bits (Intel's
VPMADDUBSW). Networks of 8 bits are wrong there, and tests that ask them to be right cannot pass.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper


@lru_cache
def sums_are_exact() -> bool:
    """Whether a convolution of 64 channels at the ends of their range comes out right."""
    constants = {
        "scale": np.float32(1),
        "zero": np.uint8(0),
        "weights": np.full((1, 64, 1, 1), 127, np.int8),
        "weights_zero": np.int8(0),
        # So that 64 x 255 x 127 is 200 of 255.
        "result_scale": np.float32(64 * 255 * 127 / 200),
    }
    inputs = ["image", "scale", "zero", "weights", "scale", "weights_zero", "result_scale", "zero"]
    graph = helper.make_graph(
        [helper.make_node("QLinearConv", inputs, ["result"])],
        "sums",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, [1, 64, 8, 8])],
        [helper.make_tensor_value_info("result", TensorProto.UINT8, [1, 1, 8, 8])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (result,) = session.run(None, {"image": np.full((1, 64, 8, 8), 255, np.uint8)})
    return bool((np.abs(result.astype(int) - 200) <= 1).all())


def needs_exact_sums() -> None:
    """Skip the test where they are not."""
    if not sums_are_exact():
        pytest.skip("this processor's sums of 8-bit products saturate (x86 without VNNI)")

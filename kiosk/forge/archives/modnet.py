"""MODNet as a graph like the kiosk's others: the preprocessing is inside, and tensors have plain names.

Ke et al., "MODNet: Real-Time Trimap-Free Portrait Matting via Objective Decomposition", 2022.
"""

from __future__ import annotations

import onnx
from google.protobuf.message import DecodeError
from onnx import TensorProto, helper

from kiosk.errors import BadInput

IMAGE, MATTE = "image", "matte"
MEAN, DEVIATION = 127.5, 127.5
"""The network takes (x - MEAN) / DEVIATION of 8-bit RGB levels x."""


def forward(data: bytes) -> onnx.ModelProto:
    """The graph: `image` float32 [1, 3, height, width], RGB 0..255, sides multiples of 32 -> `matte` float32
    [1, 1, height, width], 0 (background) to 1 (person).

    data: the published ONNX file. Raises BadInput if it is not a network with one picture as input and one output.
    """
    try:
        model = onnx.load_model_from_string(data)
        graph = model.graph
        (source,) = (value for value in graph.input if value.name not in {one.name for one in graph.initializer})
        (target,) = graph.output
    except (DecodeError, ValueError) as error:
        raise BadInput(
            "the matting network is not an ONNX file with one input and one output", "bad_archive"
        ) from error
    for node in graph.node:
        node.output[:] = [MATTE if name == target.name else name for name in node.output]
        node.input[:] = [MATTE if name == target.name else name for name in node.input]
    constants = {"image/mean": MEAN, "image/deviation": DEVIATION}
    prepared = [
        helper.make_node("Sub", [IMAGE, "image/mean"], ["image/centered"]),
        helper.make_node("Div", ["image/centered", "image/deviation"], [source.name]),
    ]
    size = ["height", "width"]
    whole = helper.make_graph(
        [*prepared, *graph.node],
        "matting",
        [helper.make_tensor_value_info(IMAGE, TensorProto.FLOAT, [1, 3, *size])],
        [helper.make_tensor_value_info(MATTE, TensorProto.FLOAT, [1, 1, *size])],
        [
            *graph.initializer,
            *(helper.make_tensor(name, TensorProto.FLOAT, [], [value]) for name, value in constants.items()),
        ],
    )
    made = helper.make_model(whole, opset_imports=list(model.opset_import), ir_version=model.ir_version)
    try:
        onnx.checker.check_model(made)
    except onnx.checker.ValidationError as error:
        raise BadInput(f"the matting network is damaged: {str(error).splitlines()[0]}", "bad_archive") from error
    return made

"""The architectures that ship inside the onnx package get a gradient at three depths each.

Their weights are all 0.02 there, which makes every channel the same; seeded He-normal ones take their place.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnx.backend.test
import pytest
from onnx import numpy_helper

from kiosk.forge.gradient.backward import add_gradient, dreamable_layers
from kiosk.forge.gradient.forward import prune
from kiosk.forge.gradient.verify import directional_error

LIGHT = Path(onnx.backend.test.__file__).parent / "data" / "light"
ARCHITECTURES = [
    "bvlc_alexnet",
    "densenet121",
    "inception_v1",
    "inception_v2",
    "resnet50",
    "shufflenet",
    "squeezenet",
    "vgg19",
    "zfnet512",
]


def side(name: str) -> int:
    """The channel shuffles of ShuffleNet reshape to sizes that only 224x224 gives; the others can be smaller."""
    return 224 if name == "shufflenet" else 128


def with_random_weights(name: str, seed: int = 0) -> onnx.ModelProto:
    """The architecture with its input called "image" and He-normal kernels; biases small, normalizations mild."""
    model = onnx.load(LIGHT / f"light_{name}.onnx")
    graph, random = model.graph, np.random.default_rng(seed)
    shapes = {t.name: tuple(numpy_helper.to_array(t)) for t in graph.initializer}
    sizes = {n.output[0]: shapes[n.input[0]] for n in graph.node if n.op_type == "ConstantOfShape"}
    sizes.update((t.name, tuple(t.dims)) for t in graph.initializer if t.data_type == onnx.TensorProto.FLOAT)
    kernels = {n.input[1] for n in graph.node if n.op_type == "Conv"}
    scales = {n.input[i] for n in graph.node if n.op_type == "BatchNormalization" for i in (1, 4)}
    # Caffe's Scale layers arrive as Mul(x, Unsqueeze(scale)).
    factors = {i for n in graph.node if n.op_type == "Mul" for i in n.input}
    scales |= {n.input[0] for n in graph.node if n.op_type == "Unsqueeze" and n.output[0] in factors}
    heads = {i for n in graph.node if n.op_type == "Gemm" for i in n.input}
    weights = []
    for weight, size in sizes.items():
        size = tuple(int(s) for s in size)
        if weight in heads:
            continue
        if weight in kernels:
            array = random.normal(0, np.sqrt(2 / np.prod(size[1:])), size)
        elif weight in scales:
            array = random.uniform(0.5, 1.5, size)
        else:
            array = random.normal(0, 0.1, size)
        weights.append(numpy_helper.from_array(array.astype(np.float32), weight))
    made = {w.name for w in weights}
    nodes = [n for n in graph.node if not made.intersection(n.output)]
    kept = [t for t in graph.initializer if t.name not in made]
    # Sizes that were worked out for 224x224.
    del graph.value_info[:]
    data = next(v for v in graph.input if v.name not in shapes)
    for node in nodes:
        node.input[:] = ["image" if i == data.name else i for i in node.input]
    data.name = "image"
    for dim in data.type.tensor_type.shape.dim[2:]:
        dim.dim_value = side(name)
    inputs = [data]
    del graph.node[:], graph.initializer[:], graph.input[:]
    graph.node.extend(nodes)
    graph.initializer.extend([*kept, *weights])
    graph.input.extend(inputs)
    model.ir_version = 4
    return model


@pytest.mark.slow
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_three_depths_of_every_architecture_have_the_right_gradient(name: str) -> None:
    model = with_random_weights(name)
    activations = {n.output[0] for n in model.graph.node if n.op_type in ("Relu", "Concat", "Sum")}
    layers = [
        layer for layer, shape in dreamable_layers(model).items() if layer in activations and shape[2] not in (1, None)
    ]
    for layer in (layers[1], layers[len(layers) // 2], layers[-1]):
        graph = add_gradient(model, {layer: 1.0})
        assert len(graph.graph.node) == len(prune(list(graph.graph.node), {"gradient", "objective"}))
        assert directional_error(graph, side(name), side(name)) < 0.02, layer

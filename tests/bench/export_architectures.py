"""Export torchvision's architectures with both of PyTorch's exporters, without weights, for the tests of imports.

    python -m tests.bench.export_architectures [NAME ...]

PyTorch is no dependency of the kiosk: run this in an environment of its own with torch, torchvision, onnx and
onnxscript. The tests draw the weights that are missing in these files (tests/integration/forge/weightless.py).
"""

from __future__ import annotations

import gzip
import sys
import tempfile
import warnings
from pathlib import Path

import onnx

FOLDER = Path(__file__).parents[1] / "integration" / "forge" / "architectures"
KEPT = 16
"""Tensors of at most this many numbers stay: sizes, axes, and the constants of activations."""
# As everybody exports them: GoogLeNet and Inception v3 with the input's transformation that their weights need.
ARCHITECTURES: dict[str, dict[str, object]] = {
    "googlenet": {"transform_input": True, "aux_logits": False, "init_weights": False},
    "inception_v3": {"transform_input": True, "aux_logits": False, "init_weights": False},
    "resnet18": {},
    "resnext50_32x4d": {},
    "densenet121": {},
    "mobilenet_v2": {},
    "mobilenet_v3_large": {},
    "efficientnet_b0": {},
    "shufflenet_v2_x1_0": {},
    "regnet_y_400mf": {},
    "convnext_tiny": {},
    "vgg11": {},
    "squeezenet1_1": {},
}
SIDES = {"inception_v3": 299}
EXPORTERS = {"old": {"dynamo": False}, "new": {"dynamo": True}}
OPSETS: dict[str, dict[str, dict[str, object]]] = {
    "shufflenet_v2_x1_0": {"opset13": {"dynamo": False, "opset_version": 13}},
    "convnext_tiny": {"opset23": {"dynamo": True, "opset_version": 23}},
}
"""Exports in an opset that is converted: upwards, with sizes in the graph, and downwards."""


def export(name: str, options: dict[str, object]) -> onnx.ModelProto:
    """The architecture as an ONNX model, without the numbers of its weights."""
    import torch
    import torchvision

    network = getattr(torchvision.models, name)(weights=None, **ARCHITECTURES[name]).eval()
    if name.startswith("vgg"):
        # Imports cut the head off, and the tests would draw its hundred million weights in vain.
        network.classifier = torch.nn.Linear(network.classifier[0].in_features, 10)
    side = SIDES.get(name, 224)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder) / "network.onnx"
        torch.onnx.export(network, (torch.randn(1, 3, side, side),), str(path), **options)
        model = onnx.load(path)
    strip(model)
    return model


def strip(model: onnx.ModelProto) -> None:
    """Remove the weights and everything that is there for people."""
    graph = model.graph
    tensors = [*graph.initializer, *(a.t for node in graph.node for a in node.attribute if a.HasField("t"))]
    for tensor in tensors:
        size = 1
        for dim in tensor.dims:
            size *= dim
        if size > KEPT and tensor.data_type == onnx.TensorProto.FLOAT:
            for data in ("raw_data", "float_data", "external_data", "data_location"):
                tensor.ClearField(data)
    for part in (model, graph, *graph.node, *graph.initializer, *graph.input, *graph.output):
        part.ClearField("doc_string")
        part.ClearField("metadata_props")
    del graph.value_info[:], model.functions[:]


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for architecture in sys.argv[1:] or ARCHITECTURES:
        for exporter, options in {**EXPORTERS, **OPSETS.get(architecture, {})}.items():
            made = FOLDER / f"{architecture}-{exporter}.onnx.gz"
            made.write_bytes(gzip.compress(export(architecture, options).SerializeToString(), mtime=0))
            print(made.name, made.stat().st_size)

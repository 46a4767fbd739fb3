"""Every architecture, as both of PyTorch's exporters write it, is imported whole and has the right gradient."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest

from kiosk.forge.readers.importer import TOLERANCE, import_network
from kiosk.forge.readers.onnx_file import Preprocessing
from tests.integration.forge.weightless import EXPORTS, with_weights

PREPROCESSING = Preprocessing((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
LAYERS = {
    "googlenet": 67,
    "inception_v3": 106,
    "resnet18": 17,
    "resnext50_32x4d": 49,
    "densenet121": 179,
    "mobilenet_v2": 45,
    "mobilenet_v3_large": 49,
    "efficientnet_b0": 58,
    "shufflenet_v2_x1_0": 53,
    "regnet_y_400mf": 65,
    "convnext_tiny": 18,
    "vgg11": 8,
    "squeezenet1_1": 34,
}
"""At least so many layers; one exporter splits more concatenations than the other."""


def test_every_architecture_is_there_from_both_exporters() -> None:
    assert {f"{name}-{exporter}" for name in LAYERS for exporter in ("old", "new")} <= set(EXPORTS)


@pytest.mark.slow
@pytest.mark.parametrize("export", EXPORTS)
def test_the_whole_network_is_imported_with_the_right_gradient(tmp_path: Path, export: str) -> None:
    onnx.save(with_weights(export), tmp_path / "network.onnx")
    imported = import_network(tmp_path / "network.onnx", "mine", PREPROCESSING)
    assert len(imported.network.layers) >= LAYERS[export.rpartition("-")[0]]
    assert imported.behind == {}
    assert imported.error < TOLERANCE

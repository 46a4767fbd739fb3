"""The dream networks of the catalog: their float32 forward graphs, and what makes their int8 ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import onnx

from kiosk.forge.archives.build import read_kept
from kiosk.forge.precisions.dream_ranges import Ranges, tensor_ranges
from kiosk.forge.precisions.int8_dream import quantize_dream
from kiosk.forge.precisions.inverted.int8 import quantize_inverted
from kiosk.forge.precisions.inverted.spans import tensor_spans
from kiosk.forge.readers import efficientnet, squeezenet
from kiosk.forge.readers.imported import PACKAGE as IMPORTED
from kiosk.forge.readers.imported import read_forward
from kiosk.forge.readers.torch_weights import read_tensors
from kiosk.forge.readers.weights import read_source
from kiosk.recipes.catalog import Network


def read_dreaming(folder: Path, network: Network) -> onnx.ModelProto:
    """The float32 forward graph of a network that dreams. `folder` holds those that are not from packages."""
    if network.package == IMPORTED:
        return read_forward(folder, network)
    if network.archive is not None:
        return read_kept(folder, network)
    return READERS[network.name].forward(read_source(network, network.files[0].path))


def _squeezenet(data: bytes) -> onnx.ModelProto:
    return squeezenet.forward(squeezenet.read_weights(data))


def _squeezenet_int8(data: bytes, layer: str, ranges: Ranges, _residual: float) -> onnx.ModelProto:
    return quantize_dream(squeezenet.read_weights(data), layer, ranges)


def _efficientnet(data: bytes) -> onnx.ModelProto:
    return efficientnet.forward(read_tensors(data))


def _efficientnet_int8(data: bytes, layer: str, ranges: Ranges, residual: float) -> onnx.ModelProto:
    return quantize_inverted(_efficientnet(data), layer, ranges, residual)


class DreamReader(NamedTuple):
    """What makes a dream network's graphs from its weight file."""

    forward: Callable[[bytes], onnx.ModelProto]
    int8: Callable[[bytes, str, Ranges, float], onnx.ModelProto]
    """(file, layer, ranges, residual) -> the dream graph for CPUs."""
    spans: Callable[[Ranges], Mapping[str, float]]
    """The largest values of tensors, for symmetric codes."""


READERS = {
    "squeezenet": DreamReader(_squeezenet, _squeezenet_int8, tensor_ranges),
    "efficientnet-lite0": DreamReader(_efficientnet, _efficientnet_int8, tensor_spans),
}
"""The dream networks of the catalog whose weights are in packages."""

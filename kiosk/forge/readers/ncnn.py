"""Read ncnn networks: a `.param` text (the graph) and a `.bin` file (the weights), which must match to the last byte.

Format of `.param`: a magic number, the counts of layers and blobs, then one line per layer: type, name, number of
inputs, number of outputs, their blob names, and `key=value` parameters. A key of -23300 or below is an array that
starts with its length. Format of `.bin`: the weights of the layers in order. A tagged block starts with 4 bytes:
0x01306B47 for float16 values, padded to 4 bytes, or 0 for float32 values. Biases are untagged float32. Source: the ncnn
wiki, "param and model file structure".
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from kiosk.errors import BadInput

MAGIC = "7767517"
FLOAT16_TAG = 0x01306B47
FLOAT32_TAG = 0
ARRAY_KEY = -23300


@dataclass(frozen=True)
class NcnnLayer:
    """One layer. `params` have ncnn's documented numbers. `weight`: float32, [out, in, kh, kw] for convolutions, [out,
    in] for inner products. `bias`: float32 [out]."""

    type: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    params: dict[int, int | float | tuple[float, ...]]
    weight: np.ndarray | None = field(default=None, repr=False)
    bias: np.ndarray | None = field(default=None, repr=False)

    def integer(self, key: int, default: int = 0) -> int:
        """The integer parameter `key`. Raises BadInput if it is not an integer."""
        value = self.params.get(key, default)
        if not isinstance(value, int):
            raise BadInput(f"ncnn layer {self.name}: parameter {key} is {value!r}, not a whole number", "ncnn")
        return value


def read_ncnn(param: bytes, weights: bytes) -> tuple[NcnnLayer, ...]:
    """Read a network's layers in order. Raises BadInput if a file is invalid or the two do not match."""
    layers = []
    reader = _Weights(weights)
    for layer in _parse(param):
        read = _READERS.get(layer.type)
        if read is None:
            raise BadInput(f"ncnn layer {layer.name}: type {layer.type} is not known here", "ncnn")
        layers.append(read(layer, reader))
    if reader.position != len(weights):
        raise BadInput(f"ncnn weights: {len(weights) - reader.position} bytes are left over", "ncnn")
    return tuple(layers)


def _parse(param: bytes) -> list[NcnnLayer]:
    try:
        lines = [line.split() for line in param.decode("ascii").splitlines() if line.strip()]
        if lines[0] != [MAGIC]:
            raise BadInput("not an ncnn .param text: the magic number is missing", "ncnn")
        count, blobs = (int(word) for word in lines[1])
        layers = [_parse_layer(words) for words in lines[2:]]
    except (ValueError, IndexError, OverflowError) as error:
        raise BadInput(f"not an ncnn .param text: {error}", "ncnn") from error
    if len(layers) != count:
        raise BadInput(f"ncnn .param: {count} layers announced, {len(layers)} found", "ncnn")
    produced: set[str] = set()
    for layer in layers:
        missing = [name for name in layer.inputs if name not in produced]
        if missing:
            raise BadInput(f"ncnn layer {layer.name}: input {missing[0]} is produced by no layer before it", "ncnn")
        produced.update(layer.outputs)
    if len(produced) != blobs:
        raise BadInput(f"ncnn .param: {blobs} blobs announced, {len(produced)} found", "ncnn")
    return layers


def _parse_layer(words: list[str]) -> NcnnLayer:
    kind, name = words[:2]
    inputs, outputs = int(words[2]), int(words[3])
    if min(inputs, outputs) < 0:
        raise ValueError(f"layer {name} has a negative number of blobs")
    names, rest = words[4 : 4 + inputs + outputs], words[4 + inputs + outputs :]
    if len(names) != inputs + outputs or any("=" in word for word in names):
        raise ValueError(f"layer {name} has too few blob names")
    params: dict[int, int | float | tuple[float, ...]] = {}
    for word in rest:
        key, _, value = word.partition("=")
        if int(key) <= ARRAY_KEY:
            values = tuple(float(v) for v in value.split(","))
            if len(values) != values[0] + 1:
                raise ValueError(f"layer {name}: array {key} has a wrong length")
            params[ARRAY_KEY - int(key)] = values[1:]
        else:
            params[int(key)] = float(value) if "." in value or "e" in value else int(value)
    return NcnnLayer(kind, name, tuple(names[:inputs]), tuple(names[inputs:]), params)


class _Weights:
    """Reads the `.bin` file sequentially."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.position = 0

    def take(self, count: int, kind: type) -> np.ndarray:
        size = count * np.dtype(kind).itemsize
        if count < 0 or self.position + size > len(self.data):
            raise BadInput("ncnn weights: the file ends too early", "ncnn")
        values = np.frombuffer(self.data, np.dtype(kind).newbyteorder("<"), count, self.position)
        self.position += size
        return values.astype(np.uint32 if kind is np.uint32 else np.float32)

    def tagged(self, count: int) -> np.ndarray:
        tag = int(self.take(1, np.uint32)[0])
        if tag == FLOAT16_TAG:
            values = self.take(count, np.float16)
            self.position += -self.position % 4
        elif tag == FLOAT32_TAG:
            values = self.take(count, np.float32)
        else:
            raise BadInput(f"ncnn weights: block tag {tag:#010x} is not known here", "ncnn")
        if not np.isfinite(values).all():
            raise BadInput("ncnn weights: a value is not finite", "ncnn")
        return values


def _convolution(layer: NcnnLayer, weights: _Weights) -> NcnnLayer:
    out, kernel, size = layer.integer(0), layer.integer(1), layer.integer(6)
    if layer.integer(11, kernel) != kernel or min(out, kernel, size) < 1 or size % (out * kernel * kernel):
        raise BadInput(f"ncnn layer {layer.name}: {size} weights do not fit {out} square kernels of {kernel}", "ncnn")
    weight = weights.tagged(size).reshape(out, -1, kernel, kernel)
    return _with(layer, weight, _bias(layer, weights, layer.integer(5), out))


def _inner_product(layer: NcnnLayer, weights: _Weights) -> NcnnLayer:
    out, size = layer.integer(0), layer.integer(2)
    if min(out, size) < 1 or size % out:
        raise BadInput(f"ncnn layer {layer.name}: {size} weights do not fit {out} outputs", "ncnn")
    return _with(layer, weights.tagged(size).reshape(out, -1), _bias(layer, weights, layer.integer(1), out))


def _bias(layer: NcnnLayer, weights: _Weights, present: int, out: int) -> np.ndarray:
    return weights.take(out, np.float32) if present else np.zeros(out, np.float32)


def _with(layer: NcnnLayer, weight: np.ndarray, bias: np.ndarray) -> NcnnLayer:
    return NcnnLayer(layer.type, layer.name, layer.inputs, layer.outputs, layer.params, weight, bias)


def _nothing(layer: NcnnLayer, _: _Weights) -> NcnnLayer:
    return layer


def _scale(layer: NcnnLayer, _: _Weights) -> NcnnLayer:
    if layer.integer(0) != -233:
        raise BadInput(f"ncnn layer {layer.name}: only a Scale by a second blob is known here", "ncnn")
    return layer


_READERS = {
    "Input": _nothing,
    "Split": _nothing,
    "Pooling": _nothing,
    "Crop": _nothing,
    "Eltwise": _nothing,
    "Scale": _scale,
    "Convolution": _convolution,
    "Deconvolution": _convolution,
    "InnerProduct": _inner_product,
}

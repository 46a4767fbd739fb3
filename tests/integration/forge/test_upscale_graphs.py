"""The graphs of all 19 networks, against ncnn and against each other."""

from importlib import metadata

import ncnn
import numpy as np
import onnx
import pytest
from PIL import Image

from kiosk.errors import BadInput
from kiosk.forge.build import GraphSpec, ensure_graph, make_graph
from kiosk.forge.readers.waifu2x import build_upscale
from kiosk.forge.readers.weights import read_source
from kiosk.nets.engine.session import open_session
from kiosk.planning import upscale_precision
from kiosk.recipes import catalog
from tests.saturation import needs_exact_sums

NETWORKS = [network for network in catalog.load().networks if network.kind == "upscale"]


def texture(network, side=24):
    """A tile with its border, float32 [1, 3, h, w]: structure of several sizes, saturated in places."""
    rng = np.random.default_rng(3)
    extent = side + 2 * network.border
    total = np.zeros((extent, extent, 3))
    for size, weight in ((3, 0.7), (9, 0.5), (27, 0.3)):
        coarse = rng.integers(0, 256, (size, size, 3), dtype=np.uint8)
        total += weight * (
            np.asarray(Image.fromarray(coarse).resize((extent, extent), Image.Resampling.BICUBIC)) - 128.0
        )
    pixels = (128 + total).clip(0, 255).round().astype(np.float32) / 255
    return np.ascontiguousarray(pixels.transpose(2, 0, 1)[None])


def run(network, precision, image):
    model = build_upscale(network, precision, lambda path: read_source(network, path))
    return open_session(model.SerializeToString()).run(None, {"image": image})[0]


def test_there_are_19():
    assert len(NETWORKS) == 19


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
def test_float32_agrees_with_ncnn(network):
    image = texture(network)
    net = ncnn.Net()
    net.opt.use_vulkan_compute = False
    net.opt.use_fp16_storage = net.opt.use_fp16_packed = net.opt.use_fp16_arithmetic = False
    for file, load in zip(network.files, (net.load_param, net.load_model), strict=True):
        assert load(str(metadata.distribution(network.package).locate_file(file.path))) == 0
    extractor = net.create_extractor()
    extractor.input("Input1", ncnn.Mat(image[0]).clone())
    _, expected = extractor.extract("Eltwise4")
    ours = run(network, "fp32", image)
    assert ours.shape == (1, 3, 24 * network.scale, 24 * network.scale)
    assert np.abs(ours[0] - np.array(expected)).max() < 1e-4


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
def test_float16_agrees_with_float32(network):
    image = texture(network)
    assert np.abs(run(network, "fp16", image) - run(network, "fp32", image)).max() < 0.01


@pytest.mark.slow
@pytest.mark.parametrize(
    ("network", "precision"),
    [
        *((network, "int8") for network in NETWORKS),
        # TensorRT's graphs run slowly on a CPU: one of each architecture and size.
        *((network, "qdq") for network in NETWORKS if network.name in ("photo", "art", "cunet", "cunet-1x-noise1")),
    ],
    ids=lambda value: value if isinstance(value, str) else value.name,
)
def test_eight_bits_stay_near_float32(network, precision):
    if precision == "int8":
        needs_exact_sums()
    image = texture(network)
    exact = run(network, "fp32", image).clip(0, 1)
    off = (run(network, precision, image).clip(0, 1) - exact) * 255
    assert np.sqrt((off**2).mean()) < 3


@pytest.mark.slow
@pytest.mark.parametrize("name", ["photo", "art", "cunet-1x-noise0"])
def test_eight_bits_are_chosen_only_where_this_processor_gets_them_right(name, tmp_path):
    network = catalog.load().network(name)
    image = upscale_precision._tile(upscale_precision.TILE + 2 * network.border)
    exact, found = (run(network, precision, image).clip(0, 1) for precision in ("fp32", "int8"))
    right = np.sqrt(((found - exact) ** 2).mean()) * 255 <= upscale_precision.LARGEST_ERROR
    paths = {(p, "onnxruntime"): ensure_graph(tmp_path, GraphSpec(name, p)) for p in ("int8", "fp32")}
    timed = upscale_precision._times(network.border, paths, paths["fp32", "onnxruntime"])
    assert set(timed) == {way for way in paths if way[0] == "fp32" or right}


@pytest.mark.slow
@pytest.mark.parametrize(("name", "coded"), [("photo", 5), pytest.param("cunet", 15, marks=pytest.mark.slow)])
def test_the_symmetric_graph_is_what_tensorrt_takes(name, coded):
    network = catalog.load().network(name)
    model = build_upscale(network, "qdq", lambda path: read_source(network, path))
    onnx.checker.check_model(model)
    constants = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    pairs = [node for node in model.graph.node if node.op_type in ("QuantizeLinear", "DequantizeLinear")]
    assert {node.domain for node in model.graph.node} == {""}
    assert len(pairs) == coded * 2 + coded
    for node in pairs:
        assert node.input[1] in constants
        assert not constants[node.input[2]].any()
        assert constants[node.input[2]].dtype == np.int8


@pytest.mark.slow
def test_a_graph_says_what_it_is(tmp_path):
    model = make_graph(tmp_path, GraphSpec("photo-noise2", "int8"))
    entries = {entry.key: entry.value for entry in model.metadata_props}
    assert entries["network"] == "photo-noise2"
    assert entries["precision"] == "int8"
    assert entries["border"] == "7"
    assert entries["licence"] == "MIT"
    assert len(entries["source_sha256"].split(",")) == 2


def test_an_unknown_precision_is_refused():
    network = catalog.load().network("photo")
    with pytest.raises(BadInput, match="int4"):
        build_upscale(network, "int4", lambda path: read_source(network, path))

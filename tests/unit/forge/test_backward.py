"""The walk that adds a backward pass: what goes in, what comes out, what is refused."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper

from kiosk.errors import BadInput
from kiosk.forge.gradient.backward import add_gradient, dreamable_layers
from kiosk.forge.gradient.verify import directional_error, open_plain


def node(op: str, inputs: str, output: str, **attributes: object) -> onnx.NodeProto:
    return helper.make_node(op, inputs.split(), [output], name=output, **attributes)


def network(*more: onnx.NodeProto, opset: int = 18) -> onnx.ModelProto:
    """image -> early (8 channels, stride 2) -> pool -> late (4 channels), then `more`."""
    random = np.random.default_rng(5)
    weights = {
        "w1": random.normal(0, 0.02, (8, 3, 3, 3)),
        "w2": random.normal(0, 0.3, (4, 8, 3, 3)),
        "b": random.normal(0, 0.1, 4),
        "w4": random.normal(0, 0.3, (4, 4, 3, 3)),
    }
    nodes = [
        node("Conv", "image w1", "z1", strides=[2, 2], pads=[1, 1, 1, 1]),
        node("Relu", "z1", "early"),
        node("MaxPool", "early", "pool", kernel_shape=[3, 3], strides=[2, 2]),
        node("Conv", "pool w2 b", "z2"),
        node("Relu", "z2", "late"),
        *more,
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, "height", "width"])],
        [helper.make_tensor_value_info(nodes[-1].output[0], TensorProto.FLOAT, None)],
        [numpy_helper.from_array(array.astype(np.float32), name) for name, array in weights.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def picture(height: int = 40, width: int = 56) -> np.ndarray:
    return np.random.default_rng(1).uniform(0, 255, (1, 3, height, width)).astype(np.float32)


def test_one_graph_serves_every_size_and_every_channel() -> None:
    session = open_plain(add_gradient(network(), {"late": 1.0}))
    assert [value.name for value in session.get_inputs()] == ["image"]
    for height, width in ((40, 56), (41, 33)):
        image = picture(height, width)
        gradient, everything = session.run(["gradient", "objective"], {"image": image})
        assert gradient.shape == image.shape
        assert gradient.dtype == np.float32
        each = [
            session.run(None, {"image": image, "channel_weights": np.eye(4, dtype=np.float32)[c]}) for c in range(4)
        ]
        assert everything == pytest.approx(sum(objective for _, objective in each), rel=1e-5)
        assert np.allclose(gradient, sum(part for part, _ in each), rtol=1e-4, atol=1e-7)


def test_the_objective_is_the_mean_of_squares() -> None:
    model = network()
    graph = add_gradient(model, {"late": 3.0})
    activation = open_plain(model).run(["late"], {"image": picture()})[0]
    objective = open_plain(graph).run(["objective"], {"image": picture()})[0]
    assert objective == pytest.approx(3 * np.mean(activation**2), rel=1e-5)


def test_several_layers_add_up_and_have_their_own_channel_weights() -> None:
    model = network()
    both = open_plain(add_gradient(model, {"early": 2.0, "late": 0.5}))
    early, late = (
        open_plain(add_gradient(model, {name: weight})).run(None, {"image": picture()})
        for name, weight in (("early", 2.0), ("late", 0.5))
    )
    gradient, objective = both.run(["gradient", "objective"], {"image": picture()})
    assert objective == pytest.approx(early[1] + late[1], rel=1e-5)
    assert np.allclose(gradient, early[0] + late[0], rtol=1e-4, atol=1e-7)
    silent = {"channel_weights_early": np.zeros(8, np.float32)}
    assert both.run(["objective"], {"image": picture(), **silent})[0] == pytest.approx(late[1], rel=1e-5)


def residual_network() -> onnx.ModelProto:
    """Two additions: of a residual branch to what it is computed from, and of two branches of the same tensor."""
    return network(
        node("Conv", "late w4", "branch", pads=[1, 1, 1, 1]),
        node("Add", "branch late", "block"),
        node("Relu", "block", "left"),
        node("Sigmoid", "block", "right"),
        node("Add", "left right", "both"),
    )


@pytest.mark.parametrize("residual", [0.0, 0.25])
def test_a_residual_branch_gets_its_share_of_the_gradient(residual: float) -> None:
    model, image = residual_network(), picture()

    def gradient(**options: float) -> np.ndarray:
        made = add_gradient(model, {"both": 1.0}, **options)
        return np.asarray(open_plain(made).run(["gradient"], {"image": image})[0])

    whole, shared, skipped = gradient(), gradient(residual=residual), gradient(residual=0.0)
    assert np.abs(whole - skipped).max() > 1e-3 * np.abs(whole).max()
    np.testing.assert_allclose(shared, skipped + residual * (whole - skipped), atol=1e-5 * np.abs(whole).max())


def test_without_residual_branches_their_backward_pass_is_left_out() -> None:
    whole, skipped = (add_gradient(residual_network(), {"both": 1.0}, residual=share) for share in (1.0, 0.0))
    convolutions = [sum("Conv" in n.op_type for n in made.graph.node) for made in (whole, skipped)]
    assert convolutions[1] == convolutions[0] - 1


def test_what_the_layer_does_not_need_is_left_out() -> None:
    graph = add_gradient(network(), {"early": 1.0}).graph
    assert "w2" not in {tensor.name for tensor in graph.initializer}
    assert "MaxPool" not in {n.op_type for n in graph.node}


def test_with_the_size_fixed_onnx_runtime_works_the_shapes_out_beforehand(tmp_path) -> None:
    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.add_free_dimension_override_by_name("height", 40)
    options.add_free_dimension_override_by_name("width", 56)
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(tmp_path / "fixed.onnx")
    ort.InferenceSession(add_gradient(network(), {"late": 1.0}).SerializeToString(), options)
    operations = {n.op_type for n in onnx.load(tmp_path / "fixed.onnx").graph.node}
    assert not operations & {"Shape", "Gather", "Cast", "Range"}


def test_a_newer_opset_is_kept_and_an_older_one_is_raised() -> None:
    assert add_gradient(network(opset=21), {"late": 1.0}).opset_import[0].version == 21
    assert add_gradient(network(opset=11), {"late": 1.0}).opset_import[0].version == 18


def test_weights_that_are_computed_in_the_graph_are_worked_out() -> None:
    model = network(
        helper.make_node("ConstantOfShape", ["sizes"], ["w3"], value=helper.make_tensor("v", 1, [1], [0.25])),
        node("Conv", "late w3", "last"),
    )
    model.graph.initializer.append(numpy_helper.from_array(np.array([2, 4, 3, 3]), "sizes"))
    graph = add_gradient(model, {"last": 1.0})
    assert "ConstantOfShape" not in {n.op_type for n in graph.graph.node if not n.name.startswith("gradient/")}
    assert directional_error(graph, 64, 64) < 0.02


def test_an_operation_without_a_rule_is_refused_by_name_with_the_layers_that_work() -> None:
    model = network(node("Sin", "late", "odd"), node("Relu", "odd", "behind"))
    with pytest.raises(BadInput, match=r"Sin .*layers that would work: .*early.*late") as refused:
        add_gradient(model, {"behind": 1.0})
    assert refused.value.code == "no_gradient_rule"
    assert "behind" in str(refused.value).split("layers that would work")[0]
    assert "behind" not in dreamable_layers(model)
    assert directional_error(add_gradient(model, {"late": 1.0}), 64, 64) < 0.02


def test_an_unknown_layer_is_refused_with_the_known_ones() -> None:
    with pytest.raises(BadInput, match=r"no layer 'fire8'; it has: .*early.*late") as refused:
        add_gradient(network(), {"fire8": 1.0})
    assert refused.value.code == "unknown_layer"


def test_no_layer_at_all_is_refused() -> None:
    with pytest.raises(BadInput, match="at least one layer"):
        add_gradient(network(), {})


def test_a_kernel_that_depends_on_the_picture_is_refused() -> None:
    model = network(node("Conv", "late late", "self"))
    with pytest.raises(BadInput, match=r"Conv .*input 1"):
        add_gradient(model, {"self": 1.0})


def test_a_network_without_an_image_is_refused() -> None:
    with pytest.raises(BadInput, match="must have one input, 'photo'; it has: image"):
        add_gradient(network(), {"late": 1.0}, image_input="photo")

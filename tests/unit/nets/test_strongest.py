"""Which channels a photo excites, on a network whose channels are the picture's own and their sum."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from kiosk.nets.dreaming.strongest import SPREAD, measure, ranked, with_equalized, with_strongest
from kiosk.recipes.recipe import DreamRecipe

RECIPE = DreamRecipe(layers=(("colors", 1.0), ("sums", 0.5)))
LEVELS = {"colors": np.array([4.0, 0.0, 9.0]), "sums": np.array([1.0, 3.0, 3.0, 2.0])}


@pytest.fixture(scope="module")
def graph() -> bytes:
    """image -> colors, equal to it, and sums, [r + g + b, 0]."""
    weights = np.zeros((2, 3, 1, 1), np.float32)
    weights[0] = 1
    nodes = [helper.make_node("Relu", ["image"], ["colors"]), helper.make_node("Conv", ["image", "weights"], ["sums"])]
    values = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, count, "height", "width"])
        for name, count in (("image", 3), ("colors", 3), ("sums", 2))
    ]
    made = helper.make_graph(nodes, "sums", values[:1], values[1:], [numpy_helper.from_array(weights, "weights")])
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=8).SerializeToString()


@pytest.mark.parametrize(("height", "width", "flat"), [(128, 256, False), (200, 90, True), (40, 40, True)])
def test_the_level_of_a_channel_is_its_mean_square(graph: bytes, height: int, width: int, flat: bool) -> None:
    photo = np.empty((height, width, 3), np.uint8)
    photo[:] = (10, 20, 0)
    levels = measure(photo, graph, width=256, flat=flat)
    np.testing.assert_allclose(levels["colors"], [100, 400, 0])
    np.testing.assert_allclose(levels["sums"], [900, 0])


@pytest.mark.parametrize("width", [256, 512, 1024])
def test_a_turned_sphere_has_the_same_levels_to_the_last_bit(graph: bytes, width: int) -> None:
    photo = np.random.default_rng(0).integers(0, 256, (256, 512, 3), np.uint8)
    one, other = (measure(np.roll(photo, turn, axis=1), graph, width=width) for turn in (0, 123))
    np.testing.assert_array_equal(one["colors"], other["colors"])


def test_channels_are_ranked_and_idle_ones_left_out() -> None:
    assert ranked(LEVELS["sums"], 3) == [1, 2, 3]
    assert ranked(LEVELS["colors"], 9) == [2, 0]


def test_the_strongest_become_ordinary_channels_that_weigh_as_much_as_the_layer() -> None:
    recipe = with_strongest(dataclasses.replace(RECIPE, strongest=2), LEVELS)
    assert recipe.channels == (("colors", 2, 0.5), ("colors", 0, 0.5), ("sums", 1, 0.5), ("sums", 2, 0.5))
    assert recipe.strongest == 0
    assert with_strongest(recipe, LEVELS) == recipe


def test_a_layer_with_channels_keeps_them() -> None:
    recipe = dataclasses.replace(RECIPE, strongest=1, channels=(("colors", 1, 3.0),))
    assert with_strongest(recipe, LEVELS).channels == (("colors", 1, 3.0), ("sums", 1, 1.0))


def test_equalized_channels_react_alike() -> None:
    recipe = with_equalized(dataclasses.replace(RECIPE, equalized=True, channels=(("sums", 0, 2.0),)), LEVELS)
    assert not recipe.equalized
    mean = LEVELS["colors"].mean()
    expected = [("colors", c, mean / (level + SPREAD * mean) / 3) for c, level in enumerate(LEVELS["colors"])]
    assert [(layer, c) for layer, c, _ in recipe.channels] == [*((layer, c) for layer, c, _ in expected), ("sums", 0)]
    assert [w for _, _, w in recipe.channels] == pytest.approx([*(w for _, _, w in expected), 2 / (1 + SPREAD)])


def test_a_layer_that_nothing_excites_stays_as_it_is() -> None:
    dark = {"colors": np.zeros(3), "sums": np.zeros(4)}
    assert with_strongest(dataclasses.replace(RECIPE, strongest=2), dark).channels == ()
    equal = with_equalized(dataclasses.replace(RECIPE, equalized=True), dark)
    assert [w for _, _, w in equal.channels] == pytest.approx([1 / 3] * 3 + [1 / 4] * 4)

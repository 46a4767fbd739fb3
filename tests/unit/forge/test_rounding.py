"""QuantizedWeights rounded so that their errors cancel out on pictures."""

import numpy as np
import pytest

from kiosk.forge.precisions.activation_windows import Window
from kiosk.forge.precisions.codes import Codes, Kernel, QuantizedWeights
from kiosk.forge.precisions.rounding import ChainRounding, drawn_pictures, round_for, round_kernels, round_nearest

RNG = np.random.default_rng(7)


def correlated(places, count):
    """Inputs that go together, as neighboring pixels do."""
    return RNG.normal(size=(places, 3)) @ RNG.normal(size=(3, count)) + 0.1 * RNG.normal(size=(places, count))


def test_products_with_what_goes_together_change_less_than_by_the_nearest_codes():
    weight = RNG.normal(size=(16, 8, 3, 3)).astype(np.float32)
    inputs = correlated(500, 72)

    def error(found: QuantizedWeights):
        return np.square(inputs @ (found.values - weight).reshape(16, -1).T).mean()

    for plain in (round_nearest(weight), round_kernels(weight)):
        assert error(round_for(weight, inputs)) < error(plain) / 4


def test_a_weight_that_is_a_code_stays_what_it_is():
    weight = RNG.integers(-127, 128, (4, 2, 3, 3)).astype(np.float32)
    weight[:, 0, 0, 0] = 127
    for found in (round_nearest(weight), round_kernels(weight), round_for(weight, correlated(300, 18))):
        assert np.array_equal(found.codes, weight)
        assert np.allclose(found.scale, 1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_way_to_round_gives_int8_codes_of_one_scale_an_output(dtype):
    weight = (RNG.normal(size=(6, 4, 3, 3)) * RNG.uniform(0.01, 100, (6, 1, 1, 1))).astype(dtype)
    weight[5] = 0
    for found in (round_nearest(weight), round_kernels(weight), round_for(weight, correlated(200, 36))):
        assert found.codes.dtype == np.int8
        # The largest weight is the highest code, or the one below if its kernel's sum asks for that.
        assert set(np.abs(found.codes[:5].astype(int)).max((1, 2, 3))) <= {126, 127}
        assert np.allclose(found.scale[:5] * 127, np.abs(weight[:5]).max((1, 2, 3)))
        assert not found.values[5].any()


def test_codes_cover_their_span_and_hold_0_exactly():
    for low, high in ((0.0, 1.0), (-0.3, 2.0), (-1e-3, 1e-3)):
        codes = Codes.covering(low, high)
        steps = codes.steps(np.array([low, 0, high, low - 9, high + 9]))
        assert np.allclose(steps[:3] * codes.scale, [low, 0, high], atol=codes.scale)
        assert (steps[3], steps[1], steps[4]) == (-codes.zero, 0, 255 - codes.zero)


def test_the_drawn_pictures_are_like_photos_and_always_the_same():
    pictures = drawn_pictures()
    assert np.array_equal(pictures, drawn_pictures())
    assert pictures.min() >= 0
    assert pictures.max() <= 1
    assert np.allclose(pictures * 255, np.rint(pictures * 255), atol=1e-3)
    # Neighbors are alike: that is what the rounding goes by.
    assert np.abs(np.diff(pictures, axis=1)).mean() < pictures.std() / 3


def test_a_chain_goes_on_from_what_its_rounded_layers_make():
    rounding = ChainRounding()
    scale = np.full(4, 2, np.float32)
    kernel = Kernel(RNG.normal(size=(4, 3, 3, 3)).astype(np.float32) / 20, np.zeros(4, np.float32))
    for after in (False, True):
        window = Window(after, 0.5, scale, np.zeros(0, np.int64), np.zeros(0, np.float32))
        rounding.advance(kernel, rounding.round(kernel), window)
        zero = window.codes.zero
        values = rounding._values / window.codes.scale
        assert np.allclose(values, np.rint(values), atol=1e-3)
        assert values.min() >= -zero - 1e-3
        assert values.max() <= 255 - zero + 1e-3
        kernel = Kernel(RNG.normal(size=(4, 4, 3, 3)).astype(np.float32) / 20, np.zeros(4, np.float32))

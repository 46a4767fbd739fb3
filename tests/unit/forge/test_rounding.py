"""Weights rounded so that their errors cancel out on pictures."""

import numpy as np

from kiosk.forge.precisions.activation_windows import Kernel, Window, code_step, rounded_weights
from kiosk.forge.precisions.rounding import ChainRounding, drawn_pictures, rounded_for

RNG = np.random.default_rng(7)


def correlated(places, count):
    """Inputs that go together, as neighboring pixels do."""
    return RNG.normal(size=(places, 3)) @ RNG.normal(size=(3, count)) + 0.1 * RNG.normal(size=(places, count))


def test_products_with_what_goes_together_change_less_than_by_the_nearest_codes():
    weight = RNG.normal(size=(16, 8, 3, 3)).astype(np.float32)
    inputs = correlated(500, 72)
    codes, scale = rounded_for(weight, inputs)
    plain, _ = rounded_weights(weight)
    assert codes.dtype == np.int8
    assert np.abs(codes.astype(int)).max() <= 127

    def error(found):
        wrong = found * scale[:, None, None, None] - weight
        return np.square(inputs @ wrong.reshape(16, -1).T).mean()

    assert error(codes) < error(plain) / 4


def test_a_weight_that_is_a_code_stays_what_it_is():
    weight = RNG.integers(-127, 128, (4, 2, 3, 3)).astype(np.float32)
    weight[:, 0, 0, 0] = 127
    codes, scale = rounded_for(weight, correlated(300, 18))
    assert np.array_equal(codes, weight)
    assert np.allclose(scale, 1)


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
        rounded = rounding.round(kernel)
        rounding.advance(kernel, rounded, window)
        step, zero = code_step(window)
        values = rounding._values / step
        assert np.allclose(values, np.rint(values), atol=1e-3)
        assert values.min() >= -zero - 1e-3
        assert values.max() <= 255 - zero + 1e-3
        kernel = Kernel(RNG.normal(size=(4, 4, 3, 3)).astype(np.float32) / 20, np.zeros(4, np.float32))

"""Windows of codes: exact where nothing is rounded, and weights rounded so that kernels keep their sums."""

import numpy as np
import onnx
from onnx.reference import ReferenceEvaluator

from kiosk.forge.precisions.activation_windows import SLOPE, Window, after_window, windowed
from kiosk.forge.precisions.codes import Kernel
from kiosk.forge.precisions.rounding import round_kernels

RNG = np.random.default_rng(5)


def convolve(image, kernel):
    node = onnx.helper.make_node("Conv", ["x", "w", "b"], ["y"])
    return ReferenceEvaluator(node).run(None, {"x": image, "w": kernel.weight, "b": kernel.bias})[0]


def leaky(z):
    return np.where(z > 0, z, SLOPE * z)


def kernels():
    first = Kernel(RNG.normal(size=(6, 3, 3, 3)).astype(np.float32), RNG.normal(size=6).astype(np.float32))
    second = Kernel(RNG.normal(size=(4, 6, 3, 3)).astype(np.float32), RNG.normal(size=4).astype(np.float32))
    return first, second


def test_scaled_and_split_channels_compute_the_same():
    first, second = kernels()
    image = RNG.random((1, 3, 12, 12), dtype=np.float32)
    z = convolve(image, first)
    low = 0.1
    scale = np.abs(z).max((0, 2, 3)) * 1.1
    split = np.array([1, 4])
    window = Window(False, low, scale, split, scale[split] * 2)
    turned = convolve(image, windowed(first, window))
    # What the codes do: everything below -low is cut off; the copies bring it back.
    turned[:, [1, 4]] = turned[:, [1, 4]].clip(-low)
    turned[:, 6:] = turned[:, 6:].clip(0)
    expected = convolve(leaky(z), second)
    assert np.allclose(convolve(leaky(turned), after_window(second, window)), expected, atol=1e-4)


def test_rounding_keeps_the_sum_of_each_kernel():
    weight = RNG.normal(size=(8, 5, 3, 3)).astype(np.float32)
    found = round_kernels(weight)
    codes, scale = found.codes, found.scale
    error = found.values - weight
    assert codes.dtype == np.int8
    assert codes.min() >= -127
    assert (np.abs(error) <= scale[:, None, None, None] * 1.001).all()
    inside = np.abs(codes).max((2, 3)) < 127
    assert (np.abs(error.sum((2, 3))) <= 0.51 * scale[:, None])[inside].all()


def test_codes_cover_the_window():
    for after in (False, True):
        window = Window(after, 0.5, np.ones(1), np.zeros(0, np.int64), np.zeros(0))
        step, zero = window.codes.scale, window.codes.zero
        reach = 0.5 * (SLOPE if after else 1)
        assert abs(-zero * step + reach) <= step / 2
        assert abs((255 - zero) * step - 1) <= step / 2


def test_a_window_survives_json():
    window = Window(True, 0.7, np.array([1.5, 2], np.float32), np.array([1]), np.array([0.25], np.float32))
    again = Window.from_json(window.to_json())
    assert again.to_json() == window.to_json()

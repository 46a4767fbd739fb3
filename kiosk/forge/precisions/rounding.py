"""Round weights to 8-bit codes: to the nearest, so that kernels keep their sums, or so that errors cancel on pictures.

Rounding each weight to the nearest code is optimal for white noise, but pictures are not white noise. Where it matters,
each weight's error is compensated by the weights of the same kernel that are not rounded yet, as far as their inputs
are correlated (GPTQ: Frantar et al., "GPTQ: Accurate Post-Training Quantization for Generative Pre-trained
Transformers", 2023). The correlations come from synthetic pictures whose spectrum falls with frequency, as in natural
images (Field, "Relations between the statistics of natural images and the response properties of cortical cells",
1987), so building a network needs no photos.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from kiosk.forge.precisions.activation_windows import SLOPE, Window
from kiosk.forge.precisions.codes import SYMMETRIC_LEVELS, Kernel, QuantizedWeights

PICTURES = 8
SIDE = 48
"""Side of the synthetic pictures in pixels. Each 3 x 3 convolution consumes two."""
PLACES = 6000
"""Number of sampled positions of a layer's input."""
BLOCK = 64
"""Number of weights whose errors are propagated together."""
DAMPING = 0.01
"""Damping as a share of the inputs' mean power. It keeps weights of rare inputs from moving far."""


def weight_scale(weight: np.ndarray) -> np.ndarray:
    """The scale [out] at which the largest of each output's `weight` [out, ...] is the highest code."""
    largest = np.abs(weight).max(axis=tuple(range(1, weight.ndim)))
    return np.maximum(largest, 1e-12) / SYMMETRIC_LEVELS


def round_nearest(weight: np.ndarray) -> QuantizedWeights:
    """Round each of `weight` [out, in, kh, kw] to the nearest code."""
    scale = weight_scale(weight)
    return QuantizedWeights(_whole(weight / scale[:, None, None, None]).astype(np.int8), scale)


def round_kernels(weight: np.ndarray) -> QuantizedWeights:
    """Round `weight` [out, in, kh, kw] so that the errors within each kernel [kh, kw] sum to nearly zero.

    The closest taps are rounded the other way. Neighboring pixels are similar, so the sum is what shows: this halves a
    picture's error from 8-bit weights.
    """
    scale = weight_scale(weight)
    exact = (weight / scale[:, None, None, None]).reshape(*weight.shape[:2], -1).astype(np.float64)
    codes = np.rint(exact)
    error = codes - exact
    excess = np.rint(error.sum(axis=2, keepdims=True))
    descending = np.argsort(np.argsort(-error, axis=2, kind="stable"), axis=2, kind="stable")
    ascending = np.argsort(np.argsort(error, axis=2, kind="stable"), axis=2, kind="stable")
    codes -= descending < excess
    codes += ascending < -excess
    return QuantizedWeights(_whole(codes).astype(np.int8).reshape(weight.shape), scale)


def round_for(weight: np.ndarray, inputs: np.ndarray) -> QuantizedWeights:
    """Round `weight` [out, in, kh, kw] with minimal change of its products with `inputs` [places, in x kh x kw]."""
    scale = weight_scale(weight)
    left = (weight / scale[:, None, None, None]).reshape(len(weight), -1).astype(np.float64)
    power = (inputs.T @ inputs).astype(np.float64) / len(inputs)
    power[np.diag_indices_from(power)] += DAMPING * np.diag(power).mean()
    # Round weights of the strongest inputs first, so that more weights are left to compensate.
    order = np.argsort(-np.diag(power), kind="stable")
    factor = np.linalg.cholesky(np.linalg.inv(power[order][:, order])).T
    left = left[:, order]
    codes = np.empty_like(left)
    for first in range(0, len(order), BLOCK):
        end = min(first + BLOCK, len(order))
        errors = np.empty((len(left), end - first))
        for place in range(first, end):
            code = _whole(left[:, place])
            errors[:, place - first] = (left[:, place] - code) / factor[place, place]
            left[:, place + 1 : end] -= errors[:, place - first, None] * factor[place, place + 1 : end]
            codes[:, order[place]] = code
        left[:, end:] -= errors @ factor[first:end, end:]
    return QuantizedWeights(codes.reshape(weight.shape).astype(np.int8), scale)


def _whole(steps: np.ndarray) -> np.ndarray:
    return np.rint(steps).clip(-SYMMETRIC_LEVELS, SYMMETRIC_LEVELS)


def drawn_pictures(side: int = SIDE) -> np.ndarray:
    """Noise with 1/f^1.1 amplitude around uniform colors, float32 [PICTURES, side, side, 3] in steps of 1/255."""
    rng = np.random.default_rng(5)
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(side), np.fft.fftfreq(side)))
    frequency[0, 0] = 1 / side

    def noise() -> np.ndarray:
        field = np.fft.ifft2(np.fft.fft2(rng.normal(size=(side, side))) / frequency**1.1).real
        return field / field.std()

    pictures = np.empty((PICTURES, side, side, 3), np.float32)
    for picture in pictures:
        plain = rng.random(3) * 0.8 + 0.1
        brightness = noise()
        for channel in range(3):
            picture[..., channel] = plain[channel] + 0.17 * brightness + 0.05 * noise()
    return (pictures.clip(0, 1) * 255).round() / 255


def neighborhoods(values: np.ndarray, taps: tuple[int, ...]) -> np.ndarray:
    """im2col: [N, H, W, C] -> float32 [N, h, w, C x taps]."""
    windows = sliding_window_view(values, taps, axis=(1, 2))
    return windows.reshape(*windows.shape[:3], -1).astype(np.float32)


class ChainRounding:
    """Rounds a chain layer by layer. Each layer is rounded for what the already rounded layers output on the synthetic
    pictures."""

    def __init__(self) -> None:
        self._values = drawn_pictures()
        self._rng = np.random.default_rng(0)

    def round(self, kernel: Kernel) -> QuantizedWeights:
        """Round the weights of the next layer, whose outputs are already divided by their scales."""
        self._columns = neighborhoods(self._values, kernel.weight.shape[2:]).reshape(-1, kernel.weight[0].size)
        some = self._rng.permutation(len(self._columns))[:PLACES]
        return round_for(kernel.weight, self._columns[some])

    def advance(self, kernel: Kernel, weights: QuantizedWeights, window: Window) -> None:
        """Run the pictures through the layer rounded last, as the int8 graph does."""
        outputs = len(kernel.bias)
        sums = self._columns @ weights.values.reshape(outputs, -1).T + kernel.bias
        height, width = (self._values.shape[axis] - kernel.weight.shape[axis + 1] + 1 for axis in (1, 2))
        shape = len(self._values), height, width, outputs
        self._values = _through_codes(sums, window).reshape(shape)


def _through_codes(sums: np.ndarray, window: Window) -> np.ndarray:
    codes = window.codes
    if window.after:
        steps = codes.steps(np.where(sums > 0, sums, SLOPE * sums))
    else:
        steps = codes.steps(sums)
        steps = np.where(steps > 0, steps, np.rint(SLOPE * steps).clip(-round(codes.zero * SLOPE)))
    return (steps * codes.scale).astype(np.float32)

"""Smooth the gradient, so that dreams show fur and feathers instead of pixel noise.

A network's gradient has most of its energy at the finest scale, because the backward passes of strides and pooling
scatter it. Unsmoothed, it paints isolated neon pixels that later steps cannot connect. So its Laplacian pyramid is
weighted toward the coarse bands. Mordvintsev's 2015 notebook equalizes the bands' energies instead; fixed weights are
cheaper and, unlike energies measured per tile, show no tile borders.

This works on tiles of a chart, where pixels cover the same angle in all directions, so poles and edges of the sphere
need no special treatment.
"""

from __future__ import annotations

import cv2
import numpy as np

LEVELS = 4
"""Number of bands. The coarsest has features of about 2^LEVELS x 4 = 64 pixels, such as an eye or a snout."""
REST = 0.25
"""Factor on the weight of the residual below all bands, which would only tint the picture, mostly pink."""
FINEST = 1.25
"""Extra attenuation of the finest band, in bands. Pixel-level noise looks grainy. Resampling also removes it at the
poles, so with more of it the poles would dream in coarser forms than the horizon."""
GREEN_MAGENTA = np.array([1, -2, 1], np.float32) / np.float32(np.sqrt(6))
"""The color axis between green and magenta, of length 1. ImageNet's pictures vary along brightness, blue to orange, and
green to magenta as 1 : 0.28 : 0.13 (the color correlation in the code of Olah, Mordvintsev and Schubert, "Feature
Visualization", 2017)."""
SMALLEST = 8
"""Smallest side of a pyramid level in pixels."""


def shape_gradient(gradient: np.ndarray, smooth: float, chroma: float, magenta: float = 1.0) -> np.ndarray:
    """Weight band k of the Laplacian pyramid of `gradient`, float32 [h, w, 3], by 2^((k - 2) * smooth), and the finest
    band, k = 0, by 2^(-(2 + FINEST) * smooth).

    `smooth`: 0 changes nothing, 1 compensates the network's bias to fine scales, 2 is soft. `chroma`, 0..1: share of
    the differences between color channels that is kept; they clip first, to neon pixels. `magenta`, 0..1: share of
    those between green and magenta that is kept of these. The overall magnitude does not matter, because steps are
    normalized later, but it stays near the input's.
    """
    if chroma != 1 or magenta != 1:
        # Each channel becomes chroma * itself + (1 - chroma) * mean.
        mix = np.full((3, 3), (1 - chroma) / 3, np.float32) + np.eye(3, dtype=np.float32) * np.float32(chroma)
        if magenta != 1:
            mix -= np.outer(GREEN_MAGENTA, GREEN_MAGENTA) * np.float32(chroma * (1 - magenta))
        gradient = cv2.transform(gradient, mix)
    if smooth == 0:
        return gradient
    pyramid = [gradient]
    while len(pyramid) <= LEVELS and min(pyramid[-1].shape[:2]) >= 2 * SMALLEST:
        pyramid.append(cv2.pyrDown(pyramid[-1]))
    gain = 2.0**smooth
    # With Gaussian levels G_k, upsampling U and weights w_k, band k is G_k - U G_(k+1). The weighted sum of the bands
    # is w_k G_k + U(coarser bands - w_k G_(k+1)), so each level is upsampled once.
    top = len(pyramid) - 1
    out = pyramid[top] * np.float32((REST if top == LEVELS else 1.0) * gain ** (top - LEVELS // 2))
    for k in range(top - 1, -1, -1):
        weight = gain ** (k - LEVELS // 2 - (0 if k else FINEST))
        coarse = cv2.addWeighted(out, 1.0, pyramid[k + 1], -weight, 0.0)
        height, width = pyramid[k].shape[:2]
        out = cv2.addWeighted(cv2.pyrUp(coarse, dstsize=(width, height)), 1.0, pyramid[k], weight, 0.0)
    return out

"""Smoothing of the gradient, so that a dream is made of fur and feathers instead of glitter.

A network's gradient has most of its energy at the finest scale: the strides and poolings of the network are undone by
scattering. Followed as it is, it paints isolated neon pixels that later steps cannot join. Here its Laplacian pyramid
is weighted towards the coarse bands (Mordvintsev's 2015 notebook evens out the bands' energies; fixed weights cost less
and, unlike energies measured on a tile, leave no trace of the tile).

The work is done on a tile of a chart, where a pixel covers the same angle in all directions, so that poles and edges of
the sphere need no special care.
"""

from __future__ import annotations

import cv2
import numpy as np

LEVELS = 4
"""coarsest band: features of about 2^LEVELS x 4 = 64 pixels, an eye or a snout."""
REST = 0.25
"""of its weight is left to what is coarser than all bands: it would only tint the picture, pink above all."""
FINEST = 1.25
"""bands: the finest one counts as if it were so much finer still. What differs from pixel to pixel glitters, and it is
what resampling at the poles takes away: with more of it, they would dream in coarser forms than the horizon."""
SMALLEST = 8
"""pixels: coarser bands than this are not split off."""


def shape_gradient(gradient: np.ndarray, smooth: float, chroma: float) -> np.ndarray:
    """`gradient` float32 [h, w, 3] with band k of its Laplacian pyramid weighted by 2^((k - 2) * smooth), the finest,
    k = 0, by 2^(-(2 + FINEST) * smooth).

    `smooth` 0 leaves it as it is; 1 makes up for the network's bias to fine scales; 2 is soft. `chroma` in 0..1 is what
    remains of the differences between the colour channels: they clip first, to neon pixels. The overall magnitude means
    nothing, as a step is normalised afterwards; it stays near the gradient's own, so that half floats hold it.
    """
    if chroma != 1:
        # Rows: each channel is chroma times itself plus the rest of the mean.
        mix = np.full((3, 3), (1 - chroma) / 3, np.float32) + np.eye(3, dtype=np.float32) * np.float32(chroma)
        gradient = cv2.transform(gradient, mix)
    if smooth == 0:
        return gradient
    pyramid = [gradient]
    while len(pyramid) <= LEVELS and min(pyramid[-1].shape[:2]) >= 2 * SMALLEST:
        pyramid.append(cv2.pyrDown(pyramid[-1]))
    gain = 2.0**smooth
    # With G_k the Gaussian levels, U the enlargement and w_k the weights, band k is G_k - U G_(k+1). The weighted sum
    # of the bands is w_k G_k + U(coarser bands - w_k G_(k+1)), so each level is enlarged once.
    top = len(pyramid) - 1
    out = pyramid[top] * np.float32((REST if top == LEVELS else 1.0) * gain ** (top - LEVELS // 2))
    for k in range(top - 1, -1, -1):
        weight = gain ** (k - LEVELS // 2 - (0 if k else FINEST))
        coarse = cv2.addWeighted(out, 1.0, pyramid[k + 1], -weight, 0.0)
        height, width = pyramid[k].shape[:2]
        out = cv2.addWeighted(cv2.pyrUp(coarse, dstsize=(width, height)), 1.0, pyramid[k], weight, 0.0)
    return out

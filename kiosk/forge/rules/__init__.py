"""Gradient rules, one file per family of operations. Importing this package fills the table."""

from kiosk.forge.rules import (
    activations,
    convolution,
    elementwise,
    linear,
    normalization,
    pooling,
    resize,
    select,
    shape,
)
from kiosk.forge.rules.table import RULES, Entry, Step, gradient

__all__ = [
    "RULES",
    "Entry",
    "Step",
    "activations",
    "convolution",
    "elementwise",
    "gradient",
    "linear",
    "normalization",
    "pooling",
    "resize",
    "select",
    "shape",
]

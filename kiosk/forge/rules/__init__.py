"""Gradient rules, one file per family of operations. Importing this package fills the table."""

from kiosk.forge.rules import convolution, elementwise, linear, normalization, pooling, shape
from kiosk.forge.rules.table import RULES, Entry, Step, gradient

__all__ = [
    "RULES",
    "Entry",
    "Step",
    "convolution",
    "elementwise",
    "gradient",
    "linear",
    "normalization",
    "pooling",
    "shape",
]

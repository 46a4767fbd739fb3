"""QR codes: SVG for pages, half blocks for terminals."""

from __future__ import annotations

from xml.sax.saxutils import escape, quoteattr

import qrcode
from qrcode.constants import ERROR_CORRECT_H, ERROR_CORRECT_L, ERROR_CORRECT_M, ERROR_CORRECT_Q

QUIET_ZONE = 4
"""Modules of empty border on each side, as ISO/IEC 18004 requires."""
SVG_PIXELS = 10
"""Intrinsic size of a module in an SVG, pixels. A page can derive the number of modules from the picture's size."""

# Explicit colors instead of the terminal's, so that the code is dark on light in any theme: many phones cannot read
# inverted codes. 16 and 231 are the fixed black and white of the 256-color palette.
_COLORS = "\x1b[38;5;16;48;5;231m"
_RESET = "\x1b[0m"
_HALF_BLOCKS = {(False, False): " ", (True, False): "▀", (False, True): "▄", (True, True): "█"}


def qr_matrix(text: str, border: int = QUIET_ZONE) -> list[list[bool]]:
    """The modules of the code for `text` as a square matrix, True = dark, with `border` light modules around it.

    Uses the smallest version that holds the text, and then the strongest error correction that fits. Across a room, the
    size of a module decides whether a phone can read the code, and a screen has no dirt to correct for.
    """
    level, version = ERROR_CORRECT_L, _version(text, ERROR_CORRECT_L)
    for stronger in (ERROR_CORRECT_M, ERROR_CORRECT_Q, ERROR_CORRECT_H):
        if _version(text, stronger) == version:
            level = stronger
    code = qrcode.QRCode(version=version, error_correction=level, border=border)
    code.add_data(text)
    code.make(fit=False)
    return [[bool(module) for module in row] for row in code.get_matrix()]


def _version(text: str, level: int) -> int:
    """The smallest QR version, 1 to 40, that holds `text` at this level of error correction."""
    code = qrcode.QRCode(error_correction=level)
    code.add_data(text)
    return code.best_fit(start=1)


def qr_svg(text: str, label: str | None = None, background: str | None = "#fff") -> str:
    """The code for `text` as an SVG document, quiet zone included. One unit per module; `SVG_PIXELS` per module by
    default.

    Dark modules use `currentColor` (black in an <img>). `background` fills the whole square; None = transparent.
    `label` is the text for screen readers; by default `text` itself.
    """
    matrix = qr_matrix(text)
    size = len(matrix)
    pixels = size * SVG_PIXELS
    strokes = []
    for y, row in enumerate(matrix):
        x = 0
        while x < size:
            if not row[x]:
                x += 1
                continue
            end = x
            while end < size and row[end]:
                end += 1
            strokes.append(f"M{x} {y}h{end - x}v1h-{end - x}z")
            x = end
    paper = f'<rect width="{size}" height="{size}" fill={quoteattr(background)}/>' if background else ""
    name = label or text
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{pixels}" height="{pixels}" viewBox="0 0 {size} {size}"'
        f' shape-rendering="crispEdges"'
        f' role="img" aria-label={quoteattr(name)}><title>{escape(name)}</title>{paper}'
        f'<path fill="currentColor" d="{"".join(strokes)}"/></svg>'
    )


def qr_terminal(text: str, color: bool = True) -> str:
    """The code for `text` as lines of half blocks, two modules per character; readable on dark and light terminals.

    `color=False` omits the escape sequences; the code is then readable only on a light background.
    """
    matrix = qr_matrix(text)
    if len(matrix) % 2:
        matrix.append([False] * len(matrix))
    lines = []
    for upper, lower in zip(matrix[::2], matrix[1::2], strict=True):
        line = "".join(_HALF_BLOCKS[pair] for pair in zip(upper, lower, strict=True))
        lines.append(f"{_COLORS}{line}{_RESET}" if color else line)
    return "\n".join(lines)

"""QR codes: crisp vectors for pages, half blocks for terminals."""

from __future__ import annotations

from xml.sax.saxutils import escape, quoteattr

import qrcode
from qrcode.constants import ERROR_CORRECT_H, ERROR_CORRECT_L, ERROR_CORRECT_M, ERROR_CORRECT_Q

QUIET_ZONE = 4
"""Modules of empty border on each side, as ISO/IEC 18004 asks for."""
SVG_PIXELS = 10
"""Pixels that a module of an SVG has by itself: the size of the picture tells a page how many modules there are."""

# Explicit colours, not the terminal's own, so that the code is dark on light whatever the theme: many phones do not
# read an inverted one. 16 and 231 are the 256-colour palette's fixed black and white.
_COLOURS = "\x1b[38;5;16;48;5;231m"
_RESET = "\x1b[0m"
_HALF_BLOCKS = {(False, False): " ", (True, False): "▀", (False, True): "▄", (True, True): "█"}


def qr_matrix(text: str, border: int = QUIET_ZONE) -> list[list[bool]]:
    """The modules of the code for `text`, True = dark, square, with `border` light modules around.

    As few modules as the text allows, and then as much error correction as fits into them: across a room the size of a
    module decides whether a phone reads the code, and on a screen there is no dirt to correct.
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
    """The smallest size of code, 1 to 40, that holds `text` at a level of error correction."""
    code = qrcode.QRCode(error_correction=level)
    code.add_data(text)
    return code.best_fit(start=1)


def qr_svg(text: str, label: str | None = None, background: str | None = "#fff") -> str:
    """An SVG document of the code for `text`, one unit a module, quiet zone included; `SVG_PIXELS` a module
    where nothing else says how large.

    Dark modules are `currentColor` (black in an <img>); `background` fills the square, quiet zone included, or is None
    for none. `label` is what a screen reader says; the text itself by default.
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


def qr_terminal(text: str, colour: bool = True) -> str:
    """The code for `text` as lines of half blocks, two modules a character; reads on dark and light terminals.

    `colour=False` leaves out the escape sequences: right only on a light background.
    """
    matrix = qr_matrix(text)
    if len(matrix) % 2:
        matrix.append([False] * len(matrix))
    lines = []
    for upper, lower in zip(matrix[::2], matrix[1::2], strict=True):
        line = "".join(_HALF_BLOCKS[pair] for pair in zip(upper, lower, strict=True))
        lines.append(f"{_COLOURS}{line}{_RESET}" if colour else line)
    return "\n".join(lines)

"""Draw a page that compares a picture with its upscaled version: overviews, and details of both at 1:1.

Details are chosen where the result differs most from bicubic upscaling. On a sphere, stretched areas near the poles
count less.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from kiosk.sphere.grid import latitude

DETAILS = 3
DETAIL = (456, 776)
"""Maximum height and width of a detail in output pixels."""
SHARE = 4
"""A detail's height and width are at most 1 / SHARE of the picture's, so that all details fit."""
LEAST_PAGE = 1500
"""Minimum page width in pixels, so that overviews of small pictures stay legible."""
MARGIN = 48
GAP = 24
PAPER = (250, 248, 244)
INK = (34, 32, 30)
FAINT = (120, 114, 106)
MARK = (214, 62, 38)
LABEL = 34

Resample = Image.Resampling


@dataclass(frozen=True)
class Detail:
    """A rectangle of the original, in original pixels."""

    top: int
    left: int
    height: int
    width: int


def draw_comparison(
    original: np.ndarray, result: np.ndarray, caption: str, *, sphere: bool, release: Callable[[], None] | None = None
) -> np.ndarray:
    """Draw the page, uint8 [H, W, 3], for an original [h, w, 3 or 4] and its version upscaled by a whole factor.

    `caption` names the method. `release` is called while reading, to let go of the pages of a memory-mapped result.
    """
    scale = result.shape[0] // original.shape[0]
    details = choose_details(original, result, scale, sphere, release)
    shown = ("before", "after") if scale == 1 else ("nearest", "bicubic", caption)
    height, width = details[0].height * scale, details[0].width * scale
    zoom = max(1, min(DETAIL[1] // width, DETAIL[0] // height))
    cell_height, cell_width = height * zoom, width * zoom
    page_width = max(LEAST_PAGE, len(shown) * cell_width + (len(shown) - 1) * GAP) + 2 * MARGIN
    half = (page_width - 2 * MARGIN - GAP) // 2
    overview_height = max(1, min(half * original.shape[0] // original.shape[1], half))
    overview_width = min(half, max(1, overview_height * original.shape[1] // original.shape[0]))
    page_height = 2 * MARGIN + overview_height + LABEL + GAP
    page_height += len(details) * (cell_height + LABEL + GAP)
    page = Image.new("RGB", (page_width, page_height), PAPER)
    pen = ImageDraw.Draw(page)
    size = (overview_width, overview_height)
    for column, (picture, words) in enumerate(((original, "original"), (result, caption))):
        at = (MARGIN + column * (half + GAP), MARGIN)
        page.paste(_overview(picture, size, release), at)
        _words(pen, (at[0], at[1] + overview_height), words, f"{picture.shape[1]} x {picture.shape[0]}")
    for number, detail in enumerate(details):
        _mark(pen, detail, number + 1, original, (MARGIN + half + GAP, MARGIN), size)
    top = MARGIN + overview_height + LABEL + GAP
    column_width = (page_width - 2 * MARGIN + GAP) // len(shown)
    for number, detail in enumerate(details):
        for column, words in enumerate(shown):
            picture = _detail(original, result, detail, scale, column, len(shown))
            at = (MARGIN + column * column_width, top)
            page.paste(picture.resize((cell_width, cell_height), Resample.NEAREST), at)
            place = f"detail {number + 1}" if column == 0 else ""
            _words(pen, (at[0], top + cell_height), words, place)
        top += cell_height + LABEL + GAP
    return np.asarray(page)


def choose_details(
    original: np.ndarray, result: np.ndarray, scale: int, sphere: bool, release: Callable[[], None] | None = None
) -> list[Detail]:
    """Choose up to DETAILS rectangles that do not touch, by falling difference between result and bicubic upscaling."""
    height, width = (
        min(extent, max(8, min(side // scale, extent // SHARE)))
        for extent, side in zip(original.shape[:2], DETAIL, strict=True)
    )
    candidates: list[tuple[float, Detail]] = []
    for top in _starts(original.shape[0], height):
        for left in _starts(original.shape[1], width):
            detail = Detail(top, left, height, width)
            ours = np.asarray(_detail(original, result, detail, scale, 2, 3), np.int16)
            plain = np.asarray(_detail(original, result, detail, scale, 1, 3), np.int16)
            change = float(np.abs(ours - plain).mean())
            if sphere:
                change *= float(np.cos(latitude(top + height / 2 - 0.5, original.shape[0])))
            candidates.append((change, detail))
        if release:
            release()
    candidates.sort(key=lambda pair: -pair[0])
    chosen: list[Detail] = []
    for _, detail in candidates:
        if all(_apart(detail, other) for other in chosen):
            chosen.append(detail)
        if len(chosen) == DETAILS:
            break
    return chosen


def _starts(extent: int, side: int) -> list[int]:
    steps = max(1, round((extent - side) / (side / 2)))
    return sorted({round(index * (extent - side) / steps) for index in range(steps + 1)})


def _apart(a: Detail, b: Detail) -> bool:
    return abs(a.top - b.top) >= a.height or abs(a.left - b.left) >= a.width


def _on_paper(picture: np.ndarray) -> Image.Image:
    image = Image.fromarray(np.ascontiguousarray(picture))
    if image.mode == "RGB":
        return image
    paper = Image.new("RGBA", image.size, (*PAPER, 255))
    return Image.alpha_composite(paper, image).convert("RGB")


def _detail(
    original: np.ndarray, result: np.ndarray, detail: Detail, scale: int, column: int, columns: int
) -> Image.Image:
    """Draw a detail for one column: the first shows the original's pixels, the last the result, others bicubic."""
    top, left, height, width = detail.top, detail.left, detail.height, detail.width
    if column == columns - 1:
        return _on_paper(result[top * scale : (top + height) * scale, left * scale : (left + width) * scale])
    # Include a border for the bicubic kernel.
    first_row, first_column = max(0, top - 4), max(0, left - 4)
    around = _on_paper(original[first_row : top + height + 4, first_column : left + width + 4])
    box = (left - first_column, top - first_row, left - first_column + width, top - first_row + height)
    method = Resample.NEAREST if column == 0 else Resample.BICUBIC
    return around.resize((width * scale, height * scale), method, box=box)


def _overview(picture: np.ndarray, size: tuple[int, int], release: Callable[[], None] | None) -> Image.Image:
    # Average whole blocks in strips first, because Pillow would copy the entire picture.
    factor = max(1, min(picture.shape[1] // (2 * size[0]), picture.shape[0] // (2 * size[1])))
    if factor > 1:
        height, width = picture.shape[0] // factor, picture.shape[1] // factor
        small = np.empty((height, width, picture.shape[2]), np.uint8)
        for row in range(height):
            lines = picture[row * factor : (row + 1) * factor, : width * factor]
            small[row] = lines.reshape(factor, width, factor, -1).mean(axis=(0, 2), dtype=np.float32).round()
            if release and row % 64 == 63:
                release()
        picture = small
    return _on_paper(picture).resize(size, Resample.LANCZOS)


def _words(pen: ImageDraw.ImageDraw, at: tuple[int, int], left: str, right: str = "") -> None:
    bold, plain = _font(20), _font(20)
    pen.text((at[0], at[1] + 7), left, fill=INK, font=bold)
    if right:
        gap = pen.textlength(left, bold) + 16
        pen.text((at[0] + gap, at[1] + 7), right, fill=FAINT, font=plain)


def _mark(
    pen: ImageDraw.ImageDraw,
    detail: Detail,
    number: int,
    original: np.ndarray,
    at: tuple[int, int],
    size: tuple[int, int],
) -> None:
    down, across = size[1] / original.shape[0], size[0] / original.shape[1]
    left, top = at[0] + detail.left * across, at[1] + detail.top * down
    right, bottom = left + detail.width * across, top + detail.height * down
    pen.rectangle((left, top, right, bottom), outline=MARK, width=3)
    pen.rectangle((left, top, left + 24, top + 26), fill=MARK)
    pen.text((left + 12, top + 13), str(number), fill=(255, 255, 255), font=_font(18), anchor="mm")


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)

#!/usr/bin/env python3
"""Two ways to a sphere of one size, side by side: a dream enlarged 4 x, and one of twice the width enlarged 2 x.

    draw_ways.py PHOTO OUT [--width 2048] [--style dogs] [--data DIR]

Draws the same view out of both, at their full resolution, and prints how long each took as JSON.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import time
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from kiosk.nets.dreaming.dream import dream
from kiosk.nets.enlarging.upscale import upscale
from kiosk.pictures.read import read_picture
from kiosk.planning import graphs, upscale_precision
from kiosk.recipes.from_wishes import recipe_for_style
from kiosk.recipes.recipe import UpscaleRecipe
from kiosk.sphere.resample import resize_picture
from kiosk.storage import default_data_folder

VIEW = (440, 640)
"""Height and width of what is shown of each, pixels of the enlarged sphere."""
LABEL = 40


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photo", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--width", type=int, default=2048)
    parser.add_argument("--style", default="dogs")
    parser.add_argument("--at", type=float, nargs=2, default=(0.5, 0.5), help="the view's middle, shares of the sphere")
    parser.add_argument("--data", type=Path, default=default_data_folder())
    arguments = parser.parse_args()
    folder = arguments.data / "graphs"
    photo, _ = read_picture(arguments.photo)
    page = Image.new("RGB", (2 * VIEW[1] + 16, VIEW[0] + LABEL), (250, 248, 244))
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(19)
    rows = []
    for column, factor in enumerate((1, 2)):
        base = recipe_for_style(arguments.style)
        # As the plan does: the large forms stay.
        octaves = base.octaves + round(math.log(factor) / math.log(base.octave_scale))
        recipe = dataclasses.replace(base, width=arguments.width * factor, octaves=octaves)
        spec, graph = graphs.dream_graph(folder, recipe)
        recipe = dataclasses.replace(recipe, precision=spec.precision)
        started = time.perf_counter()
        dreamed = dream(resize_picture(photo, recipe.width, recipe.width // 2), recipe, graph)
        between = time.perf_counter()
        bigger = upscale_precision.decided(folder, UpscaleRecipe(scale=4 // factor))
        enlarged = upscale(dreamed.picture, bigger, graphs.upscale_graphs(folder)).picture
        seconds = [round(between - started, 1), round(time.perf_counter() - between, 1)]
        height, width = enlarged.shape[:2]
        top, left = int(height * arguments.at[1]) - VIEW[0] // 2, int(width * arguments.at[0]) - VIEW[1] // 2
        view = np.ascontiguousarray(enlarged[top : top + VIEW[0], left : left + VIEW[1]])
        at = column * (VIEW[1] + 16)
        page.paste(Image.fromarray(view), (at, 0))
        words = f"dreamed at {recipe.width}, enlarged {4 // factor} x"
        pen.text((at + 2, VIEW[0] + 10), words, fill=(34, 32, 30), font=font)
        rows.append({"dream_width": recipe.width, "scale": 4 // factor, "width": width, "seconds": seconds})
    page.save(arguments.out, quality=88)
    print(json.dumps(rows))


if __name__ == "__main__":
    main()

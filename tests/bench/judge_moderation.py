#!/usr/bin/env python3
"""How often decent photos, and dreams of them, are called rude.

    python -m tests.bench.judge_moderation PICTURE ... [--style NAME ... | --styles] [--width 1024] [--data DIR]

A line for each picture: how rude it is as the kiosk judges photos, how rude the rudest view is with the world that is
invented around it, and the seconds that the first took. With styles, a line for each dream of each picture in each of
them. Then, of all: how many, the highest, and the share at or above each threshold. A picture 2:1 may be a dream made
before. `--data` is the folder of the networks; `moderation` has to be built there.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from PIL import Image

from kiosk.errors import KioskError
from kiosk.nets.moderation import DECENT, RUDE
from kiosk.pictures.read import read_photo
from kiosk.pipeline.dreamer import Dreamer
from kiosk.pipeline.moderation.rudeness import WIDTH, open_judge, rudest_in_photo, rudest_view
from kiosk.pipeline.placing import place_at
from kiosk.recipes.available import available_styles
from kiosk.recipes.from_wishes import recipe_for_style, with_options
from kiosk.sphere.deciding import decide
from kiosk.storage import default_data_folder

THRESHOLDS = (DECENT, 0.5, RUDE)


def summary(kind: str, scores: list[float]) -> str:
    """A row of the last table."""
    found = np.array(scores)
    shares = " | ".join(f"{(found >= threshold).sum()} ({(found >= threshold).mean():.1%})" for threshold in THRESHOLDS)
    return f"| {kind} | {len(found)} | {np.median(found):.3f} | {found.max():.3f} | {shares} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", nargs="+", type=Path)
    parser.add_argument("--style", action="append", default=[], metavar="NAME")
    parser.add_argument("--styles", action="store_true", help="all styles that are available")
    parser.add_argument("--width", type=int, default=WIDTH, help="of the dreams")
    parser.add_argument("--out", type=Path, help="folder for the dreams whose rudest view is not decent")
    parser.add_argument("--data", type=Path, default=default_data_folder() / "graphs")
    arguments = parser.parse_args()
    judge = open_judge(arguments.data)
    styles = [style.name for style in available_styles(arguments.data)] if arguments.styles else arguments.style
    photos, worlds, dreams, placed = [], [], [], []
    for path in arguments.pictures:
        try:
            picture, tags = read_photo(path)
            at = decide(picture, tags)
            sphere = place_at(picture, at, arguments.width)
        except KioskError as error:
            print(f"{path}: {error}")
            continue
        begun = time.perf_counter()
        photos.append(rudest_in_photo(picture, at, judge))
        seconds = time.perf_counter() - begun
        worlds.append(rudest_view(sphere.sphere, judge))
        print(f"{path}  {at.kind}  {photos[-1]:.3f}  with its world {worlds[-1]:.3f}  {seconds:.2f} s", flush=True)
        placed.append((path.stem, sphere))
    for style in styles:
        for name, sphere in placed:
            recipe = with_options(recipe_for_style(style), width=arguments.width)
            dream = Dreamer(arguments.data, recipe, judged=False)(sphere.sphere, covered=sphere.covered).picture
            dreams.append(rudest_view(dream, judge))
            print(f"{name} in {style}  {dreams[-1]:.3f}", flush=True)
            if arguments.out and dreams[-1] >= DECENT:
                arguments.out.mkdir(parents=True, exist_ok=True)
                Image.fromarray(dream).save(arguments.out / f"{name}-{style}.png")
    print("| | number | median | highest | " + " | ".join(f"at least {one:g}" for one in THRESHOLDS) + " |")
    print(summary("photos", photos))
    print(summary("with their worlds", worlds))
    if dreams:
        print(summary("dreams", dreams))


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Whether one can point at the border of a photo in the world that is invented around it.

    judge_worlds.py PICTURE ... [--width 2048] [--across DEGREES] [--data DIR] [--dreams DIR] [--out DIR]

Each picture is placed as the kiosk places it. Eight views, 90 degrees wide, turn once around. In those that show the
border of the photo, the gradient's energy across it is divided by that 5 degrees to either side, in the same direction:
1 is a border that is not there, 0.7 to 1.4 is hardly one. A table has these ratios, the share of the sphere that is
photo, and the seconds that the world took. `--out` gets a sheet of the eight views, a row for each picture; with
`--dreams`, a folder of dreams of the same names, another row with the dream below.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from kiosk.pictures.read import read_photo, read_picture
from kiosk.pipeline.keeping.unrepeated import people_finder
from kiosk.sphere.deciding import decide
from kiosk.sphere.placement import put
from kiosk.sphere.resample import resize_picture
from kiosk.sphere.view import rectilinear
from kiosk.sphere.world.invent import world_of
from kiosk.storage import default_data_folder

YAWS = tuple(range(0, 360, 45))
FIELD, SIDE = 90.0, 512
BESIDE = 5.0
"""Degrees to either side of the border."""
BAND = 0.5
"""Degrees around each of the three lines in which the gradient is measured."""
LEAST = 40
"""Pixels of the border that a view must show."""
PREVIEW = 512


def border_ratio(view: np.ndarray, covered: np.ndarray) -> float | None:
    """The energy of the gradient across the border of `covered` (bool [s, s]) in a `view` (uint8 [s, s, 3]) 90 degrees
    wide, over that beside it; None if the view shows too little of it."""
    per_degree = SIDE / 2 / np.degrees(np.tan(np.radians(FIELD / 2)))
    kinds = [cv2.distanceTransform(part.astype(np.uint8), cv2.DIST_L2, 5) for part in (covered, ~covered)]
    if not (covered.any() and (~covered).any()):
        return None
    apart = (kinds[1] - kinds[0]) / per_degree
    smooth = cv2.GaussianBlur(apart.astype(np.float32), (0, 0), 4)
    down, across = np.gradient(smooth)
    length = np.maximum(np.hypot(down, across), 1e-6)
    light = cv2.cvtColor(view, cv2.COLOR_RGB2GRAY).astype(np.float32)
    light_down, light_across = np.gradient(light)
    energy = ((light_down * down + light_across * across) / length) ** 2
    inside = np.zeros(apart.shape, bool)
    inside[8:-8, 8:-8] = True
    lines = [inside & (np.abs(apart - at) < BAND) for at in (0, -BESIDE, BESIDE)]
    if min(int(line.sum()) for line in lines) < LEAST * BAND * 2 * per_degree:
        return None
    here, *beside = (float(energy[line].mean()) for line in lines)
    return here / max(1e-6, float(np.mean(beside)))


def judge(name: str, placed: np.ndarray, covered: np.ndarray, people: np.ndarray | None) -> np.ndarray:
    """Print the row of one picture's table and return its world."""
    begun = time.perf_counter()
    step = max(1, placed.shape[1] // PREVIEW)
    world_of(placed[::step, ::step], covered[::step, ::step], people).at(
        placed[::step, ::step], covered[::step, ::step]
    )
    preview = time.perf_counter() - begun
    begun = time.perf_counter()
    sphere = world_of(placed, covered, people).at(placed, covered)
    seconds = time.perf_counter() - begun
    ratios = []
    for yaw in YAWS:
        seen = rectilinear(covered.astype(np.float32), SIDE, SIDE, yaw=yaw, fov=FIELD) > 0.5
        ratios.append(border_ratio(rectilinear(sphere, SIDE, SIDE, yaw=yaw, fov=FIELD), seen))
    lat = (0.5 - (np.arange(len(covered)) + 0.5) / len(covered)) * np.pi
    share = float((covered.mean(1) * np.cos(lat)).sum() / np.cos(lat).sum())
    cells = " | ".join("" if ratio is None else f"{ratio:.2f}" for ratio in ratios)
    print(f"| {name} | {share:.1%} | {preview:.2f} | {seconds:.2f} | {cells} |", flush=True)
    return sphere


def row(sphere: np.ndarray, side: int = 300) -> np.ndarray:
    """The eight views beside each other."""
    return np.concatenate([rectilinear(sphere, side, side, yaw=yaw, fov=FIELD) for yaw in YAWS], axis=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", nargs="+", type=Path)
    parser.add_argument("--width", type=int, default=2048)
    parser.add_argument("--data", type=Path, default=default_data_folder() / "graphs", help="where the graphs are")
    parser.add_argument("--dreams", type=Path, help="folder of the pictures' dreams, as PNG or JPEG")
    parser.add_argument("--out", type=Path, help="folder for the worlds and the sheet")
    arguments = parser.parse_args()
    find = people_finder(arguments.data)
    print(f"| picture | photo | s at {PREVIEW} | s at {arguments.width} | " + " | ".join(map(str, YAWS)) + " |")
    print("|---" * (4 + len(YAWS)) + "|")
    rows = []
    for path in arguments.pictures:
        photo, tags = read_photo(path)
        placed, covered = put(photo, decide(photo, tags), arguments.width)
        if covered.all():
            print(f"| {path.stem} | 100% | a whole sphere |")
            continue
        sphere = judge(path.stem, placed, covered, find(placed, covered))
        rows.append(row(sphere))
        if arguments.out:
            arguments.out.mkdir(parents=True, exist_ok=True)
            Image.fromarray(sphere).save(arguments.out / f"{path.stem}.png")
        for dream in sorted(arguments.dreams.glob(f"{path.stem}.[jp][pn]g")) if arguments.dreams else ():
            picture = read_picture(dream)[0]
            rows.append(row(resize_picture(picture, arguments.width, arguments.width // 2)))
    if arguments.out and rows:
        Image.fromarray(np.concatenate(rows)).save(arguments.out / "sheet.png")


if __name__ == "__main__":
    main()

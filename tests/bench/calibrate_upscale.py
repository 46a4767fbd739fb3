#!/usr/bin/env python3
"""Find the int8 windows of upconv_7 networks on photos and dreams, and write them to models/ranges.

    calibrate_upscale.py PICTURE ... [--network NAME ...] [--crops N] [--out DIR]

Give photos of many kinds, also halved ones, and dreams. Needs torch (for speed; nothing else of the project does). For
every layer it tries windows [-low, 1]; for each it gives every channel the scale at which rounding noise and clipping
together do the least, splits the channels that gain most, and keeps the best. What noise at a channel does to the
result is estimated from the squared weights on its way. Then the mean error of each layer is put into its bias.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.nn.functional import avg_pool2d, conv2d, leaky_relu

from kiosk import catalog
from kiosk.catalog import CATALOG_FOLDER
from kiosk.forge.quantize_upscale import chain_kernels
from kiosk.forge.waifu2x import build_upscale
from kiosk.forge.weights import read_source
from kiosk.forge.windows import SLOPE, Kernel, Window, after_window, code_step, ranges_file, rounded_weights, windowed

LOWS = (0.08, 0.15, 0.25, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 3.0)
CLIPPING = 8.0  # clipping strikes where there is most to see, so it counts more than noise of the same energy
SPLIT = 2  # layers whose channels are split; the others write their codes after the LeakyReLU
SAMPLES = 6000
TAIL = 800  # the largest and the smallest values of a channel, which a sample would miss
MULTIPLE = 16  # output channels that the integer kernels work on at a time


def crops(paths: list[Path], count: int, size: int) -> torch.Tensor:
    rng = np.random.default_rng(0)
    pictures = [np.asarray(Image.open(path).convert("RGB")) for path in paths]
    pictures = [p for p in pictures if min(p.shape[:2]) >= size]
    cut = []
    for index in range(count):
        picture = pictures[index % len(pictures)]
        top, left = (int(rng.integers(0, extent - size + 1)) for extent in picture.shape[:2])
        cut.append(picture[top : top + size, left : left + size])
    return torch.tensor(np.stack(cut).transpose(0, 3, 1, 2)).float() / 255


def cards(count: int, size: int) -> torch.Tensor:
    """Flat patches of saturated colours with sharp edges, as on screens and signs: values that photos hardly reach."""
    rng = np.random.default_rng(1)
    drawn = np.zeros((count, 2 * size, 2 * size, 3), np.float32)
    for card in drawn:
        card[:] = rng.integers(0, 2, 3)
        for _ in range(40):
            top, left = rng.integers(0, 2 * size, 2)
            height, width = (2 ** rng.uniform(1, 6, 2)).astype(int)
            card[top : top + height, left : left + width] = rng.choice([0.0, 1.0, 1.0, rng.random()], 3)
    # Halved, as any picture of such things has soft edges; hard ones would ask for ranges that nothing else needs.
    return avg_pool2d(torch.tensor(drawn.transpose(0, 3, 1, 2)), 2)


def tensors(kernel: Kernel) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.tensor(kernel.weight), torch.tensor(kernel.bias)


def power_gains(kernels: list[Kernel], activity: list[torch.Tensor]) -> list[torch.Tensor]:
    """The power that unit noise at each channel of each layer's output adds to the result; `activity`: how often each
    channel is positive."""
    gains: list[torch.Tensor] = [torch.empty(0)] * len(activity)
    through = torch.ones(kernels[-1].weight.shape[0])
    for index in reversed(range(len(activity))):
        squares = torch.tensor(kernels[index + 1].weight).pow(2).sum((2, 3))
        gains[index] = through @ squares
        through = gains[index] * (activity[index] + SLOPE**2 * (1 - activity[index]))
    return gains


def find_window(
    z: torch.Tensor, gain: torch.Tensor, after: bool
) -> tuple[float, torch.Tensor, torch.Tensor, torch.Tensor]:
    """(low, scale, split, turned) of a layer with outputs z [N, C, H, W]."""
    flat = z.transpose(0, 1).flatten(1)
    high, deep = flat.amax(1).clamp(min=1e-4), (-flat.amin(1)).clamp(min=1e-4)
    some = flat[:, torch.randperm(flat.shape[1], generator=torch.Generator().manual_seed(0))[:SAMPLES]]
    rare = TAIL / flat.shape[1]
    tails = {1: flat.topk(TAIL, 1).values, -1: (-flat).topk(TAIL, 1).values}
    positive = (some > 0).float().mean(1)
    # Before the LeakyReLU, noise on the negative side is shrunk with it, and the table adds its own.
    weight = 1.0 if after else (positive + 2 * SLOPE**2 * (1 - positive))[:, None]
    whole = torch.maximum(high, deep)[:, None] * torch.logspace(-1.4, 0.02, 22)
    halves = high[:, None] * torch.linspace(0.35, 1, 10)

    def clipped(scales: torch.Tensor, sign: int) -> torch.Tensor:
        """The mean squared excess of sign x z over each scale: the tail counted, the rest sampled."""
        common = (sign * some).minimum(tails[sign][:, -1:])
        columns = []
        for scale in scales.split(1, 1):
            excess = (common - scale).clamp(min=0).pow(2).mean(1)
            columns.append(excess + rare * (tails[sign] - scale).clamp(min=0).pow(2).mean(1))
        return torch.stack(columns, 1)

    whole_high, halves_high = clipped(whole, 1), clipped(halves, 1)
    count = 0 if after else len(high)
    best = None
    for low in LOWS:
        step = (1 + low * (SLOPE if after else 1)) / 255
        whole_low = SLOPE**2 * clipped(whole * low, -1)
        one, at = ((whole * step) ** 2 / 12 * weight + CLIPPING * (whole_high + whole_low)).min(1)
        turned_noise = SLOPE**2 * (step * deep[:, None]) ** 2 / 12
        two, at_two = ((halves * step) ** 2 / 12 * weight + CLIPPING * halves_high + turned_noise).min(1)
        saved = (one - two) * gain
        split = saved.topk(count).indices
        split = split[saved[split] > 0]
        cost = float((one * gain).sum() - saved[split].sum())
        if best is None or cost < best[0]:
            scale = whole.gather(1, at[:, None])[:, 0]
            scale[split] = halves.gather(1, at_two[:, None])[split, 0]
            split = split.sort().values
            best = (cost, low, scale, split, (deep[split] - low * scale[split]).clamp(min=1e-3))
    assert best is not None
    return best[1:]


def through_codes(z: torch.Tensor, window: Window) -> torch.Tensor:
    """What the int8 graph makes of a windowed layer's output."""
    step, zero = code_step(window)
    if window.after:
        return ((leaky_relu(z, SLOPE) / float(step)).round() + zero).clamp(0, 255).sub(zero) * float(step)
    codes = ((z / float(step)).round() + zero).clamp(0, 255) - zero
    return leaky_relu(codes, SLOPE).round().clamp(min=-round(zero * SLOPE)) * float(step)


@torch.no_grad()
def calibrate(kernels: list[Kernel], images: torch.Tensor) -> tuple[list[Window], np.ndarray]:
    exact = [images]
    for index, kernel in enumerate(kernels):
        before = exact[-1] if index == 0 else leaky_relu(exact[-1], SLOPE)
        exact.append(conv2d(before, *tensors(kernel)))
    outputs = exact[1:]
    gains = power_gains(kernels, [(z > 0).float().mean((0, 2, 3)) for z in outputs[:-1]])
    windows: list[Window] = []
    values = images
    for index, kernel in enumerate(kernels[:-1]):
        after = index >= SPLIT
        low, *found = find_window(outputs[index], gains[index], after)
        scale, split, turned = (values.numpy() for values in found)
        window = Window(after, low, scale, split, turned, np.zeros(len(scale), np.float32))
        reading = after_window(kernel, windows[-1]) if windows else kernel
        z = _quantized(windowed(reading, window), values).mean((0, 2, 3)).numpy()
        missing = outputs[index].mean((0, 2, 3)).numpy() - z[: len(scale)] * scale
        # By way of JSON, so that the layers after it see the figures as they will be kept.
        window = Window.from_json(Window(after, low, scale, split, turned, missing).to_json())
        values = through_codes(_quantized(windowed(reading, window), values), window)
        windows.append(window)
    z = _quantized(after_window(kernels[-1], windows[-1]), values)
    return windows, (outputs[-1].mean((0, 2, 3)) - z.mean((0, 2, 3))).numpy()


def _quantized(kernel: Kernel, values: torch.Tensor) -> torch.Tensor:
    codes, scale = rounded_weights(kernel.weight)
    return conv2d(values, torch.tensor(codes * scale[:, None, None, None]), torch.tensor(kernel.bias))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", nargs="+", type=Path)
    parser.add_argument("--network", action="append")
    parser.add_argument("--crops", type=int, default=32)
    parser.add_argument("--size", type=int, default=70)
    parser.add_argument("--out", type=Path, default=CATALOG_FOLDER / "ranges")
    arguments = parser.parse_args()
    images = torch.cat([crops(arguments.pictures, arguments.crops, arguments.size), cards(6, arguments.size)])
    known = [n for n in catalog.load().networks if n.kind == "upscale" and n.align == 1]
    for network in known:
        if arguments.network and network.name not in arguments.network:
            continue
        model = build_upscale(network, "fp32", lambda path, network=network: read_source(network, path))
        windows, last = calibrate([kernel for _, kernel in chain_kernels(model)], images)
        entry = {"windows": [w.to_json() for w in windows], "last_bias": [float(f"{v:.5g}") for v in last]}
        arguments.out.mkdir(exist_ok=True)
        ranges_file(network.name, arguments.out).write_text(json.dumps(entry, separators=(",", ":")) + "\n", "ascii")
        print(network.name, [w.low for w in windows], [len(w.split) for w in windows], flush=True)


if __name__ == "__main__":
    main()

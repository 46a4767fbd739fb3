#!/usr/bin/env python3
"""Find the int8 ranges of the waifu2x networks on photos and dreams, and write them to models/ranges.

    calibrate_upscale.py PICTURE ... [--network NAME ...] [--crops N] [--spans] [--out DIR]

Give photos of many kinds, also halved ones, and dreams. Needs torch (for speed; nothing else of the project does). For
every layer of upconv_7 it tries windows [-low, 1]; for each it gives every channel the scale at which rounding noise
and clipping together do the least, and keeps the best. What noise at a channel does to the result is estimated from the
squared weights on its way. The spans of the symmetric graphs need none of that: there every channel has its own.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import torch
from onnx import numpy_helper
from PIL import Image
from torch.nn.functional import avg_pool2d, conv2d, leaky_relu

from kiosk.forge.precisions.activation_windows import SLOPE, Window, ranges_file
from kiosk.forge.precisions.codes import LEVELS, Codes, Kernel
from kiosk.forge.precisions.int8_cunet import quantizable, scaled
from kiosk.forge.precisions.int8_upscale import chain_kernels
from kiosk.forge.precisions.qdq_upscale import Span
from kiosk.forge.precisions.rounding import round_kernels
from kiosk.forge.readers.waifu2x import build_upscale
from kiosk.forge.readers.weights import read_source
from kiosk.recipes import catalog
from kiosk.recipes.catalog import CATALOG_FOLDER

LOWS = (0.08, 0.15, 0.25, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 3.0)
CLIPPING = 8.0  # clipping strikes where there is most to see, so it counts more than noise of the same energy
SPAN_CLIPPING = 4.0
SPAN_HEADROOM = 0.05  # cunet: of a span, on each side; its squeezes make of little that is cut off a lot that is wrong
SPLIT = 2  # layers whose channels are split; the others write their codes after the LeakyReLU
SAMPLES = 6000
TAIL = 800  # the largest and the smallest values of a channel, which a sample would miss
HEADROOM = 1.25  # cunet: over the largest value seen in a channel; what is cut off there shows
LEVEL_LOW = 0.25  # cunet: channels are brought to a size at which this much of the range is left for negative values


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
    """Flat patches of saturated colors with sharp edges, as on screens and signs: values that photos hardly reach."""
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


@torch.no_grad()
def calibrate(kernels: list[Kernel], images: torch.Tensor) -> list[Window]:
    exact = [images]
    for index, kernel in enumerate(kernels):
        before = exact[-1] if index == 0 else leaky_relu(exact[-1], SLOPE)
        exact.append(conv2d(before, *tensors(kernel)))
    outputs = exact[1:]
    gains = power_gains(kernels, [(z > 0).float().mean((0, 2, 3)) for z in outputs[:-1]])
    windows = []
    for index in range(len(kernels) - 1):
        after = index >= SPLIT
        low, *found = find_window(outputs[index], gains[index], after)
        scale, split, turned = (values.numpy() for values in found)
        if index == len(kernels) - 2:
            scale = np.ones_like(scale)  # what it writes is read as it is, in float
        windows.append(Window(after, low, scale, split, turned))
    return windows


def calibrate_spans(
    model: onnx.ModelProto, names: list[str], images: torch.Tensor, headroom: float
) -> dict[str, object]:
    """The span of every channel of what each of the convolutions `names` reads, wider by `headroom` on each side."""
    inputs = {node.name: node.input[0] for node in model.graph.node if node.name in names}
    tensors = sorted(set(inputs.values()))
    probed = onnx.ModelProto()
    probed.CopyFrom(model)
    probed.graph.output.extend(onnx.helper.make_tensor_value_info(name, 1, None) for name in tensors)
    session = ort.InferenceSession(probed.SerializeToString(), providers=["CPUExecutionProvider"])
    found = [session.run(tensors, {"image": image[None]}) for image in images.numpy()]
    spans = {
        name: best_spans(torch.tensor(np.concatenate(list(values))))
        for name, *values in zip(tensors, *found, strict=True)
    }
    more = {name: headroom * (span.high - span.low) for name, span in spans.items()}
    wide = {name: Span(span.low - more[name], span.high + more[name]) for name, span in spans.items()}
    return {name: wide[tensor].to_json() for name, tensor in inputs.items()}


def coded_layers(model: onnx.ModelProto) -> list[str]:
    """The convolutions of a plain chain to quantize: all except the first two, which are 1% of the work and whose
    errors would propagate through all later layers."""
    return [node.name for node in model.graph.node if node.op_type == "Conv"][2:]


def best_spans(values: torch.Tensor) -> Span:
    """For each channel of `values` [N, C, H, W] the span at which rounding noise and clipping together are least."""
    flat = values.transpose(0, 1).flatten(1)
    tail = min(TAIL, flat.shape[1] // 4)
    some = flat[:, torch.randperm(flat.shape[1], generator=torch.Generator().manual_seed(0))[:SAMPLES]]
    middle = some.median(1, keepdim=True).values
    shares = torch.linspace(0.3, 1.0, 15)

    def side(sign: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Ends [C, shares] and the mean squared excess over each: the tail counted, the rest sampled."""
        rare = (sign * flat).topk(tail, 1).values
        ends = sign * middle + (rare[:, :1] - sign * middle) * shares
        common = (sign * some).minimum(rare[:, -1:])
        lost = [(common - end).clamp(min=0).pow(2).mean(1) for end in ends.split(1, 1)]
        cut = [(rare - end).clamp(min=0).pow(2).mean(1) * tail / flat.shape[1] for end in ends.split(1, 1)]
        return sign * ends, torch.stack(lost, 1) + torch.stack(cut, 1)

    (highs, over), (lows, under) = side(1), side(-1)
    noise = ((highs[:, :, None] - lows[:, None, :]) / LEVELS) ** 2 / 12
    best = (noise + SPAN_CLIPPING * (over[:, :, None] + under[:, None, :])).flatten(1).argmin(1)
    high, low = (ends.gather(1, at[:, None])[:, 0].numpy() for ends, at in ((highs, best // 15), (lows, best % 15)))
    # A channel that is always one value still needs a step.
    return Span(low, np.maximum(high, low + 1e-4))


def calibrate_branching(model: onnx.ModelProto, images: torch.Tensor) -> dict[str, dict[str, object]]:
    """For each convolution of cunet that is quantized: the range of what it reads, and its bias correction."""
    names = quantizable(model)
    convolutions = {node.name: node for node in model.graph.node if node.name in names}
    values = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    sources = list(dict.fromkeys(node.input[0] for node in convolutions.values()))
    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    watched.graph.output.extend(onnx.helper.make_tensor_value_info(name, 1, None) for name in sources)
    session = ort.InferenceSession(watched.SerializeToString())
    rng = np.random.default_rng(0)
    samples: dict[str, list[np.ndarray]] = {name: [] for name in sources}
    extremes: dict[str, list[np.ndarray]] = {name: [] for name in sources}
    counts = dict.fromkeys(sources, 0)
    sizes: dict[str, np.ndarray] = {}
    even = {convolutions[name].input[0] for name in scaled(model) if name in convolutions}
    for image in images.numpy():
        for name, found in zip(sources, session.run(sources, {"image": image[None]}), strict=True):
            size = np.maximum(found[0].max((1, 2)), -found[0].min((1, 2)) / LEVEL_LOW)
            sizes[name] = np.maximum(sizes.get(name, 1e-3), HEADROOM * size) if name in even else np.ones(1, np.float32)
    sizes = {name: np.array([float(f"{value:.4g}") for value in size], np.float32) for name, size in sizes.items()}
    for image in images.numpy():
        for name, found in zip(sources, session.run(sources, {"image": image[None]}), strict=True):
            flat = found[0].reshape(found.shape[1], -1) / sizes[name][:, None]
            samples[name].append(flat[:, rng.integers(0, flat.shape[1], 200)])
            ends = np.sort(np.partition(flat.ravel(), (400, flat.size - 400)), kind="stable")
            extremes[name].append(np.concatenate([ends[:400], ends[-400:]]))
            counts[name] += flat.size
    ranges = {name: best_range(samples[name], extremes[name], counts[name]) for name in sources}
    entries: dict[str, dict[str, object]] = {}
    for name, node in convolutions.items():
        low, high = ranges[node.input[0]]
        if len(sizes[node.input[0]]) > 1:
            low, high = float(f"{low * HEADROOM:.5g}"), 1.0
        codes = Codes.covering(low, high)
        read = np.concatenate(samples[node.input[0]], axis=1)
        seen = codes.steps(read) * codes.scale
        size = sizes[node.input[0]]
        weight = values[node.input[1]] * size[:, None, None]
        wrong = round_kernels(weight).values.sum((2, 3)) @ seen.mean(1) - weight.sum((2, 3)) @ read.mean(1)
        entries[name] = {"low": low, "high": high, "bias": [float(f"{-value:.4g}") for value in wrong]}
        if len(size) > 1:
            entries[name]["scale"] = [float(f"{value:.4g}") for value in size]
    return entries


def best_range(samples: list[np.ndarray], extremes: list[np.ndarray], count: int) -> tuple[float, float]:
    """The range at which the codes' noise and what they cut off together are least."""
    common = np.concatenate(samples, axis=1).ravel()
    rare = np.concatenate(extremes)
    lowest, highest = min(float(rare.min()), -1e-3), max(float(rare.max()), 1e-3)

    def cost(low: float, high: float) -> float:
        lost = np.square(rare - rare.clip(low, high)).sum() / count
        return ((high - low) / 255) ** 2 / 12 + CLIPPING * max(lost, np.square(common - common.clip(low, high)).mean())

    shares = (0.4, 0.55, 0.7, 0.85, 1.0)
    pairs = [(float(f"{lowest * a:.5g}"), float(f"{highest * b:.5g}")) for a in shares for b in shares]
    return min(pairs, key=lambda pair: cost(*pair))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", nargs="+", type=Path)
    parser.add_argument("--network", action="append")
    parser.add_argument("--crops", type=int, default=32)
    parser.add_argument("--size", type=int, default=70)
    parser.add_argument("--spans", action="store_true", help="only the spans of the symmetric graphs, into OUT's files")
    parser.add_argument("--out", type=Path, default=CATALOG_FOLDER / "ranges")
    arguments = parser.parse_args()
    for network in catalog.load().networks:
        if network.kind != "upscale" or (arguments.network and network.name not in arguments.network):
            continue
        # cunet halves its input twice over, and wants sides that are multiples of 4.
        side = arguments.size if network.align == 1 else 64 + 2 * network.border
        images = torch.cat([crops(arguments.pictures, arguments.crops, side), cards(6, side)])
        model = build_upscale(network, "fp32", lambda path, network=network: read_source(network, path))
        path = ranges_file(network.name, arguments.out)
        entry: dict[str, object] = {}
        if arguments.spans:
            entry = json.loads(path.read_text("ascii"))
        elif network.align == 1:
            windows = calibrate([kernel for _, kernel in chain_kernels(model)], images)
            entry["windows"] = [window.to_json() for window in windows]
        else:
            entry["inputs"] = calibrate_branching(model, images)
        coded = coded_layers(model) if network.align == 1 else quantizable(model)
        entry["spans"] = calibrate_spans(model, coded, images, 0 if network.align == 1 else SPAN_HEADROOM)
        arguments.out.mkdir(exist_ok=True)
        path.write_text(json.dumps(entry, separators=(",", ":")) + "\n", "ascii")
        print(network.name, flush=True)


if __name__ == "__main__":
    main()

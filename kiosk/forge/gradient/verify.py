"""Check a dream graph's gradient against finite differences of its objective, without another framework."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx

from kiosk.errors import BadInput, Unavailable
from kiosk.forge.gradient.double import double_objective
from kiosk.forge.gradient.forward import prune

log = logging.getLogger(__name__)

RELATIVE_STEPS = (0.003, 0.001, 0.0003)
"""Relative changes of the objective that the step sizes aim for. Smaller ones suffer from float32 rounding, larger ones
from the kinks of ReLUs and max pools (for GoogLeNet's architecture, a step of 0.01 is off by 4%, 0.001 by 0.4%)."""
DOUBLE_STEPS = (1e-5, 3e-6)
CLOSE = 0.005
"""A float32 error above this may come from kinks and rounding, so float64 decides."""


def directional_error(graph: onnx.ModelProto, height: int, width: int, seeds: Sequence[int] = (0,)) -> float:
    """The relative error of `gradient` against central differences of `objective`, computed with ONNX Runtime.

    The worst of one picture per seed and of two directions: the gradient, and a random half of its elements. Where
    float32 differences leave an error above CLOSE, float64 ones, with steps a hundredth as large, decide. Below 0.02
    for a correct fp32 gradient. Raises BadInput if the graph cannot run at this size or its gradient is not finite or
    0.
    """
    forward = only(graph, ["objective"])
    both, single = open_plain(graph), open_plain(forward)

    def objective(picture: np.ndarray) -> float:
        return float(run(single, ["objective"], picture.astype(np.float32))[0])

    worst = 0.0
    for seed in seeds:
        image = spotted_picture(height, width, seed)
        gradient, value = _gradient(both, image)
        error = _error(objective, image, gradient, value, RELATIVE_STEPS, seed)
        if error > CLOSE:
            try:
                precise = _error(double_objective(forward), image, gradient, value, DOUBLE_STEPS, seed)
                error = min(error, precise)
            except (NotImplementedError, ValueError, RuntimeError, TypeError) as cause:
                log.info("no float64 check of the gradient: %s", cause)
        worst = max(worst, error)
    return worst


def _gradient(session: Any, image: np.ndarray) -> tuple[np.ndarray, float]:
    """The gradient, as float64, and the objective at `image`."""
    gradient, value = run(session, ["gradient", "objective"], image)
    if not (np.isfinite(gradient).all() and np.isfinite(value).all()):
        raise BadInput(
            "the network's gradient is not finite: its weights or its --mean and --std are wrong", "not_finite"
        )
    if not gradient.any():
        raise BadInput("the layers do not react to the picture: their gradient is 0", "no_reaction")
    return gradient.astype(np.float64), float(value)


def _error(
    objective: Callable[[np.ndarray], float],
    image: np.ndarray,
    gradient: np.ndarray,
    value: float,
    relative_steps: Sequence[float],
    seed: int,
) -> float:
    """The larger relative error of both directions."""
    random = np.random.default_rng(seed)
    worst = 0.0
    for share in (1.0, 0.5):
        direction = gradient * (random.random(gradient.shape) < share)
        slope = float((gradient * direction).sum())
        errors = []
        for relative in relative_steps:
            step = relative * abs(value) / slope
            difference = objective(image + step * direction) - objective(image - step * direction)
            errors.append(abs(difference / (2 * step) - slope) / slope)
        # Use the second-best step size, because the best may match by chance.
        worst = max(worst, sorted(errors)[1])
    return worst


def only(graph: onnx.ModelProto, outputs: list[str]) -> onnx.ModelProto:
    """Reduce the graph to what `outputs` need. ONNX Runtime would compute all other outputs too."""
    part = onnx.ModelProto()
    part.CopyFrom(graph)
    kept = [value for value in graph.graph.output if value.name in outputs]
    del part.graph.node[:], part.graph.output[:]
    part.graph.node.extend(prune(list(graph.graph.node), set(outputs)))
    part.graph.output.extend(kept)
    return part


def run(session: Any, outputs: list[str], image: np.ndarray) -> list[np.ndarray]:
    """Run the session on `image`. Raises BadInput with the first line of ONNX Runtime's error if it fails."""
    try:
        return session.run(outputs, {"image": image})
    except Exception as error:  # ONNX Runtime's errors have no common base
        height, width = image.shape[2:]
        raise BadInput(
            f"the network does not run on a {width}x{height} picture: {_line(error)}", "bad_network"
        ) from error


def spotted_picture(height: int, width: int, seed: int) -> np.ndarray:
    """A test picture of soft spots and noise, float32 [1,3,height,width], 0..255."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    picture = random.normal(128, 12, (1, 3, height, width))
    for _ in range(24):
        cy, cx, radius = (
            random.uniform(0, height),
            random.uniform(0, width),
            random.uniform(0.03, 0.2) * (height + width),
        )
        spot = np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / radius**2)
        picture += spot * random.uniform(-90, 90, (1, 3, 1, 1))
    return np.clip(picture, 0, 255).astype(np.float32)


def open_plain(graph: onnx.ModelProto | str) -> Any:
    """Open an ONNX Runtime session on the CPU. Raises BadInput for a graph that ONNX Runtime rejects."""
    try:
        import onnxruntime as ort
    except ImportError as error:
        raise Unavailable("ONNX Runtime is not installed: pip install 'dream-kiosk[cpu]'", "no_onnxruntime") from error
    options = ort.SessionOptions()
    options.log_severity_level = 3
    data = graph if isinstance(graph, str) else graph.SerializeToString()
    try:
        return ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's errors have no common base
        raise BadInput(f"ONNX Runtime rejects the network: {_line(error)}", "bad_network") from error


def _line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:200]

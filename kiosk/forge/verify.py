"""Checking a dream graph without another framework: does the objective change as its gradient says?"""

from __future__ import annotations

import numpy as np
import onnx

from kiosk.errors import BadInput, Unavailable

RELATIVE_STEPS = (0.003, 0.001, 0.0003)
"""Changes of the objective, relative to itself, that the step sizes aim at: float32 rounding spoils smaller ones, the
kinks of ReLUs and max pools larger ones (on GoogLeNet's architecture a step of 0.01 is 4% off, 0.001 0.4%)."""


def directional_error(graph: onnx.ModelProto | str, height: int, width: int, seed: int = 0) -> float:
    """How far central differences of `objective` through ONNX Runtime are from `gradient`, relative; the worst of
    three directions (the gradient, and random halves of its elements). Below 0.02 for a right gradient in float32.

    `graph` is a dream graph or its path. Raises BadInput where it cannot run, or gives no finite gradient.
    """
    image = spotted_picture(height, width, seed)
    session = open_plain(graph)

    def objective(picture: np.ndarray) -> float:
        return float(np.sum(session.run(["objective"], {"image": picture})[0], dtype=np.float64))

    try:
        gradient, value = session.run(["gradient", "objective"], {"image": image})
    except Exception as error:  # ONNX Runtime's errors have no common base
        raise BadInput(
            f"the network does not run on a {width}x{height} picture: {_line(error)}", "bad_network"
        ) from error
    gradient = gradient.astype(np.float64)
    if not (np.isfinite(gradient).all() and np.isfinite(value).all()):
        raise BadInput(
            "the network's gradient is not finite: its weights or its --mean and --std are wrong", "not_finite"
        )
    if not gradient.any():
        raise BadInput("the layers do not react to the picture: their gradient is 0", "no_reaction")
    base = float(np.sum(value, dtype=np.float64))
    random = np.random.default_rng(seed)
    worst = 0.0
    for share in (1.0, 0.5, 0.5):
        direction = gradient * (random.random(gradient.shape) < share)
        slope = float((gradient * direction).sum())
        errors = []
        for relative in RELATIVE_STEPS:
            step = relative * abs(base) / slope
            above = objective((image + step * direction).astype(np.float32))
            below = objective((image - step * direction).astype(np.float32))
            errors.append(abs((above - below) / (2 * step) - slope) / slope)
        # The second best: one step size may hit the slope by chance.
        worst = max(worst, sorted(errors)[1])
    return worst


def spotted_picture(height: int, width: int, seed: int) -> np.ndarray:
    """A picture of soft spots and noise, float32 [1,3,height,width], 0..255."""
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


def open_plain(graph: onnx.ModelProto | str):
    """An ONNX Runtime session on the CPU. Raises BadInput for a graph that it refuses."""
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
        raise BadInput(f"ONNX Runtime refuses the network: {_line(error)}", "bad_network") from error


def _line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:200]

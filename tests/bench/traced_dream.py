"""A float32 dream graph that also returns its inner tensors and their gradients."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import onnx
from onnx import TensorProto, helper

from kiosk.forge.gradient.backward import add_gradient
from kiosk.forge.gradient.tape import Tensor
from kiosk.forge.gradient.verify import open_plain
from kiosk.forge.rules import RULES, Entry, Step


class TracedDream:
    """Runs the dream graph of `layer` on tiles."""

    def __init__(
        self,
        forward: onnx.ModelProto,
        layer: str,
        activations: Iterable[str],
        gradients: Iterable[str],
        residual: float = 1.0,
    ):
        seen: dict[str, str] = {}

        def noting(entry: Entry) -> Entry:
            def rule(step: Step, dy: Tensor) -> Tensor:
                seen.setdefault(step.y.name, dy.name)
                return entry.rule(step, dy)

            return entry._replace(rule=rule)

        rules = {kind: noting(entry) for kind, entry in RULES.items()}
        model = add_gradient(forward, {layer: 1.0}, rules=rules, residual=residual)
        self._channels = next(t.dims[0] for t in model.graph.initializer if t.name == "channel_weights")
        self._activations = list(activations)
        self._gradients = {name: seen[name] for name in gradients}
        for name in dict.fromkeys([*self._activations, *self._gradients.values()]):
            model.graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, None))
        self._session = open_plain(model)

    def __call__(
        self, tile: np.ndarray, channel: int | None = None
    ) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """The activations [C, h, w] and the gradients of the objective at the tensors asked for, the picture's among
        them as `picture`. `tile`: [H, W, 3], RGB 0..255; `channel`: the only one of the layer's to dream."""
        image = np.ascontiguousarray(tile.transpose(2, 0, 1)[None], np.float32)
        feed = {"image": image}
        if channel is not None:
            feed["channel_weights"] = np.eye(1, self._channels, channel, dtype=np.float32)[0] * self._channels
        names = [*self._activations, *dict.fromkeys(self._gradients.values()), "gradient"]
        found = dict(zip(names, (array[0] for array in self._session.run(names, feed)), strict=True))
        gradients = {name: found[traced] for name, traced in self._gradients.items()}
        return {name: found[name] for name in self._activations}, {**gradients, "picture": found["gradient"]}

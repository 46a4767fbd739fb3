"""Recipes: every parameter that, with the photo's bytes, determines a result. Frozen and serializable."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError, ValidationInfo

from kiosk.errors import BadInput

# Unknown fields are errors: ignoring those of a newer version would silently give a different result.
_STRICT = ConfigDict(extra="forbid", allow_inf_nan=False)


def _range(low: float, high: float, name: str) -> Any:
    """A number from `low` to `high`. `name` appears in error messages."""
    return Field(ge=low, le=high, title=name)


_Side = Annotated[int, Field(ge=64, le=4096)]
"""Side of a tile, pixels."""


@lru_cache
def _adapter(kind: type) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


@contextlib.contextmanager
def _bad_input(kind: type) -> Iterator[None]:
    """Turn pydantic's validation error for a recipe into BadInput."""
    try:
        yield
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        about = _adapter(kind).json_schema()["properties"].get(where, {})
        if "minimum" in about and first["type"] in _OUTSIDE:
            message = f"{about['title']} must be from {about['minimum']} to {about['maximum']}, not {first['input']}"
            raise BadInput(message, "bad_recipe") from error
        if first["type"] == "value_error":
            raise BadInput(first["msg"].removeprefix("Value error, "), "bad_recipe") from error
        raise BadInput(f"not a recipe of this version: {where}: {first['msg']}", "recipe") from error


def _with_layer(channels: Any, info: ValidationInfo) -> Any:
    """Add the layer to (channel, weight) pairs, which recipes of one layer had in earlier versions."""
    layers = info.data.get("layers", ())
    if len(layers) != 1 or not isinstance(channels, list | tuple):
        return channels
    return [(layers[0][0], *one) if isinstance(one, list | tuple) and len(one) == 2 else one for one in channels]


def _of_layers(channels: tuple[tuple[str, int, float], ...], info: ValidationInfo) -> Any:
    """Raise ValueError for channels of a layer that the recipe does not dream with."""
    names = [name for name, _ in info.data.get("layers", ())]
    for layer, channel, _ in channels:
        if layer not in names:
            raise ValueError(f"the recipe has channel {channel} of layer {layer}, but dreams with {', '.join(names)}")
    return channels


Recipe = TypeVar("Recipe", "DreamRecipe", "UpscaleRecipe")

_OUTSIDE = frozenset(("greater_than_equal", "less_than_equal", "finite_number"))


@dataclass(frozen=True)
class DreamRecipe:
    """How to dream."""

    __pydantic_config__ = _STRICT

    # A stored recipe that lacks these two means SqueezeNet's fire8, so their defaults never change. A new dream that
    # names no network has DEFAULT_NETWORK (`kiosk.recipes.from_wishes`).
    network: str = "squeezenet"
    layers: tuple[tuple[str, float], ...] = (("fire8", 1.0),)
    """(layer, weight) pairs. The objective is the weighted sum of the layers' mean squared activations."""
    channels: Annotated[
        tuple[tuple[str, int, float], ...], BeforeValidator(_with_layer), AfterValidator(_of_layers)
    ] = ()
    """(layer, channel, weight) of single channels. A channel of weight 1 weighs as much as a whole layer. A layer
    without any is used whole. A channel of the network's class layer is a class."""
    strongest: Annotated[int, _range(0, 65536, "the number of strongest channels")] = 0
    """Use only so many channels of each layer without `channels`, those that the photo excites most
    (`kiosk.nets.dreaming.strongest`). Stored recipes have them as `channels`. 0: all channels."""
    equalized: bool = False
    """Weight the channels against how much the photo excites them, so that a few do not rule the layer."""
    guide: str | None = None
    """sha256 of the guide picture's file. A guided dream follows the guide's features at the layers."""
    width: int = 2048
    """Width of the dream, pixels, a multiple of 64. The height is half of it (`flat`: in the photo's proportions)."""
    octaves: Annotated[int, _range(1, 12, "octaves")] = 6
    """Maximum number of octaves."""
    smallest: Annotated[int, _range(64, 65536, "the smallest octave")] = 352
    """Width of the smallest octave of a sphere, pixels; narrower ones are left out. A face that grows there is 64
    pixels or about 60 degrees wide, and a larger one could not be seen whole from inside."""
    octave_scale: Annotated[float, _range(1.05, 4, "octave scale")] = 1.4
    iterations: Annotated[int, _range(1, 500, "iterations")] = 10
    """Gradient ascent steps in each octave."""
    octave_iterations: tuple[int, ...] = ()
    """Steps that each octave actually got, smallest first, if a deadline cut the dream short; empty: `iterations`."""
    step: Annotated[float, _range(0.01, 50, "step")] = 3.2
    """Mean absolute change of a pixel per step, in 8-bit levels, before it is damped near black and white. DeepDream's
    1.5 of 2015 leaves much of a photo undreamed."""
    decay: Annotated[float, _range(0, 1, "decay")] = 0.9
    """Steps of an octave shrink linearly from (1 + decay) to (1 - decay) times `step`; 0: all steps are equal. Large
    steps lay out the forms, small ones finish them."""
    smooth: Annotated[float, _range(0, 3, "smoothing")] = 1.4
    """Weight of the gradient's coarse frequency bands. 0: the raw gradient, which looks grainy; 1: fur and feathers
    form continuous areas; 2: soft."""
    chroma: Annotated[float, _range(0, 1, "chroma")] = 0.75
    """Share of the gradient's color that is kept. 1: all of it; 0: the dream changes brightness only."""
    magenta: Annotated[float, _range(0, 1, "magenta")] = 1.0
    """Share of the color differences between green and magenta that is kept of those that `chroma` keeps. They are rare
    in nature, and make plain areas of class dreams pink and green."""
    saturation: Annotated[float, _range(10, 255, "saturation")] = 95.0
    """How far from gray colors may go, in 8-bit levels (`kiosk.nets.dreaming.tone.subdue`); 255 gives neon colors."""
    jitter: Annotated[int, _range(0, 65536, "jitter")] = 32
    """Largest yaw roll per step, in pixels of the octave; each is random in [-jitter, jitter]."""
    wobble: Annotated[float, _range(0, 0.5, "wobble")] = 0.0
    """Largest random turn (radians) and change of scale (share) of a step's tiles. What holds in every pose is what
    people recognize too: without it, a class dream is mostly glitter that only its own network sees."""
    residual: Annotated[float, _range(0, 1, "residual gradient")] = 1.0
    """Share of the gradient that goes back through residual branches; what goes through the skip connections beside
    them is kept whole. 1: the true gradient. Less draws forms that other networks recognize too, and people (Wu et al.,
    "Skip Connections Matter", 2020). No effect on networks without skip connections."""
    local: Annotated[float, _range(0, 1, "local normalization")] = 1.0
    """0: the gradient is normalized over the whole sphere; 1: locally, so that smooth sky dreams as much as detailed
    ground."""
    strength: Annotated[float, _range(0, 2, "strength")] = 1.0
    """Factor on the dreamed detail before it is added to the photo."""
    keep_nadir: Annotated[float, _range(0, 90, "the kept nadir")] = 0.0
    """Degrees around the nadir that stay undreamed, for the tripod; the dream fades out around them."""
    presence: Annotated[float, _range(0, 1, "the photo's presence")] = 0.7
    """Share of the photo that stays undreamed at its center, if it covers only part of its sphere
    (`kiosk.pipeline.keeping.presence`)."""
    keep_faces: bool = False
    """Keep faces undreamed (`kiosk.pipeline.keeping.faces`)."""
    keep_people: bool = False
    """Keep people whose face is found undreamed (`kiosk.pipeline.keeping.people`)."""
    seed: int = 0
    tile: tuple[_Side, _Side] | None = None
    """Largest (height, width) of a tile, pixels; None: as large as memory allows. The plan puts in what this machine is
    fastest with (`kiosk.planning.tile_shape`). The network sees no further than its tile, so the result depends on
    it."""
    precision: Literal["auto", "int8", "fp16", "fp32"] = "auto"
    flat: bool = False
    """A plain picture, not a sphere: no wrapping, no poles."""

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> DreamRecipe:
        """Parse `to_json` output. Raises BadInput if it is not a recipe of this version."""
        with _bad_input(cls):
            recipe = _adapter(cls).validate_json(text)
        # Earlier versions dreamed placed photos whole. Their recipes still give what they gave.
        return recipe if "presence" in json.loads(text) else dataclasses.replace(recipe, presence=0.0)


def with_fields(recipe: Recipe, fields: Mapping[str, Any]) -> Recipe:
    """`recipe` with `fields` replaced, all of it checked. Raises BadInput for an unknown field or a bad value."""
    with _bad_input(type(recipe)):
        return _adapter(type(recipe)).validate_python(dataclasses.asdict(recipe) | dict(fields))


def check_numbers(recipe: DreamRecipe) -> None:
    """Raise BadInput if a field of `recipe` is out of range, however the recipe was made."""
    with _bad_input(DreamRecipe):
        _adapter(DreamRecipe).validate_python(dataclasses.asdict(recipe))


@dataclass(frozen=True)
class UpscaleRecipe:
    """How to upscale."""

    __pydantic_config__ = _STRICT

    scale: Literal[1, 2, 4, 8] = 2
    network: Literal["photo", "art", "cunet"] = "photo"
    noise: Literal["none", "0", "1", "2", "3"] = "none"
    """Strength of the denoising that the network was trained for."""
    tta: bool = False
    """Average over the eight flips and rotations of each tile: 8 times the work, slightly more detail."""
    precision: Literal["auto", "int8", "fp16", "fp32"] = "auto"
    engine: Literal["auto", "onnxruntime", "openvino"] = "auto"
    """Runtime of the graphs; results differ by rounding."""
    flat: bool = False

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> UpscaleRecipe:
        """Parse `to_json` output. Raises BadInput if it is not a recipe of this version."""
        with _bad_input(cls):
            return _adapter(cls).validate_json(text)

"""Recipes: every parameter that, with the photo's bytes, determines a result. Frozen and serialisable."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError

from kiosk.errors import BadInput

# What a field does not know is an error: a recipe of a newer version would otherwise give something else in silence.
_STRICT = ConfigDict(extra="forbid")


def _check(kind: type, text: str) -> Any:
    try:
        return TypeAdapter(kind).validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise BadInput(f"not a recipe of this version: {where}: {first['msg']}", "recipe") from error


@dataclass(frozen=True)
class DreamRecipe:
    """How to dream. The defaults are the style "dogs"."""

    __pydantic_config__ = _STRICT

    network: str = "squeezenet"
    layers: tuple[tuple[str, float], ...] = (("fire8", 1.0),)
    """(layer, weight): the objective is the weighted sum of the layers' mean squared activations."""
    channels: tuple[tuple[int, float], ...] = ()
    """(channel, weight) at the layer; empty means every channel with weight 1. For `conv10` a channel is a class."""
    guide: str | None = None
    """sha256 of the file of the picture to dream like; the layers then follow its features instead of their own."""
    width: int = 2048
    """width of the dream, pixels, a multiple of 64; the height is half of it (`flat`: in the photo's proportion)."""
    octaves: int = 6
    """sizes to dream at, at most."""
    smallest: int = 352
    """pixels: octaves of a sphere that are narrower are left out. A face that grows in the first one, 64 pixels, is
    about 60 degrees wide: larger ones are not seen whole from inside, whatever the width of the dream."""
    octave_scale: float = 1.4
    iterations: int = 10
    """ascent steps in each octave."""
    octave_iterations: tuple[int, ...] = ()
    """steps that each octave really gets, smallest first, where there was no time for all; empty: all."""
    step: float = 3.2
    """mean absolute change of a pixel in one step, in 8-bit levels, before black and white slow it down; 1.5, as in
    2015, leaves much of a photo bare."""
    decay: float = 0.9
    """0: all steps of an octave are equal; to 1: they shrink evenly, from 1 + decay to 1 - decay times `step`. Large
    steps lay out the forms, small ones finish them."""
    smooth: float = 1.4
    """0: the network's gradient as it is, which glitters; 1: its coarse bands count more, and fur and feathers join; 2:
    soft."""
    chroma: float = 0.75
    """1: colours as the network wants them; 0: the dream changes brightness alone."""
    saturation: float = 95.0
    """levels from grey that colours are dreamed to (`kiosk.nets.dreaming.tone.subdue`); at 255 they end in neon."""
    jitter: int = 32
    """largest yaw roll of a step, pixels of the octave; random in [-jitter, jitter]."""
    local: float = 1.0
    """0: one gradient norm for the whole sphere; 1: the norm is taken locally, so that smooth sky dreams as much as
    detailed ground."""
    strength: float = 1.0
    """how much of the dreamed detail is laid over the photo."""
    keep_nadir: float = 0.0
    """degrees around the nadir that stay the photo: the tripod; the dream fades out around them."""
    keep_faces: bool = False
    """faces stay the photo; they are found and spared by `kiosk.pipeline.faces`."""
    seed: int = 0
    precision: Literal["auto", "int8", "fp16", "fp32"] = "auto"
    flat: bool = False
    """a plain picture: no wrapping, no poles."""

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> DreamRecipe:
        """Raises BadInput for text that is no recipe of this version."""
        return _check(cls, text)


def check_numbers(recipe: DreamRecipe) -> None:
    """Raise BadInput for a number that no dream can be made with."""
    for name, value, low, high in (
        ("octaves", recipe.octaves, 1, 12),
        ("the smallest octave", recipe.smallest, 64, 65536),
        ("octave scale", recipe.octave_scale, 1.05, 4),
        ("iterations", recipe.iterations, 1, 500),
        ("step", recipe.step, 0.01, 50),
        ("strength", recipe.strength, 0, 2),
        ("the kept nadir", recipe.keep_nadir, 0, 90),
        ("local normalisation", recipe.local, 0, 1),
        ("decay", recipe.decay, 0, 1),
        ("smoothing", recipe.smooth, 0, 3),
        ("chroma", recipe.chroma, 0, 1),
        ("saturation", recipe.saturation, 10, 255),
    ):
        if not low <= value <= high:
            raise BadInput(f"{name} must be from {low} to {high}; {value} is not", "bad_recipe")


@dataclass(frozen=True)
class UpscaleRecipe:
    """How to enlarge."""

    __pydantic_config__ = _STRICT

    scale: Literal[1, 2, 4, 8] = 2
    network: Literal["photo", "art", "cunet"] = "photo"
    noise: Literal["none", "0", "1", "2", "3"] = "none"
    """strength of the denoising that the network was trained for."""
    tta: bool = False
    """average the eight flips and turns of each tile: 8 times the work, a little more detail."""
    precision: Literal["auto", "int8", "fp16", "fp32"] = "auto"
    engine: Literal["auto", "onnxruntime", "openvino"] = "auto"
    """what runs the graphs; results differ by rounding."""
    flat: bool = False

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> UpscaleRecipe:
        """Raises BadInput for text that is no recipe of this version."""
        return _check(cls, text)

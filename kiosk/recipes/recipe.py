"""Recipes: every parameter that, with the photo's bytes, determines a result. Frozen and serialisable."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from kiosk.errors import BadInput

# What a field does not know is an error: a recipe of a newer version would otherwise give something else in silence.
_STRICT = ConfigDict(extra="forbid", allow_inf_nan=False)


def _range(low: float, high: float, name: str) -> Any:
    """A number from `low` to `high`; `name` is what people are told it is."""
    return Field(ge=low, le=high, title=name)


@lru_cache
def _adapter(kind: type) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


@contextlib.contextmanager
def _bad_input(kind: type) -> Iterator[None]:
    """Turn what pydantic finds wrong with a recipe into BadInput."""
    try:
        yield
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        about = _adapter(kind).json_schema()["properties"].get(where, {})
        if "minimum" in about and first["type"] in _OUTSIDE:
            message = f"{about['title']} must be from {about['minimum']} to {about['maximum']}; {first['input']} is not"
            raise BadInput(message, "bad_recipe") from error
        raise BadInput(f"not a recipe of this version: {where}: {first['msg']}", "recipe") from error


_OUTSIDE = frozenset(("greater_than_equal", "less_than_equal", "finite_number"))


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
    octaves: Annotated[int, _range(1, 12, "octaves")] = 6
    """sizes to dream at, at most."""
    smallest: Annotated[int, _range(64, 65536, "the smallest octave")] = 352
    """pixels: octaves of a sphere that are narrower are left out. A face that grows in the first one, 64 pixels, is
    about 60 degrees wide: larger ones are not seen whole from inside, whatever the width of the dream."""
    octave_scale: Annotated[float, _range(1.05, 4, "octave scale")] = 1.4
    iterations: Annotated[int, _range(1, 500, "iterations")] = 10
    """ascent steps in each octave."""
    octave_iterations: tuple[int, ...] = ()
    """steps that each octave really gets, smallest first, where there was no time for all; empty: all."""
    step: Annotated[float, _range(0.01, 50, "step")] = 3.2
    """mean absolute change of a pixel in one step, in 8-bit levels, before black and white slow it down; 1.5, as in
    2015, leaves much of a photo bare."""
    decay: Annotated[float, _range(0, 1, "decay")] = 0.9
    """0: all steps of an octave are equal; to 1: they shrink evenly, from 1 + decay to 1 - decay times `step`. Large
    steps lay out the forms, small ones finish them."""
    smooth: Annotated[float, _range(0, 3, "smoothing")] = 1.4
    """0: the network's gradient as it is, which glitters; 1: its coarse bands count more, and fur and feathers join; 2:
    soft."""
    chroma: Annotated[float, _range(0, 1, "chroma")] = 0.75
    """1: colours as the network wants them; 0: the dream changes brightness alone."""
    saturation: Annotated[float, _range(10, 255, "saturation")] = 95.0
    """levels from grey that colours are dreamed to (`kiosk.nets.dreaming.tone.subdue`); at 255 they end in neon."""
    jitter: int = 32
    """largest yaw roll of a step, pixels of the octave; random in [-jitter, jitter]."""
    local: Annotated[float, _range(0, 1, "local normalisation")] = 1.0
    """0: one gradient norm for the whole sphere; 1: the norm is taken locally, so that smooth sky dreams as much as
    detailed ground."""
    strength: Annotated[float, _range(0, 2, "strength")] = 1.0
    """how much of the dreamed detail is laid over the photo."""
    keep_nadir: Annotated[float, _range(0, 90, "the kept nadir")] = 0.0
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
        with _bad_input(cls):
            return _adapter(cls).validate_json(text)


def check_numbers(recipe: DreamRecipe) -> None:
    """Raise BadInput for a recipe, made in any way, with a number that no dream can be made with."""
    with _bad_input(DreamRecipe):
        _adapter(DreamRecipe).validate_python(dataclasses.asdict(recipe))


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
        with _bad_input(cls):
            return _adapter(cls).validate_json(text)

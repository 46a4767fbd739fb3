"""Build graphs into a folder, idempotently and atomically, and verify them on every use.

A graph's file name includes a digest of everything it is made from (source files, layers, precision, quantization
ranges and FORGE_VERSION), so a newer version of the kiosk or the weights never runs an old graph. Its sha256 is stored
next to it: a file damaged by a power cut or a worn card is built again.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import onnx

from kiosk.errors import BadInput, Unavailable
from kiosk.forge.archives.build import read_kept
from kiosk.forge.dream_networks import READERS, read_dreaming
from kiosk.forge.gradient.backward import add_gradient
from kiosk.forge.gradient.features import read_layers
from kiosk.forge.gradient.objectives import likeness
from kiosk.forge.precisions.coded.lower import to_codes
from kiosk.forge.precisions.coded.stored import ranges_path, stored_ranges
from kiosk.forge.precisions.dream_ranges import Ranges, read_ranges
from kiosk.forge.precisions.fp16_dream import dream_to_half
from kiosk.forge.precisions.qdq_dream import quantize_forward
from kiosk.forge.readers.imported import PACKAGE as IMPORTED
from kiosk.forge.readers.imported import known_network
from kiosk.forge.readers.weights import read_source
from kiosk.forge.rules import RULES
from kiosk.forge.rules.blocked import BLOCKED
from kiosk.recipes import catalog
from kiosk.recipes.available import is_available
from kiosk.recipes.catalog import CATALOG_FOLDER, Network, Precision
from kiosk.recipes.from_wishes import recipe_for_style
from kiosk.recipes.recipe import DreamRecipe
from kiosk.storage import write_atomic

BUILT: dict[str, tuple[Precision, ...]] = {
    "dream": ("fp32", "int8"),
    "upscale": ("fp32",),
    "detect": ("fp32",),
    "matte": ("fp32",),
    "judge": ("fp32",),
}
"""The precisions that `models build` builds per kind of network. Others are built on demand."""
SAFE_STEM = re.compile(r"[a-zA-Z0-9._+-]{1,120}")
FORGE_VERSION = 10
"""Increase this whenever the same sources give a different graph."""


@dataclass(frozen=True)
class GraphSpec:
    """Identifies a graph: its network, precision, purpose, and for dreams the layers with their weights."""

    network: str
    precision: Precision
    layers: tuple[tuple[str, float], ...] = ()
    purpose: Literal["dream", "guided", "features"] = "dream"
    """What a dream network's graph outputs. "dream": the gradient of the layers' activation; "guided": the gradient of
    their similarity to a guide's features; "features": a guide's features. The latter two exist only in fp32."""
    residual: float = 1.0
    """Factor on the gradient in residual branches (`DreamRecipe.residual`)."""

    @property
    def label(self) -> str:
        """A short name for people, such as `squeezenet-fire8-fp32`."""
        return self._named("+".join(name if weight == 1 else f"{name}x{weight:g}" for name, weight in self.layers))

    @property
    def file_stem(self) -> str:
        """`label` for file names: layers whose names are long or have unusual characters are a digest."""
        if SAFE_STEM.fullmatch(self.label):
            return self.label
        return self._named(hashlib.sha256(self.label.encode()).hexdigest()[:16])

    def _named(self, layers: str) -> str:
        purpose = "" if self.purpose == "dream" else self.purpose
        residual = "" if self.residual == 1 else f"residual{self.residual:g}"
        return "-".join(filter(None, (self.network, layers, purpose, residual, self.precision)))


def dream_spec(
    recipe: DreamRecipe, precision: Precision = "fp32", purpose: Literal["dream", "guided", "features"] = "dream"
) -> GraphSpec:
    """The graph that dreams `recipe` in `precision`, or that reads the features of its layers."""
    residual = 1.0 if purpose == "features" else recipe.residual
    return GraphSpec(recipe.network, precision, recipe.layers, purpose, residual)


def standard_graphs(folder: Path, name: str | None = None) -> list[GraphSpec]:
    """The graphs that `models build` builds: every network of the catalog that is available, or only the one called
    `name`, and dreams at every layer a style uses."""
    known = catalog.load()
    specs: list[GraphSpec] = []
    for network in known.networks:
        if name not in (None, network.name) or not is_available(folder, network):
            continue
        exact: Iterable[GraphSpec] = [GraphSpec(network.name, "fp32")]
        if network.kind == "dream":
            exact = dict.fromkeys(
                dream_spec(recipe_for_style(style.name)) for style in known.styles if style.network == network.name
            )
        specs += [
            replace(spec, precision=precision)
            for spec in exact
            for precision in BUILT[network.kind]
            if precision != "int8" or network.kind == "upscale" or _has_ranges(network, spec)
        ]
    return specs


def graph_path(folder: Path, spec: GraphSpec) -> Path:
    """The path of the graph, built or not. Raises BadInput for an unknown network or layer."""
    network = known_network(folder, spec.network)
    for layer, _ in spec.layers:
        network.layer(layer)
    recipe = hashlib.sha256(
        repr((FORGE_VERSION, spec, [file.sha256 for file in network.files], onnx.__version__.split(".")[0])).encode()
    )
    for ranges in sorted((CATALOG_FOLDER / "ranges").glob(f"{network.name}*")):
        recipe.update(ranges.read_bytes())
    if network.package == IMPORTED and spec.precision == "int8":
        for ranges in (ranges_path(folder, network.name, layer) for layer, _ in spec.layers):
            recipe.update(ranges.read_bytes() if ranges.is_file() else b"")
    return Path(folder) / f"{spec.file_stem}-{recipe.hexdigest()[:10]}.onnx"


def is_built(path: Path) -> bool:
    """Whether the graph exists and matches its sha256."""
    try:
        wanted = path.with_suffix(".sha256").read_text(encoding="ascii").strip()
        return hashlib.sha256(path.read_bytes()).hexdigest() == wanted
    except (OSError, UnicodeDecodeError):
        return False


def ensure_graph(folder: Path, spec: GraphSpec) -> Path:
    """The path of the graph, which is built if it is missing or damaged."""
    path = graph_path(folder, spec)
    if not is_built(path):
        folder.mkdir(parents=True, exist_ok=True)
        data = make_graph(folder, spec).SerializeToString()
        write_atomic(path, data)
        write_atomic(path.with_suffix(".sha256"), hashlib.sha256(data).hexdigest() + "\n")
    return path


def ensure_graphs(
    folder: Path, specs: Iterable[GraphSpec], progress: Callable[[int, int, str], None] | None = None
) -> list[Path]:
    """Build the missing graphs of `specs`. `progress(done, total, label)` is called before each and once at the end."""
    wanted = list(specs)
    paths = []
    for done, spec in enumerate(wanted):
        if progress:
            progress(done, len(wanted), spec.label)
        paths.append(ensure_graph(folder, spec))
    if progress:
        progress(len(wanted), len(wanted), "")
    return paths


def make_graph(folder: Path, spec: GraphSpec) -> onnx.ModelProto:
    """Make the graph in memory, with its metadata. `folder` holds the networks that are not from packages."""
    network = known_network(folder, spec.network)

    def read(path: str) -> bytes:
        return read_source(network, path)

    if network.kind == "upscale":
        model = _upscale_graph(network, spec, read)
    elif network.kind == "detect":
        model = _detect_graph(network, spec, read)
    elif network.kind in ("matte", "judge"):
        _only_float32(network, spec)
        model = read_kept(folder, network)
    else:
        model = _dream_graph(folder, network, spec)
    layer = "+".join(name for name, _ in spec.layers)
    _label(
        model,
        {
            "network": network.name,
            "layer": layer,
            "precision": spec.precision,
            "border": str(network.layer(spec.layers[0][0]).halo if network.kind == "dream" else network.border),
            "align": str(network.align),
            "source_sha256": ",".join(file.sha256 for file in network.files),
            "licence": network.licence,
        },
    )
    return model


def _dream_graph(folder: Path, network: Network, spec: GraphSpec) -> onnx.ModelProto:
    forward = read_dreaming(folder, network)
    if not spec.layers:
        raise BadInput(f"{network.name} needs a layer; it has: {', '.join(network.layers)}", "no_layer")
    if spec.purpose != "dream" and spec.precision != "fp32":
        raise Unavailable(f"guided dreams are not available in {spec.precision}", "precision")
    if spec.purpose == "features":
        return read_layers(forward, [layer for layer, _ in spec.layers])
    layers, residual = dict(spec.layers), spec.residual
    if spec.purpose == "guided":
        return add_gradient(forward, layers, rules=BLOCKED, objective=likeness, residual=residual)
    if spec.precision == "fp32":
        return add_gradient(forward, layers, rules=BLOCKED, residual=residual)
    if len(spec.layers) > 1:
        raise Unavailable(f"dreams of several layers are not available in {spec.precision}", "precision")
    layer = next(iter(layers))
    if spec.precision == "fp16":
        return dream_to_half(add_gradient(forward, layers, rules=RULES, residual=residual), layer)
    if network.package == IMPORTED and spec.precision == "int8" and residual == 1:
        ranges = stored_ranges(folder, network.name, layer)
        return to_codes(add_gradient(forward, layers, rules=RULES), forward, ranges)
    ranges, reader = _ranges(network, spec), READERS[network.name]
    if spec.precision == "int8":
        return reader.int8(read_source(network, network.files[0].path), layer, ranges, residual)
    return quantize_forward(add_gradient(forward, layers, rules=RULES, residual=residual), reader.spans(ranges))


def _ranges(network: Network, spec: GraphSpec) -> Ranges:
    """The int8 ranges of a dream of one layer."""
    if network.package == IMPORTED or network.archive is not None or not _has_ranges(network, spec):
        label = replace(spec, precision="fp32").label
        raise Unavailable(f"there are no int8 ranges for {label}: dream in fp32 or fp16", "precision")
    return read_ranges(ranges_file(spec))


def _has_ranges(network: Network, spec: GraphSpec) -> bool:
    """Whether the layers of `spec`, which a dream uses together, have an int8 graph."""
    return len(spec.layers) == 1 and ranges_file(spec).is_file()


def ranges_file(spec: GraphSpec) -> Path:
    """Where the catalog has the int8 ranges of the one layer of `spec`, if it does."""
    residual = "" if spec.residual == 1 else f"-residual{spec.residual:g}"
    return CATALOG_FOLDER / "ranges" / f"{spec.network}-{spec.layers[0][0]}{residual}.toml"


def _upscale_graph(network: Network, spec: GraphSpec, read: Callable[[str], bytes]) -> onnx.ModelProto:
    from kiosk.forge.readers.waifu2x import build_upscale

    return build_upscale(network, spec.precision, read)


def _detect_graph(network: Network, spec: GraphSpec, read: Callable[[str], bytes]) -> onnx.ModelProto:
    from kiosk.forge.readers.mtcnn import build_detector

    _only_float32(network, spec)
    return build_detector(network.name, read(network.files[0].path))


def _only_float32(network: Network, spec: GraphSpec) -> None:
    if spec.precision != "fp32":
        raise Unavailable(f"{network.name} is not offered in {spec.precision}", "precision")


def _label(model: onnx.ModelProto, entries: Mapping[str, str]) -> None:
    present = {entry.key for entry in model.metadata_props}
    for key, value in entries.items():
        if key not in present:
            model.metadata_props.add(key=key, value=value)

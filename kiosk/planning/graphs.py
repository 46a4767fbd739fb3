"""The graphs a photo needs and their precision. They are built on first use, or ahead of time by `prepare`."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from kiosk.errors import BadInput, KioskError
from kiosk.forge.build import GraphSpec, dream_spec, ensure_graph, graph_path, is_built
from kiosk.nets.engine import fallbacks
from kiosk.nets.engine.memory import weights_mb
from kiosk.nets.enlarging.upscale import graph_precision, network_names
from kiosk.nets.matting import NETWORK as MATTING
from kiosk.planning import upscale_precision
from kiosk.planning.precision import dream_graph_for, precisions
from kiosk.recipes.available import available_styles
from kiosk.recipes.catalog import Precision
from kiosk.recipes.from_wishes import recipe_for_style
from kiosk.recipes.photo import PhotoRecipe
from kiosk.recipes.recipe import DreamRecipe, UpscaleRecipe
from kiosk.settings import Dream as DreamSettings

log = logging.getLogger(__name__)


def dream_graph(folder: Path, recipe: DreamRecipe) -> tuple[GraphSpec, Path]:
    """The spec and the file of the graph that dreams `recipe`, built if missing. The spec's precision is never "auto".

    Raises BadInput for a guide with a precision other than fp32.
    """
    if recipe.guide is not None:
        if recipe.precision not in ("auto", "fp32"):
            raise BadInput(f"a guided dream runs only in fp32, not in {recipe.precision}", "precision")
        spec = dream_spec(recipe, purpose="guided")
        return spec, ensure_graph(folder, spec)
    return dream_graph_for(folder, dream_spec(recipe), recipe.precision)


def dream_weights_mb(folder: Path, recipe: DreamRecipe) -> float:
    """MB that the weights of a dream's graph add to the memory it needs (`kiosk.nets.engine.memory.weights_mb`)."""
    return weights_mb(dream_graph(folder, recipe)[1])


def upscale_graphs(folder: Path) -> Callable[[str, str], Path]:
    """The `graphs(network, precision)` callback that `kiosk.nets.enlarging.upscale` takes."""

    def graph(network: str, precision: str) -> Path:
        return ensure_graph(folder, GraphSpec(network, precision))  # type: ignore[arg-type]

    return graph


def dream_label(recipe: DreamRecipe) -> str:
    """The key of a dream's speed in the speed book. `recipe.precision` must not be "auto"."""
    return dream_spec(recipe, recipe.precision).label  # type: ignore[arg-type]


def upscale_label(recipe: UpscaleRecipe) -> str:
    """The key of an upscale's speed: the network of the last pass, which does most of the work, or "" without one."""
    names = network_names(recipe)
    return GraphSpec(names[-1], graph_precision(recipe.precision, recipe.engine)).label if names else ""


def frozen(folder: Path, recipe: PhotoRecipe) -> PhotoRecipe:
    """`recipe` with every "auto" resolved. A dream whose precision has no graph falls back to fp32, with a warning, and
    one that is to keep people keeps faces where the network for people was not built, with a notice."""
    try:
        spec, _ = dream_graph(folder, recipe.dream)
    except KioskError as error:
        if error.code != "precision":
            raise
        log.warning("%s; dreaming in fp32", error)
        spec, _ = dream_graph(folder, dataclasses.replace(recipe.dream, precision="fp32"))
    return PhotoRecipe(
        _keeping(folder, dataclasses.replace(recipe.dream, precision=spec.precision)),
        upscale_precision.decided(folder, recipe.upscale),
    )


def _keeping(folder: Path, recipe: DreamRecipe) -> DreamRecipe:
    if not recipe.keep_people:
        return recipe
    try:
        ensure_graph(folder, GraphSpec(MATTING, "fp32"))
    except KioskError as error:
        fallbacks.note(MATTING, f"Faces are kept instead of people: {error}")
        return dataclasses.replace(recipe, keep_people=False, keep_faces=True)
    return recipe


def offered(folder: Path, settings: DreamSettings) -> list[GraphSpec]:
    """Every graph a guest can ask for, in fp32: those of all styles whose network is available in `folder`, and of the
    operator's upscale setting."""
    dreams = (dream_spec(recipe_for_style(style.name)) for style in available_styles(folder))
    enlarging = (GraphSpec(name, "fp32") for name in network_names(UpscaleRecipe(scale=settings.upscale)))
    return list(dict.fromkeys([*dreams, *enlarging]))


def missing(folder: Path, settings: DreamSettings) -> list[str]:
    """The labels of the `offered` graphs that `folder` lacks in every acceptable precision."""
    return [
        spec.label
        for spec in offered(folder, settings)
        if not any(
            is_built(graph_path(folder, dataclasses.replace(spec, precision=precision)))
            for precision in _choices(spec, settings.precision)
        )
    ]


def prepare(
    folder: Path, settings: DreamSettings, progress: Callable[[int, int, str], None] | None = None
) -> list[GraphSpec]:
    """Build every `offered` graph and return their specs.

    `progress(done, total, label)` is called before each graph and once at the end. A graph that already exists takes
    milliseconds. Raises Unavailable, with a remedy, if weights are missing or do not match the catalog.
    """
    wanted = offered(folder, settings)
    built = []
    for done, spec in enumerate(wanted):
        if progress:
            progress(done, len(wanted), " ".join([spec.network, *(name for name, _ in spec.layers)]))
        choices = _choices(spec, settings.precision)
        built.append(_build(folder, spec, choices))
        # The worker times these against each other.
        if spec.layers and settings.precision == "auto":
            built += [_build(folder, spec, (precision,)) for precision in choices[1:]]
        elif not spec.layers:
            others = upscale_precision.graphs_of(UpscaleRecipe(precision=settings.precision), spec.network)
            built += [_build(folder, spec, (other.precision,)) for other in others]
    if progress:
        progress(len(wanted), len(wanted), "")
    return list(dict.fromkeys(built))


def _choices(offer: GraphSpec, wanted: str) -> tuple[Precision, ...]:
    """The acceptable precisions of an offered graph: those that qualify for `wanted`, then fp32 as the fallback."""
    return tuple(dict.fromkeys((*precisions(wanted, dream=offer), "fp32")))  # type: ignore[arg-type]


def _build(folder: Path, offer: GraphSpec, choices: Sequence[Precision]) -> GraphSpec:
    """`offer` in the first of `choices` that its graph can be built in. The graph is built if missing.

    Raises Unavailable if none can be built, or if weights are missing or damaged.
    """
    for precision in choices:
        spec = dataclasses.replace(offer, precision=precision)
        try:
            ensure_graph(folder, spec)
        except KioskError as error:
            if error.code != "precision" or precision == choices[-1]:
                raise
        else:
            return spec
    raise AssertionError("choices is never empty")

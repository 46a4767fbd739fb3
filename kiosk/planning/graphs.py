"""The graphs a photo needs: which precision, built on first use or before the kiosk opens."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from kiosk.errors import BadInput, KioskError
from kiosk.forge.build import GraphSpec, ensure_graph, graph_path, is_built
from kiosk.nets.enlarging.upscale import graph_precision, network_names
from kiosk.planning import upscale_precision
from kiosk.planning.precision import dream_graph_for, precisions
from kiosk.recipes import catalog
from kiosk.recipes.catalog import Precision
from kiosk.recipes.from_wishes import recipe_for_style
from kiosk.recipes.photo import PhotoRecipe
from kiosk.recipes.recipe import DreamRecipe, UpscaleRecipe
from kiosk.settings import Dream as DreamSettings

log = logging.getLogger(__name__)

_Layers = tuple[tuple[str, float], ...]


def dream_graph(folder: Path, recipe: DreamRecipe) -> tuple[GraphSpec, Path]:
    """The graph to dream `recipe` with, and its spec, whose precision is never "auto". Raises BadInput for a guide in
    another precision than float32."""
    if recipe.guide is not None:
        if recipe.precision not in ("auto", "fp32"):
            raise BadInput(f"a dream like a guide is in fp32; it cannot be in {recipe.precision}", "precision")
        spec = GraphSpec(recipe.network, "fp32", recipe.layers, "guided")
        return spec, ensure_graph(folder, spec)
    return dream_graph_for(folder, recipe.network, recipe.layers, recipe.precision)


def upscale_graphs(folder: Path) -> Callable[[str, str], Path]:
    """`graphs(network, precision)`, as `kiosk.nets.enlarging.upscale` asks for them."""

    def graph(network: str, precision: str) -> Path:
        return ensure_graph(folder, GraphSpec(network, precision))  # type: ignore[arg-type]

    return graph


def dream_label(recipe: DreamRecipe) -> str:
    """What a dream's speed is kept under; its precision has to be decided."""
    return GraphSpec(recipe.network, recipe.precision, recipe.layers).label  # type: ignore[arg-type]


def upscale_label(recipe: UpscaleRecipe) -> str:
    """The same of an enlargement: the network of its last pass, which does most of the work; "" without any."""
    names = network_names(recipe)
    return GraphSpec(names[-1], graph_precision(recipe.precision, recipe.engine)).label if names else ""


def frozen(folder: Path, recipe: PhotoRecipe) -> PhotoRecipe:
    """`recipe` with every "auto" decided, and float32 for a dream that there is no graph for in its precision."""
    try:
        spec, _ = dream_graph(folder, recipe.dream)
    except KioskError as error:
        if error.code != "precision":
            raise
        log.warning("%s; dreaming in fp32", error)
        spec, _ = dream_graph(folder, dataclasses.replace(recipe.dream, precision="fp32"))
    return PhotoRecipe(
        dataclasses.replace(recipe.dream, precision=spec.precision), upscale_precision.decided(folder, recipe.upscale)
    )


def offered(settings: DreamSettings) -> list[tuple[str, _Layers]]:
    """(network, layers) of every graph that guests can ask for: every style, and the operator's enlargement."""
    dreams = dict.fromkeys(
        (recipe.network, recipe.layers) for recipe in (recipe_for_style(style.name) for style in catalog.load().styles)
    )
    return [*dreams, *((name, ()) for name in dict.fromkeys(network_names(UpscaleRecipe(scale=settings.upscale))))]


def missing(folder: Path, settings: DreamSettings) -> list[str]:
    """The labels of `offered` graphs that are in `folder` in none of the precisions that would do."""
    return [
        GraphSpec(network, "fp32", layers).label
        for network, layers in offered(settings)
        if not any(
            is_built(graph_path(folder, GraphSpec(network, precision, layers)))
            for precision in _choices(network, layers, settings.precision)
        )
    ]


def prepare(
    folder: Path, settings: DreamSettings, progress: Callable[[int, int, str], None] | None = None
) -> list[GraphSpec]:
    """Build what is `offered`.

    `progress(done, total, label)` is called before each graph and once at the end. What is built already takes
    milliseconds. Raises Unavailable, with what to do, where weights are missing or not what the catalog says.
    """
    wanted = offered(settings)
    built = []
    for done, (network, layers) in enumerate(wanted):
        if progress:
            progress(done, len(wanted), " ".join([network, *(name for name, _ in layers)]))
        choices = _choices(network, layers, settings.precision)
        built.append(_build(folder, network, layers, choices))
        # The worker will want to know which is the fastest.
        if layers and settings.precision == "auto":
            built += [_build(folder, network, layers, (precision,)) for precision in choices[1:]]
        elif not layers:
            others = upscale_precision.graphs_of(UpscaleRecipe(precision=settings.precision), network)
            built += [_build(folder, network, (), (spec.precision,)) for spec in others]
    if progress:
        progress(len(wanted), len(wanted), "")
    return list(dict.fromkeys(built))


def _choices(network: str, layers: _Layers, wanted: str) -> tuple[Precision, ...]:
    """The precisions that an offered graph may have: those that qualify for `wanted`, and float32 where they are not
    to be had."""
    return tuple(dict.fromkeys((*precisions(wanted, network=network, layers=layers), "fp32")))  # type: ignore[arg-type]


def _build(folder: Path, network: str, layers: _Layers, choices: Sequence[Precision]) -> GraphSpec:
    """The first of `choices` that there is a graph in, built where it is missing.

    Raises Unavailable where there is none, or where its weights are not installed or damaged.
    """
    for precision in choices:
        spec = GraphSpec(network, precision, layers)
        try:
            ensure_graph(folder, spec)
        except KioskError as error:
            if error.code != "precision" or precision == choices[-1]:
                raise
        else:
            return spec
    raise AssertionError("there is always a choice")

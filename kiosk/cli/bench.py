"""dreamkiosk bench: measure this machine's speed and how long a guest waits."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import click

from kiosk import settings as settings_file
from kiosk.cli.progress import progress_bar
from kiosk.storage import DataFolder

if TYPE_CHECKING:
    from kiosk.pipeline.bench import Bench
    from kiosk.planning.plan import Plan


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
@click.pass_obj
def bench(data: DataFolder, as_json: bool) -> None:
    """Measure how fast this machine dreams and upscales, and how long a guest waits. Takes under a minute.

    Missing networks are built first. What is fastest here, precisions and tiles, is kept for dreams; nothing else is
    saved.
    """
    from kiosk.pipeline.bench import run_bench
    from kiosk.planning.wanted import wanted_recipe

    data.prepare()
    settings = settings_file.load(data.settings).dream
    started = time.perf_counter()
    with progress_bar("starting", shown=not as_json) as report:
        found = run_bench(data, wanted_recipe(settings), settings.deadline, threads=settings.threads, progress=report)
    seconds = time.perf_counter() - started
    if as_json:
        click.echo(json.dumps(_as_json(found, settings.deadline, settings.threads, seconds)))
    else:
        _show(found, settings.deadline, settings.threads, seconds)


def _as_json(found: Bench, deadline: float, threads: int, seconds: float) -> dict[str, Any]:
    return {
        **_machine(threads),
        "seconds": round(seconds, 2),
        "dream_megapixels_per_second": _rounded(found.dream),
        "upscale_megapixels_per_second": _rounded(found.upscale),
        "publish_megapixels_per_second": round(found.publish, 2),
        "gigamacs_per_second": {kind: round(speed / 1e9, 1) for kind, speed in found.products.items()},
        "tile": found.recipe.dream.tile,
        "precision": {"dream": found.recipe.dream.precision, "upscale": found.recipe.upscale.precision},
        "guest": {"deadline": deadline, "wanted": _guest(found.whole), "planned": _guest(found.plan)},
    }


def _machine(threads: int) -> dict[str, Any]:
    import onnxruntime as ort

    from kiosk.nets.engine.session import available_providers, default_threads
    from kiosk.planning.speed import machine

    return {
        "machine": machine(),
        "onnxruntime": ort.__version__,
        "provider": available_providers()[0],
        "threads": threads or default_threads(),
    }


def _rounded(speeds: dict[str, float | None]) -> dict[str, float | None]:
    return {precision: None if speed is None else round(speed, 3) for precision, speed in speeds.items()}


def _guest(plan: Plan) -> dict[str, Any]:
    dream, upscale = plan.recipe.dream, plan.recipe.upscale
    return {
        "dream_width": dream.width,
        "iterations": dream.iterations,
        "scale": upscale.scale,
        "width": dream.width * upscale.scale,
        "dream_seconds": round(plan.dream_seconds, 1),
        "upscale_seconds": round(plan.upscale_seconds, 1),
        "publish_seconds": round(plan.publish_seconds, 1),
        "seconds": round(plan.seconds, 1),
    }


def _show(found: Bench, deadline: float, threads: int, seconds: float) -> None:
    from rich.console import Console
    from rich.table import Table

    machine = _machine(threads)
    click.echo(f"{machine['machine']}, {machine['threads']} threads; measured in {seconds:.0f} s\n", err=True)
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("", "precision", "speed", ""):
        table.add_column(heading, justify="right" if heading == "speed" else "left")
    taken = {"dream": found.recipe.dream.precision, "upscale": found.recipe.upscale.precision}
    unit = {"dream": "megapixels x steps/s", "upscale": "megapixels/s"}
    for kind, speeds in (("dream", found.dream), ("upscale", found.upscale)):
        for precision, speed in speeds.items():
            mark = "  <- used" if precision == taken[kind] else ""
            text = "does not work here" if speed is None else f"{speed:.2f}"
            table.add_row(kind, precision, text, ("" if speed is None else unit[kind]) + mark)
    table.add_row("publish", "", f"{found.publish:.1f}", "megapixels/s")
    if found.recipe.dream.tile:
        height, wide = found.recipe.dream.tile
        table.add_row("tile", taken["dream"], f"{wide} x {height}", "pixels at most  <- the fastest here")
    for kind, speed in found.products.items():
        table.add_row("matrix product", kind, f"{speed / 1e9:.0f}", "billion multiply-adds/s")
    Console(stderr=True, highlight=False, width=100).print(table)
    click.echo(err=True)
    for words, plan in (("A guest's photo as wanted", found.whole), (f"Planned for {deadline:.0f} s", found.plan)):
        dream, upscale = plan.recipe.dream, plan.recipe.upscale
        click.echo(
            f"{words}: {dream.width} wide, {dream.iterations} steps, upscaled {upscale.scale}x\n"
            f"  dream {plan.dream_seconds:.1f} s + upscale {plan.upscale_seconds:.1f} s"
            f" + publish {plan.publish_seconds:.1f} s = {plan.seconds:.0f} s",
            err=True,
        )

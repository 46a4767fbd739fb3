"""What a command says on standard error: progress bars, shown only on a terminal, and what it wrote."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import click

if TYPE_CHECKING:
    from kiosk.nets.dreaming.dream import DreamResult
    from kiosk.nets.enlarging.upscale import UpscaleResult


class Bar(Protocol):
    def __call__(self, fraction: float, words: str | None = None) -> None:
        """Set the bar to `fraction`, 0..1, and its label to `words` if given."""


@contextlib.contextmanager
def progress_bar(words: str, *, shown: bool = True) -> Iterator[Bar | None]:
    """A bar that disappears at the end; None without a terminal, or if not `shown`."""
    if not shown or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(words, total=1.0)
        yield lambda fraction, words=None: bar.update(task, completed=fraction, description=words)


@contextlib.contextmanager
def networks_bar() -> Iterator[Callable[[int, int, str], None] | None]:
    """A bar for building networks that stays visible; None without a terminal. Call it as `(done, total, label)`, where
    `label` is the next network, or "" at the end."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description:32}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("networks", total=None)
        yield lambda done, total, label: bar.update(
            task, completed=done, total=total, description=label or "networks are ready"
        )


def say_written(target: Path, shape: tuple[int, ...], made: DreamResult | UpscaleResult, *networks: str) -> None:
    """Say that a picture of `shape` [H, W, C] was written to `target`, how fast it was made, and by which networks."""
    height, width = shape[:2]
    how = ", ".join([f"{made.megapixels_per_second:.2f} megapixels/s", *networks, made.precision])
    click.echo(f"{target}: {width} x {height} in {made.seconds:.1f} s ({how})", err=True)

"""Progress on a terminal: a bar on standard error while somebody looks, nothing anywhere else."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import Protocol


class Bar(Protocol):
    def __call__(self, fraction: float, words: str | None = None) -> None:
        """Show that `fraction` of the work is done, 0..1, and from now on `words` before the bar."""


@contextlib.contextmanager
def progress_bar(words: str, *, shown: bool = True) -> Iterator[Bar | None]:
    """A bar that is gone at the end; None where there is no terminal, or not `shown`."""
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
    """A bar for networks being built, that stays: call it with how many are done, of how many, and which comes next
    ("" at the end). None where there is no terminal."""
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

"""Fixtures of the tests of the library."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kiosk.library.looking import first_look
from kiosk.pictures.decode import Limits


@pytest.fixture(scope="module")
def looked_once() -> Iterator[None]:
    """A child process looks at each photo of a module once. Later, what it found is written at once: who tests queues
    needs many photos, and seldom cares which."""
    take, known = first_look.take, dict[bytes, tuple[dict[str, Any], bytes, bytes | None, bytes]]()

    def take_once(
        source: Path,
        original: Path,
        sphere: Path,
        limits: Limits,
        alive: Callable[[], None] = lambda: None,
        *,
        thumb: Path,
    ) -> dict[str, Any]:
        photo = source.read_bytes()
        if photo not in known:
            said = take(source, original, sphere, limits, alive, thumb=thumb)
            drawn = sphere.read_bytes() if sphere.exists() else None
            known[photo] = said, original.read_bytes(), drawn, thumb.read_bytes()
            return dict(said)
        said, decoded, drawn, small = known[photo]
        original.write_bytes(decoded)
        if drawn is not None:
            sphere.write_bytes(drawn)
        thumb.write_bytes(small)
        return dict(said)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(first_look, "take", take_once)
        yield

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from kiosk.library.intake import accept
from kiosk.library.library import Library
from kiosk.library.records import Photo


@pytest.fixture
def library(data) -> Iterator[Library]:
    with Library(data) as library:
        yield library


@pytest.fixture
def bring(library, photo_bytes) -> Callable[..., Photo]:
    """A function that takes in a photo and makes it ready: `bring(owner_key=..., show=..., ...)`."""
    return bringing(library, photo_bytes)


def bringing(library: Library, photo_bytes: bytes) -> Callable[..., Photo]:
    """The same for a library of one's own."""

    def take_in(ready: bool = True, **options: object) -> Photo:
        photo = accept(library, photo_bytes, **options)
        if ready:
            job = library.jobs.lease("a worker")
            library.jobs.finish(job)
        return library.photo(photo.token) if options.get("owner_key") else photo

    return take_in

"""The first preview of a photo that needs a world: dreamed on a small one while the whole one is painted."""

from __future__ import annotations

import io
import shutil
import threading

import numpy as np
import pytest
from PIL import Image

from kiosk.library.intake import accept
from kiosk.library.library import Library
from kiosk.pipeline import make_photo
from kiosk.pipeline.worker import Worker
from kiosk.settings import Settings
from kiosk.sphere.world.invent import World
from tests.waiting import LONGEST, until

SETTINGS = Settings.model_validate({"dream": {"width": 1024, "upscale": 1, "precision": "fp32", "deadline": 600}})
QUICK = {"dream": {"octaves": 2, "iterations": 2}}


def jpeg(width: int, height: int) -> bytes:
    small = np.random.default_rng(3).integers(0, 256, (height // 16, width // 16, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(small).resize((width, height)).save(file, "JPEG", quality=95)
    return file.getvalue()


def kinds(library: Library, token: str) -> list[str]:
    return [image.kind for image in library.status(token).images]


@pytest.mark.slow
def test_a_dreamed_preview_is_there_before_the_world_is_painted(library, monkeypatch) -> None:
    taken = accept(library, jpeg(640, 480), recipe=QUICK)
    real, go_on = World.at, threading.Event()

    def slow(self, placed, covered):
        if placed.shape[1] == 1024:
            assert go_on.wait(LONGEST)
        return real(self, placed, covered)

    monkeypatch.setattr(World, "at", slow)
    worker = Worker(library, SETTINGS)
    thread = threading.Thread(target=worker.run, kwargs={"once": True})
    thread.start()
    try:
        until(lambda: "preview" in kinds(library, taken.token))
        with Image.open(library.files(taken.token).previews / "0.jpg") as preview:
            assert preview.size == (1024, 512)
        assert "dream" not in kinds(library, taken.token)
    finally:
        go_on.set()
        thread.join()
    assert library.photo(taken.token).state == "ready"


@pytest.mark.slow
def test_the_first_preview_changes_nothing_of_the_dream(library, monkeypatch) -> None:
    """A resumed dream has none, and must be the same."""
    photos = [accept(library, jpeg(640, 480), recipe=QUICK) for _ in range(2)]
    Worker(library, SETTINGS).run(once=True)
    shutil.rmtree(library.files(photos[0].token).previews, ignore_errors=True)
    monkeypatch.setattr(make_photo, "SKETCHED", 1 << 20)
    again = accept(library, jpeg(640, 480), recipe=QUICK)
    Worker(library, SETTINGS).run(once=True)
    dreams = [library.files(photo.token).dream.read_bytes() for photo in (*photos, again)]
    assert dreams[0] == dreams[1] == dreams[2]


@pytest.mark.slow
@pytest.mark.parametrize("recipe", [{"keep_faces": True}, {"equalized": True}, {"width": 512}])
def test_a_recipe_that_looks_at_the_whole_photo_waits_for_it(library, monkeypatch, recipe: dict) -> None:
    widths = []
    real = World.at
    monkeypatch.setattr(World, "at", lambda *given: widths.append(given[1].shape[1]) or real(*given))
    taken = accept(library, jpeg(640, 480), recipe={"dream": {**QUICK["dream"], **recipe}})
    Worker(library, SETTINGS).run(once=True)
    assert library.photo(taken.token).state == "ready"
    assert widths == [recipe.get("width", 1024)]

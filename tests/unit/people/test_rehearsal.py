"""The rehearsal looks at everything once, says what to do, and leaves no photo."""

from __future__ import annotations

import io
import threading

import pytest
from PIL import Image

from kiosk.errors import BadInput
from kiosk.library.records import INTAKE_PAUSED
from kiosk.people.rehearsal import Rehearsal, picture
from tests.waiting import until


def verdicts(rehearsal: Rehearsal) -> dict[str, str | None]:
    return {step.name: step.verdict for step in rehearsal.steps}


def photos(library) -> int:
    with library.reading() as connection:
        return connection.execute("SELECT count(*) FROM photos").fetchone()[0]


def test_a_photo_goes_the_whole_way_and_goes_again(library) -> None:
    rehearsal = Rehearsal(library, lambda: "http://127.0.0.1:9/", lambda: None)
    rehearsal.begin()
    job = until(lambda: library.jobs.lease("a worker"), "the photo waits")
    assert job.recipe == {"dream": {"width": 512}}
    with pytest.raises(BadInput) as twice:
        rehearsal.begin()
    assert twice.value.code == "rehearsing"
    library.jobs.finish(job)
    until(lambda: not rehearsal.is_running, "it ended")
    found = verdicts(rehearsal)
    assert found.pop("The clock") in ("ok", "warn")
    assert found == {
        "Taking a photo in": "ok",
        "Dreaming it": "ok",
        "Its page at the guests’ address": "fail",
        "The secure address": "warn",
        "The disk": "ok",
    }
    assert "on no network" in rehearsal.steps[2].sentence
    assert photos(library) == 0
    assert list(library.data.photos.iterdir()) == []


def test_a_dream_that_fails_is_told_and_goes_too(library) -> None:
    def fail() -> None:
        job = until(lambda: library.jobs.lease("a worker"), "the photo waits")
        library.jobs.fail(job, "This photo cannot be dreamed.", "failed")

    worker = threading.Thread(target=fail)
    worker.start()
    rehearsal = Rehearsal(library, lambda: "http://127.0.0.1:9/", lambda: "https://127.0.0.1:9/")
    rehearsal.run()
    worker.join()
    assert verdicts(rehearsal)["Dreaming it"] == "fail"
    assert "This photo cannot be dreamed." in rehearsal.steps[1].sentence
    assert verdicts(rehearsal)["The secure address"] == "fail"
    assert photos(library) == 0


def test_where_intake_is_paused_the_rest_is_looked_at(library) -> None:
    library.set_flag(INTAKE_PAUSED, True)
    rehearsal = Rehearsal(library, lambda: "", lambda: None)
    rehearsal.run()
    assert (rehearsal.steps[0].verdict, "Dreaming it" in verdicts(rehearsal)) == ("fail", False)
    assert verdicts(rehearsal)["The disk"] == "ok"


def test_the_picture_has_something_to_dream_of() -> None:
    with Image.open(io.BytesIO(picture())) as image:
        assert image.size == (1024, 512)
        assert len(image.convert("L").getcolors(256) or ()) > 100

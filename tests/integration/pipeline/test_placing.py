"""An upload goes where its tags and its shape say, and what is made of it says so too."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image

from kiosk.errors import BadInput
from kiosk.library.intake import accept
from kiosk.library.library import Library
from kiosk.pictures.gpano import read_gpano
from kiosk.pipeline import make_photo
from kiosk.pipeline.placing import read_sphere
from kiosk.pipeline.worker import Worker
from kiosk.settings import Settings
from tests import directions
from tests.directions import box, written

SETTINGS = Settings.model_validate({"dream": {"width": 256, "upscale": 2, "precision": "fp32", "deadline": 600}})
QUICK = {"dream": {"octaves": 1, "iterations": 1}}
POSE = {"PoseHeadingDegrees": 225, "PosePitchDegrees": 17, "PoseRollDegrees": -12}


class Died(BaseException):
    """What ends a process, as far as what it had begun is concerned."""


@pytest.mark.slow
def test_a_sphere_held_askew_is_shown_and_dreamed_level_and_keeps_its_heading(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    askew = written(directions.askew(512, 17, -12), xmp=box((512, 256), 0, 0, 512, 256, **POSE))
    taken = accept(library, askew, recipe=QUICK)

    def die(*_: Any, **__: Any) -> None:
        raise Died

    # What was decided before the worker died holds after it.
    with monkeypatch.context() as patch:
        patch.setattr(make_photo, "upscale", die)
        with pytest.raises(Died):
            Worker(library, SETTINGS).run(once=True)
    Worker(library, SETTINGS).run(once=True)
    assert library.photo(taken.token).state == "ready"
    files = library.files(taken.token)
    for path in (files.sphere, files.dream, files.upscaled):
        found = read_gpano(path)
        assert found is not None, path
        assert (found.pose_heading_degrees, found.pose_pitch_degrees or 0, found.pose_roll_degrees or 0) == (225, 0, 0)
    with Image.open(files.sphere) as sphere:
        assert np.abs(np.asarray(sphere).astype(int) - directions.sphere(256)).mean() < 4


@pytest.mark.slow
def test_two_fisheyes_fail_with_what_to_do(library: Library) -> None:
    # Intake refuses them today; a photo from before is still here.
    taken = accept(library, written(directions.sphere(256)), recipe=QUICK)
    library.files(taken.token).original.write_bytes(written(directions.two_discs(256)))
    Worker(library, SETTINGS).run(once=True)
    photo = library.photo(taken.token)
    assert (photo.state, photo.error_code) == ("failed", "two_fisheyes")
    assert "export it as a 360 photo" in str(photo.error)


def test_an_original_of_two_fisheyes_is_refused_by_its_code() -> None:
    with pytest.raises(BadInput) as caught:
        read_sphere(written(directions.two_discs(256)), 256)
    assert caught.value.code == "two_fisheyes"


def test_an_original_that_cannot_be_opened_is_sent_again() -> None:
    with pytest.raises(BadInput, match="send it again") as caught:
        read_sphere(b"no picture", 256)
    assert caught.value.code == "cannot_open"


@pytest.mark.parametrize(
    ("width", "pose", "unchanged"),
    [(512, {}, True), (512, {"PoseHeadingDegrees": 40}, True), (512, POSE, False), (511, {}, False)],
)
def test_phones_are_shown_the_file_itself_only_if_it_is_a_level_sphere(
    width: int, pose: dict[str, float], unchanged: bool
) -> None:
    data = written(directions.sphere(512)[:, :width], xmp=box((width, 256), 0, 0, width, 256, **pose))
    assert read_sphere(data, 256).shown_unchanged is unchanged

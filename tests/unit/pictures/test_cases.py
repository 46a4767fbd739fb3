"""What phones, cameras and editors write, read as the command line does and as an upload: pixels and tags."""

from __future__ import annotations

import numpy as np
import pytest

from kiosk.errors import BadInput
from kiosk.library.intake import accept
from kiosk.library.library import Library
from kiosk.pictures.read import read_photo
from kiosk.settings import Retention
from kiosk.storage import DataFolder
from tests.cases import cases

CASES = cases()


def test_there_are_as_many_cases_as_there_should_be() -> None:
    assert len(CASES) == 28


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_pixels_and_tags_are_right_and_stay_so_in_the_stored_original(data: DataFolder, name: str) -> None:
    case = CASES[name]
    picture, tags = read_photo(case.data)
    assert picture.shape == case.shows.shape
    assert np.abs(picture.astype(int) - case.shows).mean() <= case.off
    assert (tags.gpano, tags.focal_mm) == (case.gpano, case.focal_mm)
    with Library(data, Retention()) as library:
        if case.refused:
            with pytest.raises(BadInput) as refused:
                accept(library, case.data)
            assert refused.value.code == case.refused
            return
        stored = library.files(accept(library, case.data).token).original
        kept, same = read_photo(stored)
    assert same == tags
    assert kept.shape == picture.shape
    assert np.abs(kept.astype(int) - picture).mean() <= 4, "a stored photo has at most a byte a pixel"

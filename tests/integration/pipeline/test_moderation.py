"""Rude photos and dreams are held back from others, with a network that calls red pictures rude: by the worker, after a
change of mind, and where a picture cannot be looked at."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kiosk.forge.archives.build import keep
from kiosk.library.files import PhotoFiles
from kiosk.library.intake import accept
from kiosk.library.library import Library
from kiosk.library.looking import verdict
from kiosk.library.looking.verdict import BOTH, DREAM, PASSED, PHOTO
from kiosk.library.records import Photo
from kiosk.nets.engine import fallbacks
from kiosk.people.showing import is_visible, newest, set_shown
from kiosk.pictures.sphere_jpeg import encode_jpeg
from kiosk.pipeline.moderation.moderator import Moderator
from kiosk.pipeline.worker import Worker
from kiosk.recipes import catalog
from kiosk.recipes.available import forward_path
from kiosk.server.api.status import status_body
from kiosk.settings import People, Settings
from tests.archives import offer_stand_in

SETTINGS = Settings.model_validate({"dream": {"width": 256, "upscale": 1, "precision": "fp32", "deadline": 600}})
QUICK = {"dream": {"octaves": 1, "iterations": 1}}
RED, GREEN = (220, 40, 60), (60, 190, 80)
KEY = "k" * 32


@pytest.fixture
def looking(library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Library:
    """A library where the network is built."""
    wheel = offer_stand_in(monkeypatch, tmp_path, "moderation")
    keep(library.data.graphs, catalog.load().network("moderation"), wheel)
    fallbacks.take()
    return library


def colored(color: tuple[int, int, int], width: int = 512, height: int = 256) -> bytes:
    noise = np.random.default_rng(1).integers(-25, 25, (height, width, 1))
    return encode_jpeg((np.array(color) + noise).clip(0, 255).astype(np.uint8), gpano=width == 2 * height)


def bring(library: Library, photo: tuple[int, int, int], dream: tuple[int, int, int], show: bool = True) -> Photo:
    """A ready photo of one color with a dream of another that nobody has looked at."""
    taken = accept(library, colored(photo), owner_key=KEY, show=show)
    job = library.jobs.lease("a worker")
    assert job is not None
    library.files(taken.token).dream.write_bytes(colored(dream))
    library.jobs.finish(job)
    return taken


def state(library: Library, photo: Photo) -> tuple[str | None, int, bool]:
    """Why it is held, what was looked at, and whether others see it."""
    now = library.photo(photo.token)
    assert is_visible(now) == (photo.token in [one.photo.token for one in newest(library, 99).statuses])
    return now.held, now.checked, is_visible(now)


@pytest.mark.slow
def test_a_rude_photo_is_dreamed_for_its_guest_alone(looking: Library) -> None:
    rude = accept(looking, colored(RED), recipe=QUICK, show=True)
    ordinary = accept(looking, colored(RED, 400, 300), recipe=QUICK, show=True)
    decent = accept(looking, colored(GREEN), recipe=QUICK, show=True)
    private = accept(looking, colored(RED), recipe=QUICK)
    assert Worker(looking, SETTINGS).run(once=True) == 4
    assert state(looking, rude) == ("nudity", PHOTO, False)
    assert state(looking, ordinary) == ("nudity", PHOTO, False)
    assert state(looking, decent) == (None, BOTH, True)
    assert state(looking, private) == (None, 0, False), "nobody looks at what nobody else is to see"
    body = status_body(looking.status(rude.token))
    assert (body.state, body.held) == ("ready", "held")
    assert None not in (body.images.dream, body.images.upscaled)
    assert body.images.levels
    assert status_body(looking.status(decent.token)).held is None


@pytest.mark.parametrize(
    ("photo", "dream", "held"), [(GREEN, GREEN, None), (RED, GREEN, "nudity"), (GREEN, RED, "nudity")]
)
def test_after_a_change_of_mind_others_see_it_when_it_was_looked_at(
    looking: Library, photo: tuple[int, int, int], dream: tuple[int, int, int], held: str | None
) -> None:
    taken = bring(looking, photo, dream, show=False)
    moderator = Moderator(looking, People())
    assert not moderator.look_at_next()
    set_shown(looking, taken.token, KEY, True, People())
    assert state(looking, taken) == ("unseen", 0, False)
    assert status_body(looking.status(taken.token)).held == "waiting"
    assert moderator.look_at_next()
    assert state(looking, taken) == (held, BOTH, held is None)
    assert not moderator.look_at_next()
    for show in (False, True):
        set_shown(looking, taken.token, KEY, show, People())
    assert state(looking, taken) == (held, BOTH, held is None), "once is enough"


def test_what_was_ready_before_the_network_was_built_is_looked_at_in_idle_moments(looking: Library) -> None:
    first, second = bring(looking, GREEN, RED), bring(looking, GREEN, GREEN)
    assert state(looking, first)[2], "nothing was looked at yet"
    Worker(looking, SETTINGS).run(once=True)
    assert state(looking, first) == ("nudity", BOTH, False)
    assert state(looking, second) == (None, BOTH, True)


def test_a_guest_who_agrees_while_the_dream_is_made_is_not_missed(looking: Library) -> None:
    taken = accept(looking, colored(RED), owner_key=KEY)
    job = looking.jobs.lease("a worker")
    assert job is not None
    moderator = Moderator(looking, People())
    moderator.look(taken.token, PHOTO)
    looking.files(taken.token).dream.write_bytes(colored(GREEN))
    set_shown(looking, taken.token, KEY, True, People())
    moderator.look(taken.token)
    looking.jobs.finish(job)
    assert state(looking, taken) == ("nudity", BOTH, False)


def test_what_the_operator_lets_pass_is_never_held_again(looking: Library) -> None:
    taken = bring(looking, RED, RED)
    moderator = Moderator(looking, People())
    moderator.look(taken.token, PHOTO)
    assert state(looking, taken) == ("nudity", PHOTO, False)
    with looking.writing() as connection:
        verdict.let_pass(connection, taken.token)
    assert state(looking, taken) == (None, PHOTO | PASSED, True)
    moderator.look(taken.token)
    set_shown(looking, taken.token, KEY, True, People())
    verdict.note(looking, taken.token, DREAM, rude=True)
    assert state(looking, taken)[0] is None
    assert not moderator.look_at_next()


@pytest.mark.parametrize("people", [People(moderation=False), None])
def test_without_it_nothing_is_looked_at_and_nothing_waits(looking: Library, people: People | None) -> None:
    taken = bring(looking, RED, RED, show=False)
    set_shown(looking, taken.token, KEY, True, People())
    assert state(looking, taken) == ("unseen", 0, False)
    if people is None:
        forward_path(looking.data.graphs, catalog.load().network("moderation")).unlink()
    moderator = Moderator(looking, people or People())
    moderator.begin()
    moderator.look(taken.token)
    assert not moderator.look_at_next()
    assert state(looking, taken) == (None, 0, True)
    set_shown(looking, taken.token, KEY, True, people or People())
    assert state(looking, taken)[2]


def damaged_dream(library: Library, files: PhotoFiles) -> None:
    files.dream.write_bytes(files.dream.read_bytes()[:500])


def lost_dream(library: Library, files: PhotoFiles) -> None:
    files.dream.unlink()


def damaged_network(library: Library, files: PhotoFiles) -> None:
    forward_path(library.data.graphs, catalog.load().network("moderation")).write_bytes(b"cut")
    for path in library.data.graphs.glob("moderation-*.onnx"):
        path.unlink()


@pytest.mark.parametrize("damage", [damaged_dream, lost_dream, damaged_network])
def test_what_cannot_be_looked_at_waits_and_the_operator_is_told(looking: Library, damage) -> None:
    taken = bring(looking, GREEN, GREEN)
    damage(looking, looking.files(taken.token))
    moderator = Moderator(looking, People())
    assert moderator.look_at_next()
    assert state(looking, taken) == ("unseen", 0, False)
    said = fallbacks.take()["moderation"]
    assert "could not be looked at" in said
    assert "dreamkiosk models build moderation" in said
    assert taken.token not in said
    assert not moderator.look_at_next(), "not tried again and again"


def test_how_sure_it_has_to_be_is_a_setting(looking: Library) -> None:
    taken = bring(looking, (160, 110, 60), (160, 110, 60))
    Moderator(looking, People(moderation_threshold=0.8)).look(taken.token)
    assert state(looking, taken) == (None, BOTH, True)
    taken = bring(looking, (160, 110, 60), (160, 110, 60))
    Moderator(looking, People(moderation_threshold=0.5)).look(taken.token)
    assert state(looking, taken)[0] == "nudity"

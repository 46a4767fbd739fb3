"""The settings as a form: every setting is in it, and what is typed is held to the same rules as the file."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from kiosk.errors import BadInput
from kiosk.people.settings_form import change, sections
from kiosk.settings import InvalidSetting, Settings, load

WRITTEN = """\
# Our kiosk. Ask Kim before you change the port.
[network]
port = 9000  # the caterer has 8360

[dream]
style = "puppies"
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "settings.toml"
    path.write_text(WRITTEN)
    return path


def fields(path: Path) -> dict:
    return {field.name: field for section in sections(path) for field in section.fields}


def test_every_setting_is_in_the_form(path: Path) -> None:
    found = fields(path)
    assert set(found) == {f"{name}.{key}" for name, section in Settings() for key in type(section).model_fields}
    port = found["network.port"]
    assert (port.kind, port.value, port.default, port.least, port.most) == ("number", "9000", "8360", 1, 65535)
    upscale = found["dream.upscale"]
    assert (upscale.kind, upscale.choices, upscale.value) == ("choice", ("1", "2", "4"), "2")
    assert found["capture.source"].choices == ("none", "virtual", "folder", "picamera2")
    assert (found["network.wifi_name"].kind, found["network.wifi_name"].optional) == ("text", True)
    assert found["people.approve"].kind == "switch"
    languages = found["event.languages"]
    assert (languages.kind, languages.choices, languages.value) == (
        "several", ("en", "de", "es", "fr", "ja"), "en,de,es,fr,ja",
    )  # fmt: skip
    assert found["retention.hours"].help.startswith("0 keeps them")


def test_sending_the_form_as_it_is_changes_nothing(path: Path) -> None:
    assert change(path, {name: field.value for name, field in fields(path).items()}) == []
    assert path.read_text() == WRITTEN


def test_what_is_typed_goes_into_the_file_and_comments_stay(path: Path) -> None:
    typed = {
        **{"network.port": "9001", "dream.upscale": "4", "people.approve": "true", "retention.hours": "0.5"},
        **{"event.languages": "de,ja", "event.welcome": ' Say "hi" ', "network.wifi_name": "Gala"},
        "dream.style": "puppies",
    }
    assert change(path, typed) == [name for name in typed if name != "dream.style"]
    now = load(path)
    assert (now.network.port, now.dream.upscale, now.people.approve, now.retention.hours) == (9001, 4, True, 0.5)
    assert (now.event.languages, now.event.welcome, now.dream.style) == (["de", "ja"], 'Say "hi"', "puppies")
    text = path.read_text()
    assert text.startswith("# Our kiosk. Ask Kim before you change the port.\n[network]\n")
    assert "port = 9001 # the caterer" in " ".join(text.split())
    assert change(path, {"network.wifi_name": ""}) == ["network.wifi_name"]
    assert load(path).network.wifi_name is None


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("network.port", "eighty", "valid integer"),
        ("network.port", "70000", "65535"),
        ("network.port", "", "valid integer"),
        ("dream.width", "1000", "multiple of 64"),
        ("dream.upscale", "3", "1, 2 or 4"),
        ("people.show", "maybe", "'ask'"),
        ("people.approve", "perhaps", ""),
        ("event.accent", "red", "pattern"),
        ("event.languages", "", "at least 1"),
        ("event.languages", "en,xx", ""),
        ("network.wifi_password", "short", "8 to 63"),
        ("event.welcome", "two\nlines", "line break"),
    ],
)
def test_what_the_file_may_not_say_is_refused_at_its_field(path: Path, name: str, text: str, reason: str) -> None:
    with pytest.raises(InvalidSetting) as refused:
        change(path, {"dream.style": "dogs", name: text})
    assert refused.value.field.startswith(name)
    assert reason in refused.value.reason
    assert path.read_text() == WRITTEN


def test_only_what_may_be_changed_is(path: Path) -> None:
    for name in ("network.port", "network.nothing", "nothing"):
        with pytest.raises(BadInput):
            change(path, {name: "1"}, only=("dream.style",))
    assert path.read_text() == WRITTEN


def test_what_would_keep_the_kiosk_from_starting_is_refused(path: Path, tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("0.0.0.0", 0))
        other.listen(1)
        taken = other.getsockname()[1]
        with pytest.raises(InvalidSetting) as port:
            change(path, {"network.port": str(taken), "dream.style": "dogs"}, graphs=tmp_path)
    assert (port.value.field, str(taken) in port.value.reason) == ("network.port", True)
    with pytest.raises(InvalidSetting) as style:
        change(path, {"dream.style": "nonsense"}, graphs=tmp_path)
    assert style.value.field == "dream.style"
    assert path.read_text() == WRITTEN


def test_a_new_kiosk_has_no_file_yet(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    assert change(path, {"event.name": "Gala", "capture.source": "virtual"}) == ["event.name", "capture.source"]
    assert (load(path).event.name, load(path).capture.source) == ("Gala", "virtual")

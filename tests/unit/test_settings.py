"""The operator's settings.toml: errors name the invalid field."""

from __future__ import annotations

from pathlib import Path

import pytest

from kiosk import settings
from kiosk.errors import BadInput
from kiosk.settings import FolderCapture, NoCapture, PiCameraCapture, Settings, VirtualCapture


def test_a_missing_or_empty_file_gives_the_defaults(tmp_path):
    assert settings.load(tmp_path / "settings.toml") == Settings()
    (tmp_path / "settings.toml").touch()
    assert settings.load(tmp_path / "settings.toml") == Settings()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"[network]\nport = 99999\n", "network.port: .* 65535"),
        (b"[network]\nport = 'many'\n", "network.port: .*integer"),
        (b"[netwrok]\nport = 1\n", "netwrok: .*did you mean network"),
        (b"[dream]\ndeadlin = 1\n", "dream.deadlin: .*did you mean deadline"),
        (b"[dream]\nxyz = 1\n", "dream.xyz: .*known: style, width"),
        (b"dream = 3\n", "dream: "),
        (b"[network]\nwifi_name = 'Party'\nwifi_password = 'secret'\n", "network.wifi_password: .*8 to 63"),
        (b"[network]\nwifi_name = 'Party'\nwifi_password = 'gr\xc3\xbc\xc3\x9fe euch'\n", "network.wifi_password: "),
        (b"[network]\nwifi_password = 'open sesame'\n", "network: .*wifi_name"),
        (b"[network]\nwifi_name = ''\n", "network.wifi_name: .*32 bytes"),
        (
            b"[network]\nwifi_name = '\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc"
            b"\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc!'\n",
            "network.wifi_name: .*32 bytes",
        ),
        (b'[network]\nname = "two\\nlines"\n', "network.name: .*line break"),
        (b"[network]\ntls_port = 8360\n", "network: .*cannot share port 8360"),
        (b"[network]\nhost = 'kiosk.example'\n", "network.host: .*address"),
        (b"[network]\ninterface = 'the one with the guests'\n", "network.interface: .*wlan0"),
        (b"[dream]\ndeadline = inf\n", "dream.deadline: .*finite"),
        (b"[dream]\ndeadline = 0.001\n", "dream.deadline: "),
        (b"[dream]\nstyle = '../dogs'\n", "dream.style: "),
        (b"[retention]\nhours = nan\n", "retention.hours: .*finite"),
        (b"[retention]\nquota_gb = -1\n", "retention.quota_gb: "),
        (b"[capture]\nsource = 'folder'\n", "capture: .*needs folder"),
        (b"[capture]\nsource = 'folder'\nfolder = 'photos'\n", "capture: .*absolute path"),
        (b"[capture]\ninterval = 1e9\n", "capture.interval: .*604800"),
        (b"[capture]\nsource = 'virtual'\ninterval = -1\n", "capture.interval: "),
        (b"[capture]\nsource = 'folder'\nfolder = 8\n", "capture: .*absolute path"),
        (b"[capture]\nsource = 'webcam'\n", "capture.source: .*none, virtual, folder, picamera2"),
        (b"[capture]\nsource = true\n", "capture.source: .*none, virtual, folder, picamera2"),
        (b"[capture]\nsource = 'virtual'\nintervall = 9\n", "capture.intervall: .*did you mean interval"),
        (b"[capture]\nfoldr = '/media'\n", "capture.foldr: .*did you mean folder"),
        (b"[capture]\nsource = 'virtual'\nhours = 9\n", "capture.hours: .*did you mean retention.hours"),
        (b"capture = 7\n", "capture: "),
        (b"[network]\nport = true\n", "network.port: should be a number"),
        (b"[network]\nport = '8360'\n", "network.port: should be a number, without quotes"),
        (b"[dream]\nkeep_faces = 'yes'\n", "dream.keep_faces: should be true or false"),
        (b"[dream]\nkeep_faces = 1\n", "dream.keep_faces: should be true or false"),
        (b"[dream]\nupscale = true\n", "dream.upscale: "),
        (b"[network]\nname = 8\n", "network.name: "),
        (b'[network]\nname = "\\u202eksoik"\n', "network.name: .*control"),
        (b"[network]\nhours = 3\n", "network.hours: .*did you mean retention.hours"),
        (b"port = 8360\n", "port: .*did you mean network.port"),
        (b"[dream]\nwidth = [\n", "not valid TOML: The text ends too early"),
        (b"[dream]\nwidth = 512\nwidth = 512\n", "width"),
        (b"\xff\xfe\x00", "UTF-8"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(tmp_path, content, says):
    path = tmp_path / "settings.toml"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=says) as refused:
        settings.load(path)
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_folder_in_its_place(tmp_path):
    with pytest.raises(BadInput, match="cannot be read"):
        settings.load(tmp_path)


def test_whole_numbers_are_numbers_and_names_may_have_any_letters(tmp_path):
    path = tmp_path / "settings.toml"
    path.write_text('[network]\nname = "👨‍👩‍👧 Träume ❤️"\n[retention]\nhours = 3\n[dream]\ndeadline = 1.5\n')
    read = settings.load(path)
    assert (read.network.name, read.retention.hours) == ("👨‍👩‍👧 Träume ❤️", 3)
    # Children get them as JSON.
    assert Settings.model_validate_json(read.model_dump_json()) == read


@pytest.mark.parametrize(
    ("text", "capture"),
    [
        ("", NoCapture()),
        ("interval = 30", NoCapture(interval=30)),
        ("source = 'none'\nfolder = '/media/card'\ninterval = 30", NoCapture(folder=Path("/media/card"), interval=30)),
        ("source = 'virtual'", VirtualCapture()),
        ("source = 'virtual'\ninterval = 30", VirtualCapture(interval=30)),
        ("source = 'folder'\nfolder = '/media/card'", FolderCapture(folder=Path("/media/card"))),
        ("source = 'picamera2'\ninterval = 0", PiCameraCapture()),
    ],
)
def test_each_source_has_settings_of_its_own(tmp_path, text, capture):
    path = tmp_path / "settings.toml"
    path.write_text(f"[capture]\n{text}\n")
    read = settings.load(path)
    assert read.capture == capture
    assert Settings.model_validate_json(read.model_dump_json()) == read
    assert settings.validated(read.model_dump(), "again") == read


@pytest.mark.parametrize("source", ["none", "virtual", "picamera2", "folder"])
def test_what_another_source_needs_may_wait_in_the_file(tmp_path, source):
    """So that an operator changes one word to change the camera, and a kiosk starts with the file that it had."""
    path = tmp_path / "settings.toml"
    path.write_text(f"[capture]\nsource = '{source}'\nfolder = '/media'\ninterval = 9\n")
    capture = settings.load(path).capture
    assert capture.source == source
    assert getattr(capture, "interval", 9) == 9
    assert str(getattr(capture, "folder", "/media")) == "/media"

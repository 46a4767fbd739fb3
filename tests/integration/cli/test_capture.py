"""dreamkiosk capture, as a person runs it."""

from __future__ import annotations

import subprocess
import sys

import pytest
from PIL import Image

from kiosk.pictures.gpano import read_gpano


def dreamkiosk(*arguments: object) -> subprocess.CompletedProcess[str]:
    program = "from kiosk.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)], capture_output=True, text=True, timeout=300, check=False
    )


@pytest.mark.slow
def test_it_saves_a_sphere_that_other_viewers_recognize(tmp_path):
    done = dreamkiosk("--data", tmp_path, "capture", tmp_path / "a.jpg", "--width", 256, "--time", 12.5, "--seed", 3)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert Image.open(tmp_path / "a.jpg").size == (256, 128)
    found = read_gpano(tmp_path / "a.jpg")
    assert found is not None
    assert found.is_full


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["a.png"], "JPEG"),
        (["nowhere/a.jpg"], "no folder"),
        (["a.jpg", "--width", "255"], "even"),
        (["a.jpg", "--width", "20"], "20"),
        (["a.jpg", "--scene", "moon"], "plaza"),
        (["a.jpg", "--time", "nan"], "hour"),
    ],
)
def test_what_cannot_be_is_exit_2_and_a_clear_line(tmp_path, arguments, says):
    done = dreamkiosk("--data", tmp_path, "capture", tmp_path / arguments[0], *arguments[1:])
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_folder_without_photos_is_exit_1(tmp_path):
    (tmp_path / "settings.toml").write_text(f'[capture]\nsource = "folder"\nfolder = "{tmp_path}"\n')
    done = dreamkiosk("--data", tmp_path, "capture", tmp_path / "out.jpg", "--source", "folder", "--wait", "0.5")
    assert done.returncode == 1
    assert "no photo" in done.stderr

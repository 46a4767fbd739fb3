"""What a person may hand to the command line by mistake: exit status 2, one line that says what is wrong, no file."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from kiosk.cli import main

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.setenv("DREAMKIOSK_DATA", str(tmp_path / "data"))

    def run(*arguments: object) -> tuple[int, str, str]:
        code = 0
        try:
            main([*map(str, arguments)])
        except SystemExit as exit_:
            code = int(exit_.code or 0)
        return code, *capsys.readouterr()

    return run


def photo(path: Path, width: int = 64, height: int = 32) -> Path:
    Image.effect_noise((width, height), 90).convert("RGB").save(path, "JPEG")
    return path


def truncated(path: Path) -> None:
    photo(path, 200, 100).write_bytes(path.read_bytes()[:2000])


def bomb(path: Path) -> None:
    # The header of a 50000 x 50000 PNG over the data of a small one.
    Image.new("RGB", (8, 8)).save(path, "PNG")
    data = bytearray(path.read_bytes())
    data[16:24] = (50_000).to_bytes(4, "big") * 2
    data[29:33] = zlib.crc32(bytes(data[12:29])).to_bytes(4, "big")
    path.write_bytes(data)


def of_300_mb(path: Path) -> None:
    os.truncate(photo(path), 300_000_000)


@pytest.mark.parametrize("command", ["dream", "upscale"])
@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda path: path.write_text("not a photo"), "not a picture"),
        (lambda path: path.write_bytes(os.urandom(1000)), "not a picture"),
        (Path.touch, "empty"),
        (truncated, "damaged or cut short"),
        (bomb, "megapixels"),
        (of_300_mb, "300 MB"),
        (lambda path: Image.new("RGB", (1, 1)).save(path), "too small"),
        (lambda path: None, "No such file"),
        (Path.mkdir, "folder"),
    ],
    ids=["text", "bytes", "empty", "truncated", "bomb", "300-mb", "1x1", "missing", "folder"],
)
def test_a_file_that_is_no_photo(run: Run, tmp_path: Path, command: str, make: Callable[[Path], object], says: str):
    make(tmp_path / "in.jpg")
    code, out, err = run(command, tmp_path / "in.jpg", tmp_path / "out.png", "--json")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert says in err
    assert not list(tmp_path.glob("out*"))


@pytest.mark.parametrize("command", ["dream", "upscale", "capture"])
@pytest.mark.parametrize("name", ["out.gif", "out", "missing/out.jpg", "data.jpg"])
def test_a_place_where_no_picture_can_be(run: Run, tmp_path: Path, command: str, name: str):
    (tmp_path / "data.jpg").mkdir()
    source = [] if command == "capture" else [photo(tmp_path / "in.jpg")]
    code, out, err = run(command, *source, tmp_path / name)
    assert (code, out, err.count("\n")) == (2, "", 1)


@pytest.mark.parametrize("command", ["dream", "upscale"])
def test_the_photo_itself_is_not_overwritten(run: Run, tmp_path: Path, command: str):
    source = photo(tmp_path / "in.jpg")
    before = source.read_bytes()
    code, _, err = run(command, source, tmp_path / "." / "in.jpg")
    assert (code, err.count("\n")) == (2, 1)
    assert source.read_bytes() == before


@pytest.mark.slow
@pytest.mark.parametrize("command", ["dream", "upscale", "capture"])
def test_a_folder_that_may_not_be_written(tmp_path: Path, command: str):
    folder = tmp_path / "read-only"
    folder.mkdir(mode=0o555)
    # Root may write everywhere, unless it is told not to.
    bound = ["setpriv", "--bounding-set", "-dac_override"] if os.geteuid() == 0 else []
    if bound and not shutil.which(bound[0]):
        pytest.skip("setpriv is not installed")
    source = [] if command == "capture" else [photo(tmp_path / "in.jpg")]
    program = [sys.executable, "-c", "from kiosk.cli import main; main()", "--data", tmp_path / "data"]
    done = subprocess.run(
        [*bound, *map(str, [*program, command, *source, folder / "out.jpg"])],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert "no permission" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["dream"], "IN"),
        (["dream", "in.jpg", "out.jpg", "--nonsense"], "--nonsense"),
        (["upscale", "in.jpg", "out.jpg", "--scale", "3"], "--scale"),
        (["models", "path", "nothing"], "nothing"),
        (["models", "path", "squeezenet"], "--layer"),
        (["sing"], "sing"),
        (["--data"], "--data"),
    ],
)
def test_bad_usage(run: Run, arguments: list[str], says: str):
    code, out, err = run(*arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert says in err

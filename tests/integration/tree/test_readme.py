"""The README's own examples: its settings are valid, its commands exist, and those that end are run."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from PIL import Image

from kiosk.cli import dreamkiosk, main
from kiosk.library.library import Library
from kiosk.pipeline.worker import Worker
from kiosk.settings import Settings, load
from tests.waiting import LONGEST

ROOT = Path(__file__).parents[3]
README = (ROOT / "README.md").read_text(encoding="utf-8")
LISTS = {"dreamkiosk models build | list | path | import | atlas": "models"}
"""Lines that name subcommands instead of calling one."""
UNENDING = {"run"}
"""Commands that end when somebody stops them; tests of their own run them."""
NEEDS_MORE = {"import", "LAYER"}
"""Examples with a file or a name that only the reader has."""


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    lines = "".join(blocks("sh")).splitlines()
    return [line.partition("#")[0].strip() for line in lines if line.startswith("dreamkiosk ")]


def test_the_first_block_is_the_two_lines() -> None:
    """What a stranger pastes, and what .ci/run runs."""
    first = re.findall(r"^```.*?\n(.*?)^```", README, re.MULTILINE | re.DOTALL)[0].splitlines()
    assert len(first) == 2
    assert first[0].endswith(".venv/bin/dreamkiosk run --demo")
    assert first[1] in (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()


def test_it_can_be_read_in_one_go() -> None:
    assert len(README.splitlines()) <= 350


def test_the_readme_has_examples() -> None:
    assert len(commands()) >= 10
    assert len(blocks("toml")) >= 1


@pytest.mark.parametrize("block", blocks("toml"))
def test_the_settings_in_it_are_valid(block: str, tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text(block)
    assert load(tmp_path / "settings.toml") != Settings()


@pytest.mark.parametrize("line", [line for line in commands() if line in LISTS])
def test_the_subcommands_it_lists_exist(line: str) -> None:
    group = dreamkiosk.get_command(click.Context(dreamkiosk), LISTS[line])
    assert isinstance(group, click.Group)
    named = [word.strip() for word in line.split("models", 1)[1].split("|")]
    assert set(named) <= set(group.list_commands(click.Context(group)))


@pytest.fixture(scope="module")
def kiosk_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture
def pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with the small pictures that the examples name."""
    noise = np.random.default_rng(0).integers(0, 256, (8, 16, 3), np.uint8)
    for name in ("photo.jpg", "zebra.jpg", "dream.jpg"):
        Image.fromarray(noise).resize((256, 128)).save(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def parsed(group: click.Group, words: list[str]) -> click.Context:
    """The context of the command that `words` call; its options and arguments are checked, nothing is run."""
    context = click.Context(group)
    name, command, rest = group.resolve_command(context, words)
    assert command is not None
    if isinstance(command, click.Group):
        return parsed(command, rest)
    return command.make_context(name, rest)


@pytest.mark.slow
@pytest.mark.parametrize("line", [line for line in commands() if line not in LISTS])
def test_its_commands_do_what_it_says(line: str, kiosk_data: Path, pictures: Path) -> None:
    words = shlex.split(line)[1:]
    if UNENDING & set(words[:1]) or NEEDS_MORE & set(words):
        (pictures / "googlenet-12.onnx").touch()
        parsed(dreamkiosk, words)
        return
    status = 0
    try:
        main(["--data", str(kiosk_data), *words])
    except SystemExit as ended:
        status = ended.code or 0
    # What doctor finds here is the machine's own affair.
    assert status in ((0, 1) if words[0] == "doctor" else (0,))
    for word in words[2:]:
        if word.endswith((".jpg", ".png")):
            assert (pictures / word).stat().st_size > 0


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("curl"), reason="no curl; `python -m tests` installs it")
def test_its_curl_lines_bring_follow_fetch_and_delete_a_photo(start_server: Callable[..., Any], pictures: Path) -> None:
    (block,) = [block for block in blocks("sh") if "curl" in block]
    server = start_server()
    small = Settings.model_validate({"dream": {"width": 256, "upscale": 2, "precision": "fp32", "deadline": 600}})
    with Library(server.data) as library:
        worker = threading.Thread(target=_work, args=(Worker(library, small),))
        worker.start()
        script = block.replace("http://127.0.0.1:8360", f"http://127.0.0.1:{server.port}")
        assert script != block
        done = subprocess.run(["bash", "-eu", "-c", script], timeout=LONGEST, capture_output=True, text=True)
        worker.join()
    assert done.returncode == 0, done.stdout + done.stderr
    with Image.open(pictures / "dream.jpg") as dream:
        assert dream.size == (512, 256)
    token = json.loads((pictures / "sent.json").read_text())["token"]
    assert json.loads((pictures / "status.json").read_text())["state"] == "ready"
    assert server.get(f"/api/photos/{token}").status == 404


def _work(worker: Worker) -> None:
    """Dream the one photo that comes."""
    while worker.run(once=True) == 0:
        threading.Event().wait(0.2)

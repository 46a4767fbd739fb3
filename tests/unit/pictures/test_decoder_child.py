"""The process that looks into an upload may say anything, end at any moment, or not end."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from kiosk.errors import BadInput
from kiosk.pictures import apart
from kiosk.pictures.decode import Limits

GOOD = """print('{"width": 64, "height": 32, "gpano": null}', flush=True)\n"""


@pytest.fixture
def decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """What a program in the decoder's place makes of an upload."""

    def decoded(program: str) -> dict:
        monkeypatch.setattr(apart, "_command", lambda *_: [sys.executable, "-c", f"import os, sys, time\n{program}"])
        (tmp_path / "upload").write_bytes(b"\xff\xd8\xff\xe0" + bytes(100))
        return apart.decode_apart(tmp_path / "upload", tmp_path / "original.jpg", Limits())

    return decoded


def test_an_answer_and_an_end_are_taken(decoded) -> None:
    assert decoded(GOOD)["width"] == 64


@pytest.mark.parametrize(
    ("program", "code"),
    [
        (GOOD + "os.kill(os.getpid(), 11)", "cannot_open"),
        (GOOD + "os.kill(os.getpid(), 9)", "too_hard"),
        (GOOD + "sys.exit(3)", "cannot_open"),
        ("print(1); sys.exit(3)", "cannot_open"),
        ("print('[]')", "cannot_open"),
        ("print('{}')", "cannot_open"),
        ("""print('{"code": 1, "message": [], "status": "x"}'); sys.exit(2)""", "cannot_open"),
        ("""print('{"code": "x", "message": "No.", "status": 302}'); sys.exit(2)""", "cannot_open"),
        ("""print('{"code": "x", "message": "%s", "status": 400}' % ('no ' * 9000)); sys.exit(2)""", "cannot_open"),
        ("print('[' * 60000)", "cannot_open"),
        ("print('x' * 1000000)", "cannot_open"),
        ("sys.stdout.buffer.write(bytes(range(256)))", "cannot_open"),
        ("""print('{"code": "dull", "message": "No.", "status": 415}'); sys.exit(2)""", "dull"),
    ],
)
def test_whatever_else_it_says_or_does_is_a_sentence_for_the_guest(decoded, tmp_path: Path, program, code) -> None:
    with pytest.raises(BadInput) as refused:
        decoded(program)
    assert refused.value.code == code
    assert not (tmp_path / "original.jpg").exists()


def test_one_that_has_answered_and_does_not_end_is_ended(decoded, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart, "ENDING_SECONDS", 0.5)
    with pytest.raises(BadInput, match="too long"):
        decoded(GOOD + "os.close(1)\ntime.sleep(600)")

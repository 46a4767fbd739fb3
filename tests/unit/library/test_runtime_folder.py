"""The runtime folder lies where every user of the machine can write: it must be ours alone, or it is refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kiosk.errors import Unavailable
from kiosk.library import heartbeat
from kiosk.storage import DataFolder, own_folder


@pytest.fixture
def nothing_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DREAMKIOSK_RUNTIME", raising=False)
    monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)


@pytest.mark.parametrize(
    ("one", "other"),
    [("a-b", "a/b"), ("a/b-c", "a-b/c"), ("-a", "a"), ("a-", "a"), ("a" * 200 + "1", "a" * 200 + "2")],
)
def test_every_data_folder_has_its_own(tmp_path: Path, nothing_named: None, one: str, other: str) -> None:
    assert DataFolder(tmp_path / one).runtime != DataFolder(tmp_path / other).runtime
    assert len(DataFolder(tmp_path / one).runtime.name) < 100


def test_the_same_folder_by_another_name_has_the_same(
    tmp_path: Path, nothing_named: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    names = {
        DataFolder(root).runtime for root in (tmp_path / "data", tmp_path / "link", Path("data"), Path("./data/."))
    }
    assert len(names) == 1


def test_it_is_made_for_this_user_alone(data: DataFolder) -> None:
    before = os.umask(0)
    try:
        data.prepare()
    finally:
        os.umask(before)
    assert data.runtime.stat().st_mode & 0o777 == 0o700
    data.prepare()


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o770, 0o702])
def test_one_that_others_may_write_in_is_refused_and_left_as_it_is(data: DataFolder, mode: int) -> None:
    data.runtime.mkdir(parents=True)
    data.runtime.chmod(mode)
    with pytest.raises(Unavailable, match="others may write to it") as refused:
        data.prepare()
    assert "DREAMKIOSK_RUNTIME" in str(refused.value)
    assert data.runtime.stat().st_mode & 0o7777 == mode


@pytest.mark.skipif(os.geteuid() != 0, reason="giving a folder to another user needs root")
def test_one_of_another_user_is_refused(data: DataFolder) -> None:
    data.runtime.mkdir(parents=True, mode=0o700)
    os.chown(data.runtime, 12345, 12345)
    with pytest.raises(Unavailable, match="belongs to user 12345"):
        data.prepare()


def test_a_link_is_not_followed(data: DataFolder, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    data.runtime.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Unavailable, match="symbolic link"):
        data.prepare()
    assert not any((tmp_path / "elsewhere").iterdir())


def test_a_file_in_its_place_is_named(data: DataFolder) -> None:
    data.runtime.write_text("")
    with pytest.raises(Unavailable, match="not a directory"):
        data.prepare()


def test_a_heartbeat_does_not_write_through_a_link(data: DataFolder, tmp_path: Path) -> None:
    data.prepare()
    (tmp_path / "target").write_text("precious")
    heartbeat.path(data, "worker").symlink_to(tmp_path / "target")
    with pytest.raises(OSError, match="symbolic"):
        heartbeat.beat(data, "worker")
    assert (tmp_path / "target").read_text() == "precious"


def test_a_folder_that_went_away_is_made_again_by_the_next_beat(data: DataFolder) -> None:
    data.prepare().runtime.rmdir()
    heartbeat.beat(data, "worker")
    assert data.runtime.stat().st_mode & 0o777 == 0o700
    data.runtime.chmod(0o777)
    heartbeat.path(data, "worker").unlink()
    with pytest.raises(Unavailable):
        own_folder(data.runtime)

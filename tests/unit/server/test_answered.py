"""What is remembered of uploads, and for how long."""

from __future__ import annotations

from typing import Any

from kiosk.server import answered


def test_an_upload_is_remembered_for_half_an_hour_and_the_oldest_are_forgotten(monkeypatch) -> None:
    now = 100.0
    photo: Any = object()
    uploads = answered.Answered(lambda: now)
    uploads.keep("key", "first", photo)
    assert uploads.find("key", "first") is photo
    assert uploads.find("key", "second") is None
    assert uploads.find("other", "first") is None
    now += answered.SECONDS
    assert uploads.find("key", "first") is None
    monkeypatch.setattr(answered, "MOST", 2)
    for name in ("second", "third", "fourth"):
        uploads.keep("key", name, photo)
    assert [uploads.find("key", name) for name in ("second", "third", "fourth")] == [None, photo, photo]

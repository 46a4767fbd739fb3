"""The input and the result of a check."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from kiosk.settings import Settings
from kiosk.storage import DataFolder

Verdict = Literal["ok", "warn", "fail"]


@dataclass(frozen=True)
class Finding:
    """One check's result. detail: what was found. remedy: what to do, empty if there is nothing to do."""

    name: str
    verdict: Verdict
    detail: str
    remedy: str = ""


@dataclass(frozen=True)
class Patient:
    """What the checks examine. running: /healthz of the kiosk that serves this data folder, None if it does not answer.
    stranger: whether a kiosk with a different data folder answers on its port."""

    data: DataFolder
    settings: Settings
    running: dict | None
    stranger: bool = False


Results = Iterator[tuple[Verdict, str] | tuple[Verdict, str, str]]
"""A check's results: (verdict, detail) or (verdict, detail, remedy)."""

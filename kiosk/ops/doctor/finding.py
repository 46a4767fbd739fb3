"""What a check is given, and what it says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from kiosk.settings import Settings
from kiosk.storage import DataFolder

Verdict = Literal["ok", "warn", "fail"]


@dataclass(frozen=True)
class Finding:
    """One check's result: `detail` says what was found, `remedy` what to do (empty where nothing is to do)."""

    name: str
    verdict: Verdict
    detail: str
    remedy: str = ""


@dataclass(frozen=True)
class Patient:
    """What the checks look at. `running`: the /healthz of the kiosk that serves this data folder, None where it does
    not answer; `stranger`: whether a kiosk with other data answers on its port."""

    data: DataFolder
    settings: Settings
    running: dict | None
    stranger: bool = False


Results = Iterator[tuple[Verdict, str] | tuple[Verdict, str, str]]
"""Of a check: verdict, what was found, what to do."""

"""What every view needs and the application holds: one object, found through the current application."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from flask import current_app

from kiosk.lan import addresses
from kiosk.library.library import Library
from kiosk.server.assets import Assets
from kiosk.server.broadcast import Broadcast
from kiosk.server.metrics import Metrics
from kiosk.server.offloop import Lane
from kiosk.settings import Settings
from kiosk.storage import DataFolder


@dataclass
class Kiosk:
    """The parts of a running server. port and tls_port are the real ones once it listens; tls_port 0 = no https."""

    data: DataFolder
    settings: Settings
    library: Library
    assets: Assets
    broadcast: Broadcast
    metrics: Metrics
    intake_lane: Lane
    operator_password: Callable[[], str]
    form_secret: bytes
    port: int
    tls_port: int = 0

    def guest_url(self, path: str = "/") -> str:
        """What a guest's phone opens: the literal address of the interface guests are on, never the Host header,
        which whoever sends the request chooses."""
        return f"http://{addresses.guest_address(self.settings.network.interface)}:{self.port}{path}"

    def secure_url(self, path: str = "/") -> str | None:
        """The same over https, or None where https is off."""
        if not self.tls_port:
            return None
        return f"https://{addresses.guest_address(self.settings.network.interface)}:{self.tls_port}{path}"


def kiosk() -> Kiosk:
    """The kiosk of the request being served."""
    return cast(Kiosk, current_app.extensions["kiosk"])

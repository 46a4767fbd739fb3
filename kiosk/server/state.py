"""What every view needs and the application holds: one object, found through the current application."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from flask import current_app

from kiosk.capture.registry import kind_of
from kiosk.lan import addresses
from kiosk.library.library import Library
from kiosk.server.http.receiving import Receiving
from kiosk.server.live.broadcast import Broadcast
from kiosk.server.live.screen import Screen
from kiosk.server.lockout import Lockout
from kiosk.server.operator.metrics import Metrics
from kiosk.server.pages.assets import Assets
from kiosk.settings import Settings
from kiosk.storage import DataFolder


@dataclass
class ServerState:
    """The parts of a running server. host, port and tls_port are the real ones once it listens; tls_port 0 = no
    https."""

    data: DataFolder
    settings: Settings
    library: Library
    assets: Assets
    broadcast: Broadcast
    screen: Screen
    metrics: Metrics
    receiving: Receiving
    operator_password: Callable[[], str]
    lockout: Lockout
    form_secret: bytes
    port: int
    tls_port: int = 0
    host: str = ""

    @property
    def has_camera(self) -> bool:
        """Whether photos come from a source of the kiosk's own, whose faults matter."""
        return kind_of(self.settings.capture) is not None

    @property
    def can_capture(self) -> bool:
        """Whether that source takes a photo when it is asked to."""
        kind = kind_of(self.settings.capture)
        return kind is not None and kind.on_demand

    def guest_url(self, path: str = "/") -> str:
        """What a guest's phone opens: the one address that is listened on, or else that of the interface guests are
        on; never the Host header, which whoever sends the request chooses."""
        return f"http://{self._address()}:{self.port}{path}"

    def secure_url(self, path: str = "/") -> str | None:
        """The same over https, or None where https is off."""
        if not self.tls_port:
            return None
        return f"https://{self._address()}:{self.tls_port}{path}"

    def _address(self) -> str:
        return addresses.address_for_url(self.host, self.settings.network.interface)


def server_state() -> ServerState:
    """That of the request being served."""
    return cast(ServerState, current_app.extensions["kiosk"])

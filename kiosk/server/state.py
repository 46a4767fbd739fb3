"""ServerState: the objects that views share, found through the current application."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from flask import current_app

from kiosk.capture.registry import kind_of
from kiosk.lan import addresses
from kiosk.library.library import Library
from kiosk.people.screens import Screens
from kiosk.server.answered import Answered
from kiosk.server.http.receiving import Receiving
from kiosk.server.live.broadcast import Broadcast
from kiosk.server.live.screen import Screen
from kiosk.server.lockout import Lockout
from kiosk.server.operator.metrics import Metrics
from kiosk.server.operator.notes import Notes
from kiosk.server.pages.assets import Assets
from kiosk.settings import Settings
from kiosk.storage import DataFolder


@dataclass
class ServerState:
    """The parts of a running server. host, port and tls_port are the actual ones once it listens; tls_port 0 = https
    is off. lockout, word_lockout: wrong PINs, wrong word codes. right_pin: a hash of the PIN that was last right."""

    data: DataFolder
    settings: Settings
    library: Library
    assets: Assets
    broadcast: Broadcast
    screen: Screen
    metrics: Metrics
    notes: Notes
    receiving: Receiving
    screens: Screens
    lockout: Lockout
    word_lockout: Lockout
    answered: Answered
    form_secret: bytes
    port: int
    tls_port: int = 0
    host: str = ""
    right_pin: bytes = b""

    @property
    def has_camera(self) -> bool:
        """Whether the kiosk has a photo source of its own, whose faults are reported."""
        return kind_of(self.settings.capture) is not None

    @property
    def can_capture(self) -> bool:
        """Whether that source takes photos on request."""
        kind = kind_of(self.settings.capture)
        return kind is not None and kind.on_demand

    def guest_url(self, path: str = "/") -> str:
        """The URL for guests' phones. Its host is the address the server listens on or, if it listens on all, that of
        the guests' interface; never the Host header, which the client chooses."""
        return addresses.guest_url(self.host, self.port, path, interface=self.settings.network.interface)

    def secure_url(self, path: str = "/") -> str | None:
        """The same over https; None if https is off."""
        if not self.tls_port:
            return None
        interface = self.settings.network.interface
        return addresses.guest_url(self.host, self.tls_port, path, interface=interface, scheme="https")


def server_state() -> ServerState:
    """The ServerState of the current request's application."""
    return cast(ServerState, current_app.extensions["kiosk"])

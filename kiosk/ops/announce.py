"""The `lan` process: keeps the mDNS announcement and the https certificate in step with the machine's address."""

from __future__ import annotations

import logging
import threading
import time

from kiosk import __version__
from kiosk.backoff import Backoff
from kiosk.errors import KioskError
from kiosk.lan.addresses import guest_address
from kiosk.lan.advertise import Advertiser, host_names
from kiosk.lan.certificates import ensure_certificate
from kiosk.library import heartbeat
from kiosk.library.upkeep.lifetime import JumpWatch
from kiosk.names import LAN
from kiosk.settings import Settings
from kiosk.storage import DataFolder

log = logging.getLogger(__name__)

LOOK_SECONDS = 2.0
LONGEST_WAIT = 60.0
"""The longest wait between failed attempts to announce an address. A new address is announced at once."""
RENEW_LOOKS = 1800
"""Check the certificate's age every this many looks, that is, once an hour."""


def announce(data: DataFolder, settings: Settings, stop: threading.Event) -> None:
    """Announce the kiosk and keep its certificate current until `stop` is set, then withdraw the announcement."""
    network = settings.network
    with Advertiser(network.name, network.port, network.tls_port, version=__version__) as advertiser:
        announced: str | None = None
        tried: str | None = None
        backoff = Backoff(LOOK_SECONDS, LONGEST_WAIT)
        due = 0.0
        looks = 0
        clock = JumpWatch()
        while True:
            address = guest_address(network.interface)
            if tried != address:
                tried, due = address, 0.0
                backoff.reset()
            if announced != address and time.monotonic() >= due:
                announced = address if _update(data, settings, advertiser, address) else None
                due = time.monotonic() + backoff.next()
            elif announced == address and network.tls_port and (clock.jump() or looks % RENEW_LOOKS == 0):
                # After a clock jump the certificate may have expired, or not be valid yet.
                _certify(data, settings, address)
            looks += 1
            heartbeat.beat(data, LAN)
            if stop.wait(LOOK_SECONDS):
                return


def _update(data: DataFolder, settings: Settings, advertiser: Advertiser, address: str) -> bool:
    if settings.network.tls_port:
        _certify(data, settings, address)
    try:
        advertiser.announce(address)
    except OSError as error:
        log.warning("cannot announce the kiosk at %s: %s", address, error)
        return False
    return True


def _certify(data: DataFolder, settings: Settings, address: str) -> None:
    try:
        ensure_certificate(data.certificates, [address], host_names(settings.network.name))
    except KioskError as error:
        log.error("cannot renew the https certificate: %s", error)

"""mDNS: announces the kiosk as a web page on the local network.

This is a convenience for operators and laptops: "Dream Kiosk" appears in network browsers. Guests use the QR code,
because phones resolve `.local` badly.
"""

from __future__ import annotations

import logging
import re
import socket
import threading

from zeroconf import DNSQuestionType, IPVersion, ServiceInfo, Zeroconf

log = logging.getLogger(__name__)

HTTP = "_http._tcp.local."
HTTPS = "_https._tcp.local."
MAX_SUFFIX = 9
"""Names tried on a conflict: "Dream Kiosk" (dream-kiosk.local), then "Dream Kiosk-2" (dream-kiosk-2.local) to 9."""
PROBE_MS = 1200
"""Milliseconds to wait for another holder of a name. A responder may stay silent for a second after its last
announcement (RFC 6762, section 6)."""


def host_label(name: str) -> str:
    """The DNS label for a kiosk's name: "Dream Kiosk" -> "dream-kiosk" (1 to 56 of [a-z0-9-])."""
    label = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:56].strip("-")
    return label or "dream-kiosk"


def host_names(name: str) -> tuple[str, ...]:
    """Every `.local` name that an Advertiser for `name` may end up with. A certificate has to cover them all."""
    label = host_label(name)
    return (f"{label}.local", *(f"{label}-{n}.local" for n in range(2, MAX_SUFFIX + 1)))


class Advertiser:
    """Announces `_http._tcp` (and `_https._tcp` unless `tls_port` is 0) at one address, until `close`.

    The TXT record has `path` and `version`. If another kiosk already uses the name, the instance and the host name get
    the same suffix: "Dream Kiosk-2" at "dream-kiosk-2.local". Calls block for up to a few seconds. Thread-safe.
    """

    def __init__(self, name: str, port: int, tls_port: int = 0, version: str = "", path: str = "/") -> None:
        self.name = name
        self.port = port
        self.tls_port = tls_port
        self.host: str | None = None
        """The announced host name, e.g. "dream-kiosk.local"; None while nothing is announced."""
        self.address: str | None = None
        self._properties = {"path": path, "version": version}
        self._zeroconf: Zeroconf | None = None
        self._lock = threading.Lock()

    def announce(self, address: str) -> str:
        """Withdraw the previous announcement, announce at `address` (dotted IPv4), and return the host name.

        Raises OSError if the address does not, or no longer, belong to this machine.
        """
        with self._lock:
            self._goodbye()
            # Sockets are bound to the interface of the address, so a new address needs new sockets. Loopback serves
            # browsers on this machine; it is left out if the system does not support multicast on it.
            try:
                zeroconf = Zeroconf(interfaces=list(dict.fromkeys([address, "127.0.0.1"])), ip_version=IPVersion.V4Only)
            except OSError:
                zeroconf = Zeroconf(interfaces=[address], ip_version=IPVersion.V4Only)
            self._zeroconf = zeroconf
            suffix = self._free_suffix(zeroconf, address)
            host = f"{host_label(self.name)}{suffix}.local"
            for service, port in ((HTTP, self.port), (HTTPS, self.tls_port)):
                if not port:
                    continue
                info = ServiceInfo(
                    service,
                    f"{_instance(self.name)}{suffix}.{service}",
                    port=port,
                    addresses=[socket.inet_aton(address)],
                    properties=self._properties,
                    server=f"{host}.",
                )
                # Probed above, once for both services, so that both get the same suffix.
                zeroconf.register_service(info, cooperating_responders=True)
            self.host, self.address = host, address
            log.info("announced on the network as %s at %s", host, address)
            return host

    def close(self) -> None:
        """Withdraw the announcement (mDNS goodbye) and close the sockets. Idempotent."""
        with self._lock:
            self._goodbye()

    def __enter__(self) -> Advertiser:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _goodbye(self) -> None:
        zeroconf, self._zeroconf = self._zeroconf, None
        self.host = self.address = None
        if zeroconf is not None:
            zeroconf.close()  # unregisters every service first

    def _free_suffix(self, zeroconf: Zeroconf, address: str) -> str:
        """ "" or "-2" to "-9": the first suffix for which nobody else holds the name (RFC 6762, section 8.1)."""
        for suffix in ("", *(f"-{n}" for n in range(2, MAX_SUFFIX + 1))):
            holder = ServiceInfo(HTTP, f"{_instance(self.name)}{suffix}.{HTTP}")
            # Multicast questions get multicast answers. A unicast answer would reach only one of several responders on
            # the same machine.
            if not holder.request(zeroconf, timeout=PROBE_MS, question_type=DNSQuestionType.QM):
                return suffix
            if holder.port == self.port and address in holder.parsed_addresses():
                return suffix  # our own, from before a restart
            log.warning("another kiosk on this network is already named %s%s", self.name, suffix)
        return f"-{MAX_SUFFIX}"


def _instance(name: str) -> str:
    """The service instance name: at most 60 bytes, which leaves room for a suffix in the 63 allowed (RFC 6763, section
    4.1.1), without dots."""
    return name.replace(".", " ").encode()[:60].decode(errors="ignore").strip() or "Dream Kiosk"

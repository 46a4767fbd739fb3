"""mDNS: the kiosk announces itself as a web page on the local network.

A bonus for laptops and operators ("Dream Kiosk" appears in browsers of the network); guests' phones use the QR code,
because phones resolve `.local` badly.
"""

from __future__ import annotations

import logging
import re
import socket
import threading

from zeroconf import AddressResolverIPv4, IPVersion, ServiceInfo, Zeroconf

log = logging.getLogger(__name__)

HTTP = "_http._tcp.local."
HTTPS = "_https._tcp.local."
MAX_HOST_SUFFIX = 9
"""Host names tried on a conflict: dream-kiosk, dream-kiosk-2 ... dream-kiosk-9."""


def host_label(name: str) -> str:
    """The DNS label for a kiosk's name: "Dream Kiosk" -> "dream-kiosk" (1 to 56 of [a-z0-9-])."""
    label = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:56].strip("-")
    return label or "dream-kiosk"


def host_names(name: str) -> tuple[str, ...]:
    """Every `.local` name that an Advertiser for `name` may end up with; a certificate has to cover them all."""
    label = host_label(name)
    return (f"{label}.local", *(f"{label}-{n}.local" for n in range(2, MAX_HOST_SUFFIX + 1)))


class Advertiser:
    """Announces `_http._tcp` (and `_https._tcp` where `tls_port` is not 0) at one address, until `close`.

    The TXT record has `path` and `version`. A name that another machine already uses gets a suffix: the service
    "Dream Kiosk-2", the host "dream-kiosk-2.local". Blocking calls of up to a few seconds, to be made from an ordinary
    thread; safe to call from several.
    """

    def __init__(self, name: str, port: int, tls_port: int = 0, version: str = "", path: str = "/") -> None:
        self.name = name
        self.port = port
        self.tls_port = tls_port
        self.host: str | None = None
        """The name announced, e.g. "dream-kiosk.local"; None while nothing is."""
        self.address: str | None = None
        self._properties = {"path": path, "version": version}
        self._zeroconf: Zeroconf | None = None
        self._lock = threading.Lock()

    def announce(self, address: str) -> str:
        """Announce at `address` (dotted IPv4), with a goodbye for the address before; returns the host name.

        Raises OSError where the address is not (or no longer) this machine's.
        """
        with self._lock:
            self._goodbye()
            # Sockets are bound to the interface of the address, so a new address needs new sockets. The loopback is
            # for browsers on this machine; it is left out where the system does not do multicast there.
            try:
                self._zeroconf = Zeroconf(
                    interfaces=list(dict.fromkeys([address, "127.0.0.1"])), ip_version=IPVersion.V4Only
                )
            except OSError:
                self._zeroconf = Zeroconf(interfaces=[address], ip_version=IPVersion.V4Only)
            host = self._free_host(self._zeroconf, address)
            for service, port in ((HTTP, self.port), (HTTPS, self.tls_port)):
                if not port:
                    continue
                info = ServiceInfo(
                    service,
                    f"{_instance(self.name)}.{service}",
                    port=port,
                    addresses=[socket.inet_aton(address)],
                    properties=self._properties,
                    server=f"{host}.",
                )
                self._zeroconf.register_service(info, allow_name_change=True)
            self.host, self.address = host, address
            log.info("announced on the network as %s at %s", host, address)
            return host

    def close(self) -> None:
        """Say goodbye, so that browsers forget the kiosk at once, and free the sockets. Idempotent."""
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

    def _free_host(self, zeroconf: Zeroconf, address: str) -> str:
        """The first host name that nobody else answers for (RFC 6762, section 8.1, by asking)."""
        for host in host_names(self.name):
            resolver = AddressResolverIPv4(f"{host}.")
            if not resolver.request(zeroconf, timeout=750):
                return host
            if set(resolver.parsed_addresses()) <= {address}:
                return host  # our own records, still cached by somebody
            log.warning("%s is already somebody else's name on this network", host)
        return host_names(self.name)[-1]


def _instance(name: str) -> str:
    """A service instance's name: at most 63 bytes (RFC 6763, section 4.1.1), room for a suffix, no dots."""
    return name.replace(".", " ").encode()[:60].decode(errors="ignore").strip() or "Dream Kiosk"

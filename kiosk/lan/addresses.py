"""The address at which guests reach this machine.

A QR code with a host name does not open on most event networks, because phones resolve `.local` badly or not at all. So
the code holds a literal IPv4 address, which must be that of the interface the guests are on.
"""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass

import ifaddr

LOOPBACK = "127.0.0.1"

# Bridges of containers and virtual machines, and VPNs, have private addresses, but guests are never on them.
_VIRTUAL = ("docker", "br-", "veth", "virbr", "lxc", "cni", "flannel", "tun", "tap", "wg", "zt", "tailscale", "podman")


@dataclass(frozen=True)
class Interface:
    """One IPv4 address of one network interface: its name ("wlan0"), the dotted address and the prefix length."""

    name: str
    address: str
    prefix: int

    @property
    def is_loopback(self) -> bool:
        return ipaddress.IPv4Address(self.address).is_loopback

    @property
    def is_private(self) -> bool:
        """Whether it is a private or link-local address, on a network that guests can share with the kiosk."""
        address = ipaddress.IPv4Address(self.address)
        return (address.is_private or address.is_link_local) and not address.is_loopback

    @property
    def is_virtual(self) -> bool:
        return self.name.startswith(_VIRTUAL)


def interfaces() -> tuple[Interface, ...]:
    """Every IPv4 address of this machine, in the system's order, loopback included."""
    return tuple(
        Interface(adapter.name, ip.ip, ip.network_prefix)
        for adapter in ifaddr.get_adapters()
        for ip in adapter.ips
        if isinstance(ip.ip, str)  # IPv6 addresses are tuples
    )


def default_route_address() -> str | None:
    """The source address of this machine's default route; None without one."""
    probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        # Connecting a datagram socket only consults the routing table; nothing is sent. TEST-NET-3 (RFC 5737) belongs
        # to nobody, so only the default route matches it.
        probe.connect(("203.0.113.1", 9))
        address = probe.getsockname()[0]
    except OSError:
        return None
    finally:
        probe.close()
    return None if address in ("0.0.0.0", LOOPBACK) else address  # noqa: S104 (a comparison, nothing is bound)


def guest_address(interface: str | None = None) -> str:
    """The literal IPv4 address that guests open, e.g. "192.168.4.1".

    `interface` is an interface's name ("wlan0") or one of its addresses. If it is None or has no address now, the
    order of preference is: the default route's interface, a private address of a physical interface, any private
    address, any address that is not loopback, 127.0.0.1. Takes about a millisecond; never raises.
    """
    return choose(interfaces(), interface, default_route_address())


def address_for_url(listening: str, interface: str | None = None) -> str:
    """The host part of the URL of a server on this machine.

    `listening` is the literal address it listens on, or "localhost". If that is a wildcard ("", "0.0.0.0", "::"), or
    not an address of this machine, the result is `guest_address(interface)`.
    """
    if listening == "localhost":
        return listening
    try:
        address = ipaddress.ip_address(listening.partition("%")[0])
    except ValueError:
        return guest_address(interface)
    if address.is_unspecified:
        return guest_address(interface)
    if address.version == 6:
        return f"[{address}]"
    known = address.is_loopback or any(listening == one.address for one in interfaces())
    return listening if known else guest_address(interface)


def guest_url(listening: str, port: int, path: str = "/", *, interface: str | None = None, scheme: str = "http") -> str:
    """The URL at which guests' phones reach `path` of a server that listens on the address `listening`."""
    return f"{scheme}://{address_for_url(listening, interface)}:{port}{path}"


def choose(found: tuple[Interface, ...], interface: str | None, default_route: str | None) -> str:
    """The choice that `guest_address` makes, as a pure function."""
    if interface:
        for candidate in found:
            if interface in (candidate.name, candidate.address):
                return candidate.address
    outside = [candidate for candidate in found if not candidate.is_loopback]
    if default_route and any(candidate.address == default_route for candidate in outside):
        return default_route
    # sorted() is stable: the system's order decides between equals.
    ranked = sorted(outside, key=lambda candidate: (not candidate.is_private, candidate.is_virtual))
    return ranked[0].address if ranked else LOOPBACK

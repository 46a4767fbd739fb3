"""Status messages to systemd (the protocol of sd_notify(3)): one datagram per message. Does nothing without systemd."""

from __future__ import annotations

import os
import socket


def notify(*lines: str) -> bool:
    """Send `lines` such as "READY=1"; False if nobody listens (NOTIFY_SOCKET is unset or gone)."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return False
    if address.startswith("@"):
        address = "\0" + address[1:]  # the abstract namespace
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
            channel.connect(address)
            channel.sendall("\n".join(lines).encode())
    except OSError:
        return False
    return True


def watchdog_interval() -> float | None:
    """Seconds between watchdog messages, half of what systemd allows this process; None without a watchdog."""
    if os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    try:
        return int(os.environ["WATCHDOG_USEC"]) / 1e6 / 2 or None
    except (KeyError, ValueError):
        return None

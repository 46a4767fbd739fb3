"""Places to attack from: network namespaces that are made here, or loopback addresses where that is not allowed."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

_NUMBERS = itertools.count()


@dataclass(frozen=True)
class Place:
    """Where a guest is: how to run a command there, its addresses, and the kiosk's address as seen from there."""

    prefix: tuple[str, ...]
    addresses: tuple[str, ...]
    kiosk: str


@contextlib.contextmanager
def place(addresses: int = 1) -> Iterator[Place]:
    """A place with so many addresses (100 at most), gone at the end."""
    number = next(_NUMBERS)
    name = f"dk{os.getpid() % 100000}-{number}"
    inside, outside = f"{name}i", f"{name}o"
    # TEST-NET-2 and its like are too small; 198.18.0.0/15 is for such tests (RFC 2544).
    net = f"198.{18 + os.getpid() % 2}.{(os.getpid() // 2 + number) % 250}"
    here = tuple(f"{net}.{last}" for last in range(2, 2 + addresses))
    commands = [
        ["netns", "add", name],
        ["link", "add", outside, "type", "veth", "peer", "name", inside, "netns", name],
        ["addr", "add", f"{net}.1/24", "dev", outside],
        ["link", "set", outside, "up"],
        *(["-n", name, "addr", "add", f"{address}/24", "dev", inside] for address in here),
        ["-n", name, "link", "set", inside, "up"],
        ["-n", name, "link", "set", "lo", "up"],
    ]
    try:
        if shutil.which("ip") and os.geteuid() == 0 and all(map(_ip, commands)):
            yield Place(("ip", "netns", "exec", name), here, f"{net}.1")
        else:
            start = 10 + number * 100 % 200
            yield Place((), tuple(f"127.0.{start}.{last}" for last in range(2, 2 + addresses)), "127.0.0.1")
    finally:
        _ip(["link", "del", outside])
        _ip(["netns", "del", name])


def _ip(arguments: list[str]) -> bool:
    if not shutil.which("ip"):
        return False
    return subprocess.run(["ip", *arguments], capture_output=True, check=False).returncode == 0

"""One hostile guest: where it attacks, and what every attack needs. Only the standard library."""

from __future__ import annotations

import contextlib
import random
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Foe:
    """The guest: where it attacks, from which addresses, for how long."""

    host: str
    port: int
    until: float
    chance: random.Random
    addresses: list[str]
    token: str = ""
    photos: Path = Path()
    """The folder of the photos that it brings."""
    sent: int = 0
    held: list[socket.socket] = field(default_factory=list)
    came: bool = False
    """Whether it has had a connection; the first is told on stdout."""

    @property
    def on(self) -> bool:
        return time.monotonic() < self.until

    def connect(self, number: int = 0, timeout: float = 2.0) -> socket.socket | None:
        """A connection from one of the addresses; None where it is refused."""
        address = self.addresses[number % len(self.addresses)]
        try:
            connection = socket.create_connection((self.host, self.port), timeout, (address, 0))
        except OSError:
            time.sleep(0.01)
            return None
        if not self.came:
            self.came = True
            print("here", flush=True)
        return connection

    def send(self, connection: socket.socket, data: bytes) -> bool:
        """False where the other side has had enough."""
        try:
            connection.settimeout(max(0.05, min(2.0, self.until - time.monotonic())))
            connection.sendall(data)
        except OSError:
            return False
        self.sent += len(data)
        return True

    def hold(self, count: int, first: bytes = b"") -> Iterator[socket.socket]:
        """Up to `count` connections, kept open, on which `first` was said."""
        for number in range(count):
            if not self.on:
                return
            connection = self.connect(number)
            if connection and self.send(connection, first):
                self.held.append(connection)
                yield connection

    def rest(self) -> None:
        """Do nothing until the end."""
        while self.on:
            time.sleep(0.1)


def drain(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.setblocking(False)
        while connection.recv(1 << 20):
            pass


def one_after_another(foe: Foe, text: bytes, connections: int = 1) -> None:
    """Requests back to back, answers thrown away."""
    burst = text * max(1, 16384 // len(text))
    lines: list[socket.socket | None] = [None] * connections
    while foe.on:
        for number, line in enumerate(lines):
            if line is None:
                lines[number] = foe.connect(number)
                continue
            line.setblocking(False)
            try:
                foe.sent += line.send(burst)
            except BlockingIOError:
                pass
            except OSError:
                lines[number] = None
                continue
            drain(line)
        time.sleep(0.001)

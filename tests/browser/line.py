"""A line between a browser and the kiosk that can fail as radio does: everything is up, and nothing gets through."""

from __future__ import annotations

import contextlib
import socket
import threading


class Line:
    """A relay on a port of its own to `port` on this machine."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._stalled: threading.Event | None = None
        self._passed = 0
        self._ends: list[socket.socket] = []
        self._listening = socket.socket()
        # Little waits in between, so that a stall is felt where the bytes come from.
        self._listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
        self._listening.bind(("127.0.0.1", 0))
        self._listening.listen(64)
        self.port = self._listening.getsockname()[1]
        self._after: int | None = None
        self._losing: bytes | None = None
        self._head = False
        threading.Thread(target=self._accept, daemon=True).start()

    def stall(self, after: int = 0) -> None:
        """From now on, once `after` bytes have passed, nothing gets through the connections there are."""
        self._passed = 0
        self._after = after
        self._stalled = threading.Event()

    def heal(self) -> None:
        """New connections are fine again; the stalled ones stay as they are, as after a phone changed networks."""
        self._after = None

    def lose(self, beginning: bytes, *, head: bool) -> None:
        """The next answer that begins so is lost, and the connection ends. head: its head comes through; else browsers
        send the request again by themselves if they had used the connection before."""
        self._losing = beginning
        self._head = head

    def close(self) -> None:
        if self._stalled:
            self._stalled.set()
        for end in [self._listening, *self._ends]:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                far = socket.create_connection(("127.0.0.1", self._to))
                self._ends += [near, far]
                for one, other in ((near, far), (far, near)):
                    threading.Thread(target=self._carry, args=(one, other), daemon=True).start()

    def _carry(self, one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(16 * 1024):
                if self._losing and data.startswith(self._losing):
                    self._losing = None
                    if self._head:
                        other.sendall(data[: data.index(b"\r\n\r\n") + 4])
                    for end in (one, other):
                        end.shutdown(socket.SHUT_RDWR)
                    return
                self._passed += len(data)
                if self._after is not None and self._stalled and self._passed > self._after:
                    self._stalled.wait()
                    return
                other.sendall(data)
            other.shutdown(socket.SHUT_WR)

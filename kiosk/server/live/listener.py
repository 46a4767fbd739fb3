"""One event stream: buffers the latest event of each kind until the phone takes it."""

from __future__ import annotations

from collections.abc import Iterator

from gevent.event import Event

HEARTBEAT_SECONDS = 15.0
RETRY_MILLISECONDS = 2000
PHOTO_EVENTS = ("state", "progress", "preview")


class Listener:
    """One event stream. Buffers the latest event of each kind until the phone takes it."""

    def __init__(self) -> None:
        self._pending: dict[str, str] = {}
        self._silence = "event: ping\ndata: {}\n\n"
        self._ready = Event()
        self._closed = False

    def put(self, event: str, data: str) -> None:
        # Removed first, so that the event moves to the end.
        self._pending.pop(event, None)
        self._pending[event] = data
        if event in PHOTO_EVENTS:
            # A photo's stream has no `ping` event: its keep-alive repeats the current status.
            self._silence = f"event: progress\ndata: {data}\n\n"
        self._ready.set()

    def close(self) -> None:
        """End the stream after the pending events are taken."""
        self._closed = True
        self._ready.set()

    def stream(self) -> Iterator[str]:
        """The stream's text: events as they come, and a keep-alive event after HEARTBEAT_SECONDS of silence."""
        yield f"retry: {RETRY_MILLISECONDS}\n\n"
        while True:
            if not self._ready.wait(HEARTBEAT_SECONDS):
                # A comment keeps the connection open, but only an event reaches the page's script.
                yield f": still here\n{self._silence}"
                continue
            self._ready.clear()
            pending, self._pending = self._pending, {}
            for event, data in pending.items():
                yield f"event: {event}\ndata: {data}\n\n"
            if self._closed:
                return

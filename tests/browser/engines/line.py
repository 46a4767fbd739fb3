"""Commands and events as JSON over a WebSocket, as the DevTools protocol and WebDriver BiDi both have it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import websocket


class Line:
    """One connection to a browser; `heard` is told every event while an answer is waited for."""

    def __init__(self, url: str, heard: Callable[[dict[str, Any]], None], seconds: float = 60) -> None:
        self._socket = websocket.create_connection(url, timeout=seconds, suppress_origin=True)
        self._heard = heard
        self._last = 0
        self._seconds = seconds

    def ask(self, method: str, params: dict[str, Any] | None = None, **more: Any) -> Any:
        """The result of a command. Raises RuntimeError with what the browser says against it, TimeoutError."""
        self._last += 1
        self._socket.send(json.dumps({"id": self._last, "method": method, "params": params or {}, **more}))
        until = time.monotonic() + self._seconds
        while time.monotonic() < until:
            message = json.loads(self._socket.recv())
            if message.get("id") != self._last:
                self._heard(message)
            elif "error" in message:
                raise RuntimeError(f"{method}: {message['error']} {message.get('message', '')}")
            else:
                return message.get("result", {})
        raise TimeoutError(method)

    def close(self) -> None:
        self._socket.close()

"""The Raspberry Pi camera, through a helper process.

picamera2 only works under the system's Python (its libcamera bindings crash with another numpy). So a helper process
under that Python takes the photos and sends JPEG bytes through a pipe.

The pipe, its faults and its time limits are tested with a stand-in for the helper's camera. The calls to picamera2 in
`picamera_helper` follow its manual and have not been run on a Pi.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import selectors
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from kiosk.capture.source import PermanentFault, Shot, Source, TemporaryFault

log = logging.getLogger(__name__)
HELPER = Path(__file__).with_name("picamera_helper.py")
_LARGEST = 200 << 20


class PiCamera(Source):
    """The first camera that libcamera finds. command: starts the helper. start_limit, take_limit: seconds."""

    name = "picamera2"

    def __init__(
        self,
        command: Sequence[str] = ("/usr/bin/python3", "-I", str(HELPER)),
        start_limit: float = 20.0,
        take_limit: float = 20.0,
    ) -> None:
        self._command = list(command)
        self._start_limit, self._take_limit = start_limit, take_limit
        self._process: subprocess.Popen[bytes] | None = None
        self._pending = b""

    def open(self) -> None:
        self.close()
        try:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=None, bufsize=0
            )
        except OSError as error:
            raise PermanentFault(
                f"cannot start {self._command[0]} ({error.strerror}); install python3", "no_helper"
            ) from error
        message, _ = self._answer(self._start_limit)
        log.info("camera ready: %s", message.get("camera", "unknown"))

    def close(self) -> None:
        process, self._process, self._pending = self._process, None, b""
        if process is None:
            return
        with contextlib.suppress(OSError):
            if process.stdin:
                process.stdin.close()
        try:
            process.wait(2)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout:
            process.stdout.close()

    def capture(self, alive: Callable[[], None] = lambda: None, patience: float = 0.0) -> Shot | None:
        if self._process is None or self._process.stdin is None:
            raise TemporaryFault("the camera is not open")
        try:
            self._process.stdin.write(b'{"take": true}\n')
        except OSError as error:
            raise TemporaryFault("the camera's helper has exited") from error
        _, photo = self._answer(self._take_limit, alive)
        if not photo:
            raise TemporaryFault("the camera answered without a photo")
        return Shot(encoded=photo)

    def _answer(self, limit: float, alive: Callable[[], None] = lambda: None) -> tuple[dict, bytes]:
        deadline = time.monotonic() + limit
        while b"\n" not in self._pending:
            self._read(deadline, alive)
        line, _, self._pending = self._pending.partition(b"\n")
        try:
            message = json.loads(line)
            size = int(message.get("bytes", 0))
        except (ValueError, AttributeError, TypeError) as error:
            raise TemporaryFault(f"unexpected output of the camera's helper: {line[:80]!r}") from error
        if message.get("error"):
            fault = PermanentFault if message.get("permanent") else TemporaryFault
            raise fault(str(message["error"]))
        if not 0 <= size <= _LARGEST:
            raise TemporaryFault(f"the camera's helper announced {size} bytes")
        parts, have = [self._pending], len(self._pending)
        while have < size:
            self._pending = b""
            self._read(deadline, alive)
            parts.append(self._pending)
            have += len(self._pending)
        data = b"".join(parts)
        self._pending = data[size:]
        return message, data[:size]

    def _read(self, deadline: float, alive: Callable[[], None]) -> None:
        """Append the helper's next output to `_pending`. Raises TemporaryFault if it exits or the deadline passes."""
        process = self._process
        assert process is not None
        assert process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            while not selector.select(min(0.5, max(0.0, deadline - time.monotonic()))):
                alive()
                if time.monotonic() >= deadline:
                    raise TemporaryFault("the camera does not answer")
        data = os.read(process.stdout.fileno(), 1 << 20)
        if not data:
            raise TemporaryFault("the camera's helper has exited")
        self._pending += data

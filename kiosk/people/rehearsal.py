"""The rehearsal: one button before doors open. A photo goes the whole way that guests' photos go, and goes away again.

What is looked at: intake, the dream, the page over the guests' address, the secure address and its certificate, the
disk, the clock. Each is green, or says what to do.
"""

from __future__ import annotations

import http.client
import io
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from ipaddress import ip_address
from urllib.parse import urlsplit

import numpy as np
from cryptography import x509
from PIL import Image

from kiosk.errors import BadInput, KioskError
from kiosk.library.intake import accept
from kiosk.library.library import Library
from kiosk.library.upkeep.lifetime import wall_clock_is_set
from kiosk.people.report import report

ORIGIN = "rehearsal"
DREAM_SECONDS = 600.0
"""The longest that the rehearsal waits for its dream."""
LOOK_SECONDS = 0.5
ANSWER_SECONDS = 10.0
HOUR_OF_PHOTOS = 60
"""Photos of a busy hour, for the estimate of how long the disk lasts."""
LEAST_HOURS = 3.0
LEAST_DAYS = 2
RECIPE = {"dream": {"width": 512}}
WIDTH = 1024


@dataclass(frozen=True)
class Step:
    """One thing that was looked at. verdict: "ok", "warn" or "fail"; None while it is looked at."""

    name: str
    verdict: str | None
    sentence: str


class Rehearsal:
    """The rehearsals of one server: one at a time, the last one's result is kept.

    address, secure_address: return the guests' addresses; the second is None without https.
    """

    def __init__(self, library: Library, address: Callable[[], str], secure_address: Callable[[], str | None]) -> None:
        self._library = library
        self._address = address
        self._secure_address = secure_address
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self.steps: list[Step] = []
        self.ended: float | None = None
        """When the last one ended, in seconds since 1970."""

    @property
    def is_running(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def begin(self) -> None:
        """Begin one in a thread of its own. Raises BadInput (409) if one is running."""
        with self._lock:
            if self.is_running:
                raise BadInput("A rehearsal is running.", "rehearsing", 409)
            self.steps, self.ended = [], None
            self._thread = threading.Thread(target=self.run, daemon=True)
            self._thread.start()

    def run(self) -> None:
        """Rehearse. The photo goes in any case."""
        token = None
        try:
            token = self._try("Taking a photo in", self._take_in)
            if token is not None:
                self._try("Dreaming it", lambda: self._dream(token))
                self._try("Its page at the guests’ address", lambda: self._fetch(token))
            self._try("The secure address", self._secure)
            self._try("The disk", self._disk)
            self._try("The clock", self._clock)
        finally:
            if token is not None:
                _forget(self._library, token)
            self.ended = self._library.clock()

    def _try(self, name: str, look: Callable[[], tuple[str, str, str | None]]) -> str | None:
        """Do one step: `look` returns (verdict, sentence, value); returns the value."""
        self.steps.append(Step(name, None, "…"))
        try:
            verdict, sentence, value = look()
        except KioskError as error:
            verdict, sentence, value = "fail", str(error), None
        except (OSError, http.client.HTTPException, ValueError) as error:
            verdict, sentence, value = "fail", f"It did not work: {error}", None
        self.steps[-1] = Step(name, verdict, sentence)
        return value

    def _take_in(self) -> tuple[str, str, str | None]:
        began = time.monotonic()
        photo = accept(self._library, picture(), recipe=dict(RECIPE), origin=ORIGIN, show=False)
        return "ok", f"Taken in within {time.monotonic() - began:.1f} s.", photo.token

    def _dream(self, token: str) -> tuple[str, str, str | None]:
        began = time.monotonic()
        while time.monotonic() - began < DREAM_SECONDS:
            photo = self._library.photo(token)
            if photo.state == "ready":
                return "ok", f"Dreamed within {time.monotonic() - began:.0f} s.", None
            if photo.state == "failed":
                return "fail", f"The dream failed: {photo.error} Look at the log.", None
            time.sleep(LOOK_SECONDS)
        return "fail", "It did not become ready within ten minutes. Look at Now: it says why nothing moves.", None

    def _fetch(self, token: str) -> tuple[str, str, str | None]:
        address = self._address()
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port or 80
        try:
            if ip_address(host).is_loopback:
                return (
                    "fail",
                    "The kiosk is on no network that phones can reach. Connect it to the guests’ Wi-Fi.",
                    None,
                )
        except ValueError:
            pass
        connection = http.client.HTTPConnection(host, port, timeout=ANSWER_SECONDS)
        try:
            for path in ("/", f"/v/{token}", f"/photos/{token}/original.jpg"):
                connection.request("GET", path)
                answer = connection.getresponse()
                answer.read()
                if answer.status != 200:
                    return "fail", f"{address} answered {answer.status}.", None
        finally:
            connection.close()
        return "ok", f"{address} answers. Try it with a phone too: only that tries the Wi-Fi.", None

    def _secure(self) -> tuple[str, str, str | None]:
        address = self._secure_address()
        if address is None:
            return "warn", "https is off: motion and cameras on phones need it. Set network.tls_port.", None
        parts = urlsplit(address)
        pem = ssl.get_server_certificate((parts.hostname or "", parts.port or 443), timeout=ANSWER_SECONDS)
        left = (x509.load_pem_x509_certificate(pem.encode()).not_valid_after_utc - datetime.now(timezone.utc)).days
        if left < LEAST_DAYS:
            return "fail", f"Its certificate ends in {left} days. Restart the kiosk, or replace the file.", None
        return "ok", f"{address} answers; its certificate is good for {left} days.", None

    def _disk(self) -> tuple[str, str, str | None]:
        found = report(self._library)
        with self._library.reading() as connection:
            each = connection.execute("SELECT avg(bytes) FROM photos WHERE state = 'ready'").fetchone()[0] or 10e6
        hours = found.left / each / HOUR_OF_PHOTOS
        sentence = f"{found.left / 1e9:.1f} GB are left: some {hours:.0f} hours of a photo a minute."
        if hours < LEAST_HOURS:
            return "fail", f"{sentence} Wipe an older event, or raise retention.quota_gb.", None
        return "ok", sentence, None

    def _clock(self) -> tuple[str, str, str | None]:
        said = f"It says {time.strftime('%Y-%m-%d %H:%M')}."
        if wall_clock_is_set():
            return "ok", f"{said} The network has set it.", None
        return "warn", f"{said} No network has set it: is that right? Photos are named by it.", None


def picture() -> bytes:
    """A built-in equirectangular JPEG with something in it to dream of: hills under a sky with clouds."""
    row, column = np.mgrid[0 : WIDTH // 2, 0:WIDTH].astype(np.float32)
    around = column / WIDTH * 2 * np.pi
    hills = WIDTH / 4 + 20 * np.sin(3 * around) + 9 * np.sin(11 * around + 1)
    waves = np.sin(5 * around + row / 17) * np.sin(9 * around - row / 11) + np.sin(23 * around) * np.sin(row / 5)
    sky = np.stack([90 + 40 * waves, 130 + 35 * waves, 190 + 25 * waves], axis=-1)
    ground = np.stack([80 + 30 * waves, 110 + 35 * waves, 60 + 20 * waves], axis=-1)
    pixels = np.where((row > hills)[..., None], ground, sky).clip(0, 255).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def _forget(library: Library, token: str) -> None:
    """Remove the rehearsal's photo without a tombstone."""
    library.bury(token, "deleted")
    with library.writing() as connection:
        connection.execute("DELETE FROM photos WHERE token = ?", (token,))

"""Another guest: brings photos, watches one, looks around in it: `guest HOST PORT SECONDS TOKEN PHOTO ADDRESS`.

Prints as JSON how long the answers took ({"worst": {kind: seconds}, "answers": number}), what went wrong, and the
tokens of the photos that were brought. Only the standard library.
"""

from __future__ import annotations

import http.client
import json
import sys
import threading
import time
from pathlib import Path


class Guest:
    def __init__(self, host: str, port: int, seconds: float, token: str, photo: bytes, address: str) -> None:
        self.host, self.port, self.address = host, port, address
        self.seconds = seconds
        self.until = time.monotonic() + 60
        self.token, self.photo = token, photo
        self.worst: dict[str, float] = {}
        self.answers = 0
        self.wrong: list[str] = []
        self.brought: list[str] = []
        self.events = 0
        self.watching = threading.Event()
        self.looked = threading.Event()
        self._lock = threading.Lock()

    @property
    def on(self) -> bool:
        return time.monotonic() < self.until

    def connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self.host, self.port, timeout=60, source_address=(self.address, 0))

    def ask(self, kind: str, method: str, path: str, body: bytes | None = None, kept=None, **headers: str) -> bytes:
        """The answer's body, timed from before the connection to the last byte."""
        started = time.monotonic()
        line = kept or self.connection()
        try:
            line.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
            response = line.getresponse()
            text = response.read()
            if response.status >= 400 and response.status != 429:
                self.wrong.append(f"{kind}: {response.status} {text[:100]!r}")
        except OSError as error:
            self.wrong.append(f"{kind}: {error!r} after {time.monotonic() - started:.1f} s")
            text = b""
        except http.client.HTTPException as error:
            self.wrong.append(f"{kind}: {error!r}")
            text = b""
        finally:
            if not kept:
                line.close()
        took = time.monotonic() - started
        with self._lock:
            self.answers += 1
            self.worst[kind] = max(self.worst.get(kind, 0.0), took)
        return text

    def look_around(self) -> None:
        self.watching.wait(60)
        kept = self.connection()
        turn = 0.0
        while self.on:
            turn += 0.1
            self.ask("status", "GET", f"/api/photos/{self.token}")
            self.ask("page", "GET", f"/v/{self.token}")
            self.ask("picture", "GET", f"/photos/{self.token}/original.jpg")
            self.ask("kept", "GET", "/api/kiosk", kept=kept)
            gaze = json.dumps({"id": "guest-0000000000", "yaw": turn % 3, "pitch": 0.1}).encode()
            self.ask("room", "POST", f"/api/photos/{self.token}/room", gaze, Content_Type="application/json")
            time.sleep(0.1)
        self.looked.set()

    def watch(self) -> None:
        line = self.connection()
        try:
            line.request("GET", f"/api/photos/{self.token}/events")
            started = time.monotonic()
            response = line.getresponse()
            if response.status != 200:
                self.wrong.append(f"watch: {response.status}")
                return
            self.worst["watch"] = time.monotonic() - started
            # Its time begins when it has got in, however busy the machine is.
            self.until = time.monotonic() + self.seconds
            self.watching.set()
            while self.on:
                if line.sock:
                    line.sock.settimeout(max(0.5, self.until - time.monotonic()))
                try:
                    if not response.fp.readline():
                        self.wrong.append("watch: the stream ended")
                        return
                    self.events += 1
                except TimeoutError:
                    return
        except OSError as error:
            self.wrong.append(f"watch: {error!r}")
        finally:
            # Who looks around must be listening, until the last gaze.
            self.looked.wait(60)
            line.close()

    def bring(self) -> None:
        self.watching.wait(60)
        while self.on:
            body = (
                b'--x\r\nContent-Disposition: form-data; name="photo"; filename="a.jpg"\r\n\r\n'
                + self.photo
                + b"\r\n--x--\r\n"
            )
            text = self.ask("upload", "POST", "/api/photos", body, Content_Type="multipart/form-data; boundary=x")
            if b"token" in text:
                self.brought.append(json.loads(text)["token"])
            time.sleep(1.5)

    def run(self) -> dict[str, object]:
        deeds = [threading.Thread(target=deed) for deed in (self.watch, self.look_around, self.bring)]
        for deed in deeds:
            deed.start()
        for deed in deeds:
            deed.join()
        return {
            "worst": {kind: round(took, 3) for kind, took in self.worst.items()},
            "answers": self.answers,
            "wrong": self.wrong,
            "brought": self.brought,
            "events": self.events,
        }


def main(host: str, port: str, seconds: str, token: str, photo: str, address: str) -> None:
    guest = Guest(host, int(port), float(seconds), token, Path(photo).read_bytes(), address)
    print(json.dumps(guest.run()))


if __name__ == "__main__":
    main(*sys.argv[1:])

"""What a guest waits for: `python -m tests.bench.guest_waits URL PICTURE ...` sends pictures to a running kiosk, one
after another, and prints the seconds from sending each to the answer (with its small sphere), to the first dreamed
preview, and until it is ready."""

from __future__ import annotations

import argparse
import json
import time
import urllib.request
import uuid
from pathlib import Path
from typing import Any

POLL_SECONDS = 0.05


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", help="the kiosk, such as http://127.0.0.1:8360")
    parser.add_argument("pictures", nargs="+", type=Path)
    arguments = parser.parse_args()
    print("| picture | kind | answer | first preview | ready |\n|---|---|---|---|---|")
    for picture in arguments.pictures:
        print(f"| {picture.stem} | {' | '.join(waits(arguments.url, picture))} |", flush=True)


def waits(url: str, picture: Path) -> list[str]:
    """What the kiosk says that the picture is, and the seconds to each step, as text. Raises OSError if it is refused,
    and RuntimeError if it fails."""
    began = time.monotonic()
    sent = answer(upload(url, picture))
    seconds = {"answer": time.monotonic() - began}
    while True:
        status = answer(urllib.request.Request(url + sent["status_url"]))
        now = time.monotonic() - began
        if status["state"] == "failed":
            raise RuntimeError(status["error"]["message"])
        if status["images"]["previews"]:
            seconds.setdefault("preview", now)
        if status["state"] == "ready":
            seconds["ready"] = now
            return [sent["kind"], *(f"{value:.2f} s" for value in seconds.values())]
        time.sleep(POLL_SECONDS)


def upload(url: str, picture: Path) -> urllib.request.Request:
    line = uuid.uuid4().hex
    head = f'--{line}\r\nContent-Disposition: form-data; name="photo"; filename="{picture.name}"\r\n\r\n'
    body = head.encode() + picture.read_bytes() + f"\r\n--{line}--\r\n".encode()
    return urllib.request.Request(f"{url}/api/photos", body, {"Content-Type": f"multipart/form-data; boundary={line}"})


def answer(request: urllib.request.Request) -> dict[str, Any]:
    with urllib.request.urlopen(request) as response:
        return json.load(response)


if __name__ == "__main__":
    main()

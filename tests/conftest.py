"""What several tests need: data folders that leave nothing behind, photos, a real server in its own process."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import io
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from kiosk.storage import DataFolder
from tests import beside

SERVE = """
import importlib, json, logging, sys
from pathlib import Path
from kiosk.server.app import create_app
from kiosk.server.http.serve import serve
from kiosk.storage import DataFolder

options = json.loads(sys.argv[1])
logging.basicConfig(level=logging.WARNING)
for name, value in options.get("constants", {}).items():
    module, _, constant = name.rpartition(".")
    module = importlib.import_module(module)
    assert type(getattr(module, constant)) is type(value)
    setattr(module, constant, value)
app = create_app(DataFolder(Path(options["data"])), **options["app"])
more = {name: Path(value) if name.endswith("file") else value for name, value in options["serve"].items()}
serve(app, options["host"], 0, on_ready=lambda *ports: print(json.dumps(ports), flush=True), **more)
"""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--kills", type=int, default=6, help="how often to kill what must survive it (a long run: 50)")
    parser.addoption("--attacks", choices=("some", "all"), default="some", help="attacks of a hostile guest to run")
    parser.addoption("--http-mutations", type=int, default=2000, help="changed HTTP requests to send (all: 20000)")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A browser that draws without a graphics card is slow in every test, and a stalled machine may stall it for good,
    as it may a guest beside a hostile one.

    Such a test runs once more after it fails; pytest's closing lines name what ran twice, for somebody to look into.
    """
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker("slow")
        if item.get_closest_marker("browser") or item.path.name == "test_hostile.py":
            item.add_marker(pytest.mark.flaky(reruns=1))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> beside.ByFile:
    return beside.ByFile(config, log)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Around everything else, so that waiting counts as no test's time."""
    folder = beside.folder_of(item.config)
    with beside.turn(folder, bool(item.get_closest_marker("alone"))) if folder else contextlib.nullcontext():
        return (yield)


@pytest.fixture(scope="session")
def kills(request: pytest.FixtureRequest) -> int:
    """How often to kill what must survive it."""
    return request.config.getoption("--kills")


@pytest.fixture(scope="session", autouse=True)
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The runtime folder of every test that makes none of its own, so that nothing stays in /dev/shm."""
    folder = tmp_path_factory.mktemp("runtime")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DREAMKIOSK_RUNTIME", str(folder))
        yield folder


@pytest.fixture(autouse=True)
def no_event_loop_of_the_browser(request: pytest.FixtureRequest) -> Iterator[None]:
    """Playwright's event loop counts as running in this thread for as long as its browser is open, and zeroconf
    refuses to wait inside a running one: tests without a browser do not see it."""
    if request.node.get_closest_marker("browser"):
        yield
        return
    running = asyncio._get_running_loop()
    asyncio._set_running_loop(None)
    yield
    asyncio._set_running_loop(running)


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DataFolder:
    """An empty data folder; its runtime folder is beside it, so that nothing stays in /dev/shm."""
    monkeypatch.setenv("DREAMKIOSK_RUNTIME", str(tmp_path / "runtime"))
    return DataFolder(tmp_path / "data")


@pytest.fixture(scope="session")
def photo_bytes() -> bytes:
    """A small equirectangular JPEG with some texture."""
    rows, columns = np.mgrid[0:256, 0:512]
    picture = np.stack([columns // 2, rows, (columns ^ rows) & 255], axis=-1).astype(np.uint8)
    return as_bytes(Image.fromarray(picture), "JPEG", quality=90)


def as_bytes(picture: Image.Image, form: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, form, **options)
    return buffer.getvalue()


@dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Server:
    """A running server and a plain client of it."""

    data: DataFolder
    process: subprocess.Popen[str]
    port: int
    tls_port: int = 0
    host: str = "127.0.0.1"
    streams: list[http.client.HTTPConnection] = field(default_factory=list)

    def request(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None, timeout: float = 60
    ) -> Answer:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=timeout)
        with contextlib.closing(connection):
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())

    def get(self, path: str, headers: dict[str, str] | None = None) -> Answer:
        return self.request("GET", path, headers=headers)

    def upload(self, photo: bytes, name: str = "photo.jpg", field: str = "photo", **fields: str) -> Answer:
        boundary = secrets.token_hex(16)
        parts = [
            f'--{boundary}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode()
            for key, value in fields.items()
        ]
        head = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"; filename="{name}"\r\n'
            "Content-Type: image/jpeg\r\n\r\n"
        )
        body = b"".join([*parts, head.encode(), photo, f"\r\n--{boundary}--\r\n".encode()])
        return self.request("POST", "/api/photos", body, {"Content-Type": f"multipart/form-data; boundary={boundary}"})

    def events(self, path: str, timeout: float = 60) -> Iterator[tuple[str, Any]]:
        """(event, data) of a stream as they come; ends when the server closes it."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=timeout)
        self.streams.append(connection)
        connection.request("GET", path, headers={"Accept": "text/event-stream"})
        response = connection.getresponse()
        assert response.status == 200, response.read()
        event = ""
        while line := response.readline():
            text = line.decode().rstrip("\n")
            if text.startswith("event: "):
                event = text.removeprefix("event: ")
            elif text.startswith("data: "):
                yield event, json.loads(text.removeprefix("data: "))

    def stop(self) -> int:
        for stream in self.streams:
            stream.close()
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


@pytest.fixture(scope="session")
def free_ports() -> Callable[[int], list[int]]:
    """A function that gives so many ports that nobody listens on."""

    def find(count: int) -> list[int]:
        with contextlib.ExitStack() as stack:
            probes = [stack.enter_context(socket.create_server(("", 0))) for _ in range(count)]
            return [probe.getsockname()[1] for probe in probes]

    return find


@pytest.fixture(scope="session")
def client_of() -> type[Server]:
    """A plain client of a kiosk that a test started itself: `client_of(data, process, port)`."""
    return Server


@pytest.fixture(scope="module")
def start_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Server]]:
    """A function that starts a server in a process of its own, on any free port; all are stopped at the end.

    `data`: its folder, a fresh one by default. `host`, and everything that create_app and serve take by name.
    `constants`: times in seconds of the kiosk's modules that this server shortens, by their full names.
    """
    started: list[Server] = []

    def start(
        data: DataFolder | None = None,
        host: str = "127.0.0.1",
        serve: dict | None = None,
        constants: dict[str, float] | None = None,
        **app: Any,
    ) -> Server:
        data = data or DataFolder(tmp_path_factory.mktemp("kiosk") / "data")
        options = {"data": str(data.root), "host": host, "app": app, "serve": serve or {}, "constants": constants or {}}
        process = subprocess.Popen(
            [sys.executable, "-c", SERVE, json.dumps(options)],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "DREAMKIOSK_RUNTIME": str(data.root.parent / "runtime")},
        )
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, f"the server did not start, exit status {process.wait(60)}"
        port, tls_port = json.loads(line)
        started.append(Server(data, process, port, tls_port))
        return started[-1]

    yield start
    for server in started:
        if server.process.poll() is None:
            server.stop()
        if server.process.stdout:
            server.process.stdout.close()


@pytest.fixture(scope="module")
def server(start_server: Callable[..., Server]) -> Server:
    """One server for all tests of a module; its limit on uploads is out of the way."""
    return start_server(uploads_per_address="1000 per second")

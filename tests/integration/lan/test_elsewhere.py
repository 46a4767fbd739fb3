"""A private network in which the kiosk's address really changes: two hosts on one wire, each a network namespace.

One host runs the kiosk's announcing process, the other an independent mDNS browser. These tests need permission to
create namespaces; without it, only the tests that simulate a change of address remain.
"""

from __future__ import annotations

import contextlib
import json
import queue
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.waiting import LONGEST

KIOSK = """
import sys, threading
from pathlib import Path
from kiosk.ops.announce import announce
from kiosk.settings import Settings
from kiosk.storage import DataFolder
data = DataFolder(Path(sys.argv[1]))
data.prepare()
announce(data, Settings.model_validate({"network": {"name": "Test Kiosk G", "port": 18360, "tls_port": 18361}}),
         threading.Event())
"""

BROWSER = """
import json, time
from zeroconf import IPVersion, ServiceBrowser, Zeroconf
zeroconf = Zeroconf(ip_version=IPVersion.V4Only)
seen = set()
class Listener:
    def add_service(self, _, service, name): seen.add((service, name))
    def update_service(self, *_): pass
    def remove_service(self, *_): pass
ServiceBrowser(zeroconf, ["_http._tcp.local.", "_https._tcp.local."], Listener())
# Again and again: what an announcement replaces may be forgotten a second later only (RFC 6762, section 10.2).
while True:
    for service, name in sorted(seen):
        info = zeroconf.get_service_info(service, name, timeout=3000)
        if info:
            print(json.dumps([service.split(".")[0], info.parsed_addresses(), info.port]), flush=True)
    time.sleep(0.5)
"""

SERVER = """
import sys
from pathlib import Path
from kiosk.server.app import create_app
from kiosk.server.http.serve import serve
from kiosk.storage import DataFolder
serve(create_app(DataFolder(Path(sys.argv[1]))), "0.0.0.0", 0, on_ready=lambda *ports: print(ports[0], flush=True))
"""

ASK = """
import sys, urllib.request
print(urllib.request.urlopen(sys.argv[1], timeout=200).read().decode())
"""

CERTIFIED = """
import sys
from cryptography import x509
leaf = x509.load_pem_x509_certificate(open(sys.argv[1], "rb").read())
names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
print(*names.get_values_for_type(x509.IPAddress))
"""


class Host:
    """One end of a wire, in a network namespace that lives as long as its first process."""

    def __init__(self) -> None:
        self.keeper = subprocess.Popen(
            ["unshare", "--net", "sh", "-c", "echo; exec sleep 600"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        assert self.keeper.stdout is not None
        self.started = bool(self.keeper.stdout.readline())
        self.inside = ["nsenter", "--net", "--target", str(self.keeper.pid)]
        self.processes: list[subprocess.Popen[str]] = [self.keeper]

    def ip(self, *arguments: str) -> bool:
        return subprocess.run([*self.inside, "ip", *arguments], capture_output=True, check=False).returncode == 0

    def addresses(self) -> str:
        return subprocess.run([*self.inside, "ip", "addr"], capture_output=True, text=True, check=True).stdout

    def run(self, code: str, *arguments: str) -> subprocess.Popen[str]:
        command = [*self.inside, sys.executable, "-c", code, *arguments]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.processes.append(process)
        return process

    def close(self) -> None:
        for process in reversed(self.processes):
            process.kill()
            process.wait(60)
            for pipe in (process.stdin, process.stdout):
                if pipe:
                    pipe.close()


@pytest.fixture
def wire() -> Iterator[tuple[Host, Host]]:
    """Two hosts, 10.81.0.1 and 10.81.0.9, connected."""
    if not all(shutil.which(tool) for tool in ("unshare", "nsenter", "ip")):
        pytest.skip("no tools for network namespaces")
    with contextlib.ExitStack() as stack:
        hosts = Host(), Host()
        for host in hosts:
            stack.callback(host.close)
        kiosk, phone = hosts
        if not (
            kiosk.started
            and phone.started
            and kiosk.ip("link", "add", "wlan0", "type", "veth", "peer", "name", "eth0", "netns", str(phone.keeper.pid))
        ):
            pytest.skip("no right to make a network")
        for host, link, address in ((kiosk, "wlan0", "10.81.0.1/24"), (phone, "eth0", "10.81.0.9/24")):
            for command in (f"link set lo up|link set {link} up|addr add {address} dev {link}").split("|"):
                assert host.ip(*command.split()), command
            assert host.ip("route", "add", "224.0.0.0/4", "dev", link)
        yield hosts


@pytest.mark.slow
def test_a_browser_on_another_host_follows_the_kiosk_to_its_new_address(
    wire: tuple[Host, Host], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DREAMKIOSK_RUNTIME", str(tmp_path / "runtime"))
    host, phone = wire
    seen: queue.Queue[Any] = queue.Queue()
    browser = phone.run(BROWSER)

    def read() -> None:
        assert browser.stdout is not None
        for line in browser.stdout:
            seen.put(json.loads(line))

    threading.Thread(target=read, daemon=True).start()

    def found(address: str, seconds: float = LONGEST) -> set[str]:
        """The services seen at an address with the right port."""
        services: set[str] = set()
        until = time.monotonic() + seconds
        while len(services) < 2 and time.monotonic() < until:
            with contextlib.suppress(queue.Empty):
                service, addresses, port = seen.get(timeout=1)
                if addresses == [address]:
                    assert port == {"_http": 18360, "_https": 18361}[service]
                    services.add(service)
        return services

    host.run(KIOSK, str(tmp_path / "data"))
    assert found("10.81.0.1") == {"_http", "_https"}
    # The router gives the kiosk another address.
    assert host.ip("addr", "del", "10.81.0.1/24", "dev", "wlan0")
    assert host.ip("addr", "add", "10.81.0.77/24", "dev", "wlan0")
    host.ip("route", "add", "224.0.0.0/4", "dev", "wlan0")
    assert found("10.81.0.77") == {"_http", "_https"}
    certificate = tmp_path / "data" / "certificates" / "server.pem"
    names = subprocess.run(
        [sys.executable, "-c", CERTIFIED, str(certificate)], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "10.81.0.77" in names
    assert certificate.with_name("authority.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.slow
def test_a_phone_opens_the_address_that_the_codes_carry_before_and_after_it_changes(
    wire: tuple[Host, Host], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DREAMKIOSK_RUNTIME", str(tmp_path / "runtime"))
    host, phone = wire
    server = host.run(SERVER, str(tmp_path / "data"))
    assert server.stdout is not None
    port = int(server.stdout.readline())

    def asked(path: str, address: str) -> str:
        asker = phone.run(ASK, f"http://{address}:{port}{path}")
        assert asker.stdout is not None
        return asker.stdout.read()

    codes = set()
    for address in ("10.81.0.1", "10.81.0.77"):
        if address not in host.addresses():
            assert host.ip("addr", "del", "10.81.0.1/24", "dev", "wlan0")
            assert host.ip("addr", "add", f"{address}/24", "dev", "wlan0")
        assert json.loads(asked("/api/kiosk", address))["guest_url"] == f"http://{address}:{port}/"
        codes.add(asked("/qr/kiosk.svg", address))
    assert len(codes) == 2

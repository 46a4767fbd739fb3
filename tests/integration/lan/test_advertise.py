"""mDNS, watched by a browser in another process."""

import json
import queue
import secrets
import subprocess
import sys
import threading
import time

import pytest

from kiosk.lan.addresses import guest_address
from kiosk.lan.advertise import Advertiser, host_label, host_names
from tests.waiting import LONGEST

OWN = secrets.token_hex(3)
"""Part of every announced name, because another test run may be on the same network."""

BROWSER = """
import json, sys
from zeroconf import IPVersion, ServiceBrowser, Zeroconf
zeroconf = Zeroconf(interfaces=json.loads(sys.argv[1]), ip_version=IPVersion.V4Only)
def say(event, service, name):
    info = zeroconf.get_service_info(service, name, timeout=30_000) if event != "removed" else None
    line = {"event": event, "service": service, "name": name.removesuffix("." + service)}
    if info:
        line |= {"addresses": info.parsed_addresses(), "port": info.port, "server": info.server,
                 "txt": {k.decode(): v.decode() for k, v in info.properties.items() if v is not None}}
    print(json.dumps(line), flush=True)
class Listener:
    def add_service(self, _, service, name): say("added", service, name)
    def update_service(self, _, service, name): say("updated", service, name)
    def remove_service(self, _, service, name): say("removed", service, name)
ServiceBrowser(zeroconf, ["_http._tcp.local.", "_https._tcp.local."], Listener())
print("{}", flush=True)
sys.stdin.read()
zeroconf.close()
"""


class Browser:
    """What an mDNS browser in its own process reports, one event at a time."""

    def __init__(self, interfaces):
        self.process = subprocess.Popen(
            [sys.executable, "-c", BROWSER, json.dumps(interfaces)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.events = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        self.events.get(timeout=LONGEST)  # it is browsing

    def _read(self):
        for line in self.process.stdout:
            self.events.put(json.loads(line))

    def wait_for(self, seconds=LONGEST, **expected):
        end = time.monotonic() + seconds
        seen = []
        while time.monotonic() < end:
            try:
                event = self.events.get(timeout=max(0.0, end - time.monotonic()))
            except queue.Empty:
                break
            seen.append(event)
            if all(event.get(key) == value for key, value in expected.items()):
                return event
        raise AssertionError(f"no event with {expected}; seen: {seen}")

    def close(self):
        self.process.stdin.close()
        self.process.wait(timeout=LONGEST)


@pytest.fixture
def browser():
    browser = Browser(["127.0.0.1"])
    yield browser
    browser.close()


@pytest.mark.slow
def test_a_browser_in_another_process_finds_both_services_and_their_end(browser):
    with Advertiser(f"Test Kiosk A {OWN}", 18360, 18361, version="9.9") as advertiser:
        assert advertiser.announce("127.0.0.1") == f"test-kiosk-a-{OWN}.local"
        found = [browser.wait_for(event="added", name=f"Test Kiosk A {OWN}") for _ in range(2)]
    assert {(event["service"], event["port"]) for event in found} == {
        ("_http._tcp.local.", 18360),
        ("_https._tcp.local.", 18361),
    }
    for event in found:
        assert event["addresses"] == ["127.0.0.1"]
        assert event["txt"] == {"path": "/", "version": "9.9"}
        assert event["server"] == f"test-kiosk-a-{OWN}.local."
    browser.wait_for(event="removed", name=f"Test Kiosk A {OWN}")


@pytest.mark.slow
def test_a_browser_follows_a_change_of_address(browser):
    elsewhere = guest_address()
    if elsewhere == "127.0.0.1":
        pytest.skip("this machine has only the loopback")
    with Advertiser(f"Test Kiosk B {OWN}", 18360) as advertiser:
        advertiser.announce("127.0.0.1")
        browser.wait_for(event="added", name=f"Test Kiosk B {OWN}", addresses=["127.0.0.1"])
        advertiser.announce(elsewhere)
        browser.wait_for(name=f"Test Kiosk B {OWN}", addresses=[elsewhere])


@pytest.mark.slow
def test_the_second_kiosk_of_a_name_gets_a_suffix(browser):
    with Advertiser(f"Test Kiosk C {OWN}", 18360) as first, Advertiser(f"Test Kiosk C {OWN}", 18370) as second:
        first.announce("127.0.0.1")
        browser.wait_for(event="added", name=f"Test Kiosk C {OWN}")
        # Same machine, same address: told apart by the port; another host answers with another address.
        second.announce("127.0.0.1")
        browser.wait_for(event="added", name=f"Test Kiosk C {OWN}-2")


@pytest.mark.slow
def test_without_tls_only_http_is_announced(browser):
    with Advertiser(f"Test Kiosk D {OWN}", 18360, tls_port=0) as advertiser:
        advertiser.announce("127.0.0.1")
        assert browser.wait_for(event="added", name=f"Test Kiosk D {OWN}")["service"] == "_http._tcp.local."
        with pytest.raises(AssertionError):
            browser.wait_for(seconds=1.5, event="added", name=f"Test Kiosk D {OWN}", service="_https._tcp.local.")


@pytest.mark.slow
def test_closing_twice_is_harmless():
    advertiser = Advertiser(f"Test Kiosk E {OWN}", 18360)
    advertiser.announce("127.0.0.1")
    advertiser.close()
    advertiser.close()


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("Dream Kiosk", "dream-kiosk"),
        ("  Ünï!  ", "n"),
        ("夢", "dream-kiosk"),
        ("x" * 63, "x" * 56),
        ("A.b_c", "a-b-c"),
    ],
)
def test_a_name_becomes_a_host_label(name, label):
    assert host_label(name) == label
    assert all(len(host.removesuffix(".local")) <= 63 for host in host_names(name))

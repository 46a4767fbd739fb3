"""The announcing process: a change of address reaches the certificate and the network within seconds."""

import ipaddress
import threading
import time

import pytest
from cryptography import x509
from zeroconf import DNSQuestionType, IPVersion, ServiceInfo, Zeroconf

from kiosk.lan.addresses import guest_address
from kiosk.lan.advertise import HTTP
from kiosk.library import heartbeat
from kiosk.ops.announce import announce
from kiosk.settings import Settings

SETTINGS = Settings.model_validate({"network": {"name": "Test Kiosk F", "port": 18360, "tls_port": 18361}})


def certified(data):
    try:
        leaf = x509.load_pem_x509_certificate((data.certificates / "server.pem").read_bytes())
    except FileNotFoundError:
        return []
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return [str(address) for address in names.get_values_for_type(x509.IPAddress)]


def announced():
    zeroconf = Zeroconf(interfaces=["127.0.0.1"], ip_version=IPVersion.V4Only)
    try:
        info = ServiceInfo(HTTP, f"Test Kiosk F.{HTTP}")
        found = info.request(zeroconf, timeout=1500, question_type=DNSQuestionType.QM)
        return info.parsed_addresses() if found else []
    finally:
        zeroconf.close()


def wait_until(condition, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.1)
    return False


def test_certificate_and_announcement_follow_the_address(data, monkeypatch):
    elsewhere = guest_address()
    if ipaddress.ip_address(elsewhere).is_loopback:
        pytest.skip("this machine has only the loopback")
    now = ["127.0.0.1"]
    monkeypatch.setattr("kiosk.ops.announce.guest_address", lambda interface=None: now[0])
    data.prepare()
    stop = threading.Event()
    thread = threading.Thread(target=announce, args=(data, SETTINGS, stop))
    thread.start()
    try:
        assert wait_until(lambda: announced() == ["127.0.0.1"], 60)
        assert certified(data) == ["127.0.0.1"]
        now[0] = elsewhere
        assert wait_until(lambda: elsewhere in certified(data), 60)
        assert wait_until(lambda: announced() == [elsewhere], 60)
        assert heartbeat.age(data, "lan") < 60
    finally:
        stop.set()
        thread.join(60)
    assert announced() == []

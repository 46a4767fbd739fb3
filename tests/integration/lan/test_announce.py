"""The announcing process: a change of address reaches the certificate and the network within seconds."""

import ipaddress
import secrets
import threading

import pytest
from cryptography import x509
from zeroconf import DNSQuestionType, IPVersion, ServiceInfo, Zeroconf

from kiosk.lan.addresses import guest_address
from kiosk.lan.advertise import HTTP
from kiosk.library import heartbeat
from kiosk.ops.announce import announce
from kiosk.settings import Settings
from tests.waiting import LONGEST, until

NAME = f"Test Kiosk {secrets.token_hex(3)}"
SETTINGS = Settings.model_validate({"network": {"name": NAME, "port": 18360, "tls_port": 18361}})


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
        info = ServiceInfo(HTTP, f"{NAME}.{HTTP}")
        found = info.request(zeroconf, timeout=1500, question_type=DNSQuestionType.QM)
        return info.parsed_addresses() if found else []
    finally:
        zeroconf.close()


@pytest.mark.slow
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
        until(lambda: announced() == ["127.0.0.1"])
        assert certified(data) == ["127.0.0.1"]
        now[0] = elsewhere
        until(lambda: elsewhere in certified(data))
        until(lambda: announced() == [elsewhere])
        assert heartbeat.age(data, "lan") is not None
    finally:
        stop.set()
        thread.join(LONGEST)
    assert not thread.is_alive()
    assert announced() == []

"""Which of a machine's addresses goes into the QR code."""

import ipaddress

import pytest

from kiosk.lan.addresses import Interface, address_for_url, choose, guest_address, guest_url, interfaces

LOOP = Interface("lo", "127.0.0.1", 8)
WIRE = Interface("eth0", "192.168.1.20", 24)
WIFI = Interface("wlan0", "10.42.0.1", 24)
DOCKER = Interface("docker0", "172.17.0.1", 16)
PUBLIC = Interface("eth1", "8.8.4.4", 24)


@pytest.mark.parametrize(
    ("found", "interface", "default_route", "address"),
    [
        pytest.param((LOOP, WIRE, WIFI), "wlan0", "192.168.1.20", "10.42.0.1", id="the operator's interface wins"),
        pytest.param((LOOP, WIRE, WIFI), "10.42.0.1", "192.168.1.20", "10.42.0.1", id="an address names one too"),
        pytest.param((LOOP, WIRE, WIFI), None, "192.168.1.20", "192.168.1.20", id="else the default route's"),
        pytest.param(
            (LOOP, WIRE), "wlan0", "192.168.1.20", "192.168.1.20", id="an interface that is down is passed over"
        ),
        pytest.param((LOOP, DOCKER, WIFI), None, None, "10.42.0.1", id="bridges of containers come last"),
        pytest.param((LOOP, PUBLIC, WIFI), None, None, "10.42.0.1", id="private before public"),
        pytest.param((LOOP, PUBLIC), None, None, "8.8.4.4", id="public before nothing"),
        pytest.param((LOOP,), None, None, "127.0.0.1", id="alone: loopback"),
        pytest.param((), None, None, "127.0.0.1", id="not even that"),
        pytest.param((LOOP, WIRE), None, "203.0.113.77", "192.168.1.20", id="a route address that no interface has"),
    ],
)
def test_the_address_follows_the_interface_the_guests_are_on(found, interface, default_route, address):
    assert choose(found, interface, default_route) == address


def test_on_this_machine_it_is_a_literal_address_of_an_interface():
    address = guest_address()
    assert ipaddress.IPv4Address(address)
    assert address == "127.0.0.1" or address in {found.address for found in interfaces()}


def test_naming_the_loopback_gives_the_loopback():
    assert guest_address("lo") == "127.0.0.1"


def test_what_guests_open_is_the_address_listened_on_where_it_is_one_of_ours() -> None:
    for everywhere in ("", "0.0.0.0", "::", "kiosk.local"):
        assert address_for_url(everywhere) == guest_address()
    for one in interfaces():
        assert address_for_url(one.address) == one.address
    assert address_for_url("203.0.113.7") == guest_address(), "nobody has it"
    assert address_for_url("::1") == "[::1]"


def test_what_guests_open_has_scheme_port_and_path() -> None:
    assert guest_url("localhost", 8360) == "http://localhost:8360/"
    assert guest_url("127.0.0.1", 8361, "/v/abc", scheme="https") == "https://127.0.0.1:8361/v/abc"
    assert guest_url("::1", 80, "/booth") == "http://[::1]:80/booth"
    assert guest_url("0.0.0.0", 80, interface="127.0.0.1") == "http://127.0.0.1:80/"

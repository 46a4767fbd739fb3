"""Watchdog messages to systemd: over a real socket, and only on progress."""

import socket

import pytest

from kiosk.ops.notify import notify, watchdog_interval
from kiosk.ops.watchdog import Watchdog


@pytest.fixture(params=["path", "abstract"])
def systemd(request, tmp_path, monkeypatch):
    name = str(tmp_path / "notify") if request.param == "path" else f"\0dreamkiosk-test-{id(tmp_path)}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(name)
        listener.settimeout(60)
        monkeypatch.setenv("NOTIFY_SOCKET", name.replace("\0", "@"))
        yield listener


def test_lines_arrive_in_one_datagram(systemd):
    assert notify("READY=1", "STATUS=Träumt.")
    assert systemd.recv(1000).decode() == "READY=1\nSTATUS=Träumt."


def test_without_systemd_nothing_is_sent(monkeypatch):
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    assert not notify("READY=1")


def test_a_socket_that_is_gone_is_no_error(monkeypatch, tmp_path):
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))
    assert not notify("READY=1")


@pytest.mark.parametrize(
    ("usec", "pid", "seconds"),
    [("60000000", None, 30.0), ("60000000", "1", None), (None, None, None), ("soon", None, None), ("0", None, None)],
)
def test_the_interval_is_half_of_what_systemd_expects(monkeypatch, usec, pid, seconds):
    for name, value in (("WATCHDOG_USEC", usec), ("WATCHDOG_PID", pid)):
        monkeypatch.delenv(name, raising=False)
        if value is not None:
            monkeypatch.setenv(name, value)
    assert watchdog_interval() == seconds


def make(idle, clock, sent):
    return Watchdog(
        idle.__getitem__, {"server": 60, "worker": 120}, lambda *a: not sent.append(a), 10, lambda: clock[0]
    )


def test_it_is_fed_at_the_interval_while_everybody_gets_on():
    clock, sent = [0.0], []
    dog = make({"server": 1, "worker": 1}, clock, sent)
    for second in range(30):
        clock[0] = second
        dog.feed()
    assert sent == [("WATCHDOG=1",)] * 3


@pytest.mark.parametrize("idle", [{"server": 61, "worker": 1}, {"server": 1, "worker": 121}])
def test_it_starves_when_one_of_them_stands_still(idle):
    sent = []
    dog = make(idle, [0.0], sent)
    assert not dog.feed()
    assert not sent
    assert len(dog.stuck()) == 1

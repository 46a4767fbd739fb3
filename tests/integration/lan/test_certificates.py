"""The https certificate, on real sockets and through two independent verifiers."""

import datetime
import ipaddress
import socket
import ssl
import stat
import threading

import pytest
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store

from kiosk.errors import BadInput
from kiosk.lan.advertise import host_names
from kiosk.lan.certificates import ensure_certificate

NAMES = host_names("Dream Kiosk")
DAY = datetime.timedelta(days=1)


def now():
    return datetime.datetime.now(datetime.timezone.utc)


def shake_hands(files, host, trust):
    """A TLS handshake over a real loopback socket; the client trusts `trust` and expects `host`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        connection, _ = listener.accept()
        with connection:
            try:
                with context.wrap_socket(connection, server_side=True) as tls:
                    tls.sendall(b"hello")
            except ssl.SSLError:
                pass

    thread = threading.Thread(target=serve)
    thread.start()
    client = ssl.create_default_context(cafile=str(trust))
    try:
        with (
            socket.create_connection(listener.getsockname(), timeout=60) as raw,
            client.wrap_socket(raw, server_hostname=host) as tls,
        ):
            return tls.recv(5)
    finally:
        thread.join()
        listener.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "192.168.4.1", "localhost", "dream-kiosk.local", "dream-kiosk-2.local"])
def test_a_device_that_trusts_the_authority_connects(tmp_path, host):
    files = ensure_certificate(tmp_path, ["192.168.4.1"], NAMES)
    assert shake_hands(files, host, files.authority) == b"hello"


@pytest.mark.parametrize("host", ["192.168.4.2", "example.com"])
def test_for_any_other_address_it_does_not(tmp_path, host):
    files = ensure_certificate(tmp_path, ["192.168.4.1"], NAMES)
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(files, host, files.authority)


def test_the_chain_verifies_with_cryptography(tmp_path):
    files = ensure_certificate(tmp_path, ["192.168.4.1"], NAMES)
    leaf, authority = x509.load_pem_x509_certificates(files.certificate.read_bytes())
    verifier = PolicyBuilder().store(Store([authority])).time(now())
    verifier.build_server_verifier(x509.DNSName("dream-kiosk.local")).verify(leaf, [])
    verifier.build_server_verifier(x509.IPAddress(ipaddress.ip_address("192.168.4.1"))).verify(leaf, [])


def test_the_authority_cannot_vouch_for_the_internet(tmp_path, monkeypatch):
    """A certificate for a public name is refused, even if it is signed with the authority's key."""
    files = ensure_certificate(tmp_path, [], ["example.com"])
    with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree"):
        shake_hands(files, "example.com", files.authority)


def test_a_public_address_is_left_out(tmp_path, caplog):
    files = ensure_certificate(tmp_path, ["8.8.8.8"], NAMES)
    leaf = x509.load_pem_x509_certificate(files.certificate.read_bytes())
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.IPAddress) == [ipaddress.ip_address("127.0.0.1")]
    assert "8.8.8.8" in caplog.text


def test_keys_are_for_their_owner_only(tmp_path):
    ensure_certificate(tmp_path / "tls", ["192.168.4.1"], NAMES)
    for name in ("server.key", "authority.key"):
        assert stat.S_IMODE((tmp_path / "tls" / name).stat().st_mode) == 0o600


def test_it_stays_the_same_until_there_is_a_reason(tmp_path):
    first = ensure_certificate(tmp_path, ["192.168.4.1"], NAMES).certificate.read_bytes()
    assert ensure_certificate(tmp_path, ["192.168.4.1"], NAMES).certificate.read_bytes() == first
    moved = ensure_certificate(tmp_path, ["10.0.0.9"], NAMES).certificate.read_bytes()
    assert moved != first
    later = now() + 370 * DAY
    renewed = ensure_certificate(tmp_path, ["10.0.0.9"], NAMES, now=later)
    assert renewed.certificate.read_bytes() != moved
    assert renewed.expires > later + 300 * DAY


def test_the_authority_outlives_the_server_certificates(tmp_path):
    authority = ensure_certificate(tmp_path, ["192.168.4.1"], NAMES).authority
    first = authority.read_bytes()
    ensure_certificate(tmp_path, ["10.0.0.9"], NAMES, now=now() + 1000 * DAY)
    assert authority.read_bytes() == first


def test_a_clock_that_fell_back_gets_a_certificate_that_is_valid_now(tmp_path):
    ensure_certificate(tmp_path, ["192.168.4.1"], NAMES)
    past = now() - 900 * DAY
    files = ensure_certificate(tmp_path, ["192.168.4.1"], NAMES, now=past)
    leaf, authority = x509.load_pem_x509_certificates(files.certificate.read_bytes())
    assert leaf.not_valid_before_utc <= past <= leaf.not_valid_after_utc
    assert authority.not_valid_before_utc <= past


def test_a_torn_pair_is_mended(tmp_path):
    files = ensure_certificate(tmp_path, ["192.168.4.1"], NAMES)
    files.key.write_bytes(ensure_certificate(tmp_path / "other", [], NAMES).key.read_bytes())
    mended = ensure_certificate(tmp_path, ["192.168.4.1"], NAMES)
    assert shake_hands(mended, "192.168.4.1", mended.authority) == b"hello"


def test_the_operators_own_certificate_is_served(tmp_path):
    made = ensure_certificate(tmp_path / "made", ["192.168.4.1"], NAMES)
    (tmp_path / "operator.pem").write_bytes(made.certificate.read_bytes())
    (tmp_path / "operator.key").write_bytes(made.key.read_bytes())
    files = ensure_certificate(tmp_path, ["10.0.0.9"], NAMES)
    assert files.authority is None
    assert shake_hands(files, "192.168.4.1", made.authority) == b"hello"
    assert not (tmp_path / "authority.key").exists()


@pytest.mark.parametrize("spoil", ["missing key", "wrong key", "not a certificate"])
def test_operators_files_that_do_not_fit_are_refused_with_a_sentence(tmp_path, spoil):
    made = ensure_certificate(tmp_path / "made", [], NAMES)
    other = ensure_certificate(tmp_path / "other", [], NAMES)
    (tmp_path / "operator.pem").write_bytes(made.certificate.read_bytes() if spoil != "not a certificate" else b"?")
    if spoil != "missing key":
        key = other.key if spoil == "wrong key" else made.key
        (tmp_path / "operator.key").write_bytes(key.read_bytes())
    with pytest.raises(BadInput, match="operator"):
        ensure_certificate(tmp_path, [], NAMES)

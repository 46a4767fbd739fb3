"""Access control, and security headers."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kiosk.people import operators
from kiosk.server.shares import ARRIVALS_AT_ONCE, TABLE
from kiosk.settings import Settings, VirtualCapture
from tests.waiting import LONGEST, until

PIN = "4071 2836"
GUEST = "127.0.0.7"
"""Another loopback address, which counts as a guest: only 127.0.0.1 and ::1 are the machine itself."""


def from_a_guest(server, method: str, path: str, headers: dict[str, str] | None = None) -> tuple[int, dict]:
    """Status and JSON of the response over plain http."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=LONGEST, source_address=(GUEST, 0))
    with contextlib.closing(connection):
        connection.request(method, path, headers=headers or {})
        response = connection.getresponse()
        return response.status, json.loads(response.read())


def certificate(folder: Path) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1, and its key."""
    import datetime
    import ipaddress

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "kiosk")])
    now = datetime.datetime.now(datetime.timezone.utc)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "cert.pem").write_bytes(made.public_bytes(pem))
    (folder / "key.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "cert.pem", folder / "key.pem"


@pytest.fixture(scope="module")
def secure(start_server, tmp_path_factory: pytest.TempPathFactory):
    """A server on all addresses, with https."""
    cert, key = certificate(tmp_path_factory.mktemp("certificate"))
    server = start_server(host="0.0.0.0", serve={"tls_port": 0, "certfile": str(cert), "keyfile": str(key)})
    server.certificate = cert
    operators.change(server.data, PIN)
    return server


def over_https(server, method: str, path: str, headers: dict[str, str] | None = None, client: str = "127.0.0.1"):
    context = ssl.create_default_context(cafile=server.certificate)
    context.check_hostname = False
    connection = http.client.HTTPSConnection(
        "127.0.0.1", server.tls_port, context=context, timeout=LONGEST, source_address=(client, 0)
    )
    connection.request(method, path, headers=headers or {})
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response, body


@pytest.mark.parametrize(
    "path", ["/", "/api/kiosk", "/api/nothing", "/operator", "/static/operator/plain.css", "/healthz"]
)
def test_every_answer_tells_the_browser_what_to_forbid(server, path: str) -> None:
    headers = server.get(path).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    # With no-referrer the operator's own forms would be sent with `Origin: null`.
    assert headers["Referrer-Policy"] == ("same-origin" if path == "/operator" else "no-referrer")


@pytest.mark.parametrize("path", ["/operator", "/metrics", "/operator/photos.zip"])
def test_the_operators_pages_are_not_for_the_guests_network(secure, path: str) -> None:
    for headers in ({}, {"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "https"}):
        status, answer = from_a_guest(secure, "GET", path, headers)
        assert (status, answer["error"]) == (403, "forbidden")
    assert from_a_guest(secure, "POST", "/api/capture")[0] == 403
    response, _ = over_https(secure, "GET", path, client=GUEST)
    assert response.status == 401
    assert response.headers["WWW-Authenticate"].lower().startswith("basic")
    for given, status in (("guessed", 401), (PIN, 200)):
        login = {"Authorization": "Basic " + base64.b64encode(f"operator:{given}".encode()).decode()}
        response, _ = over_https(secure, "GET", path, login, client=GUEST)
        assert response.status == status


def test_a_page_of_another_site_cannot_act_through_the_kiosks_own_browser(server) -> None:
    assert server.get("/operator", {"Host": "evil.example"}).status == 403
    for headers in (
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "null"},
        {"Sec-Fetch-Site": "same-site"},
        {"Host": "evil.example", "Origin": "http://evil.example"},
    ):
        answer = server.request("POST", "/api/capture", headers=headers)
        assert (answer.status, answer.json["error"]) == (403, "forbidden")


def test_https_serves_the_same_and_names_itself(secure) -> None:
    response, body = over_https(secure, "GET", "/api/kiosk")
    assert response.status == 200
    told = json.loads(body)
    assert told["secure_url"].endswith(f":{secure.tls_port}/")
    assert told["guest_url"].startswith("http://")
    assert response.headers["Cross-Origin-Opener-Policy"] == "same-origin"


def test_garbage_on_the_https_port_harms_nobody(secure) -> None:
    for garbage in (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01" + b"\xff" * 200, b""):
        with socket.create_connection(("127.0.0.1", secure.tls_port), timeout=LONGEST) as connection:
            connection.sendall(garbage)
    assert over_https(secure, "GET", "/api/kiosk")[0].status == 200


def test_the_screen_of_the_kiosk_asks_its_camera(start_server, tmp_path: Path) -> None:
    from kiosk import settings
    from kiosk.storage import DataFolder

    data = DataFolder(tmp_path / "data")
    data.root.mkdir()
    data.settings.write_text('[capture]\nsource = "virtual"\n')
    assert settings.load(data.settings) == Settings(capture=VirtualCapture())
    server = start_server(data)
    answer = server.request("POST", "/api/capture")
    assert (answer.status, answer.json["requested"]) == (202, True)
    assert (data.root.parent / "runtime" / "capture.request").read_text() == answer.json["id"]
    assert server.request("POST", "/api/capture").json == answer.json, "nobody has taken the first yet"
    told = server.get(f"/api/capture/{answer.json['id']}").json
    assert told == {"state": "asked", "token": None, "error": None}
    assert server.get("/api/capture/" + "x" * 22).json["error"] == "no_such_request"


def test_a_folder_cannot_be_asked_for_a_photo(start_server, tmp_path: Path) -> None:
    from kiosk.storage import DataFolder

    data = DataFolder(tmp_path / "data").prepare()
    data.settings.write_text(f'[capture]\nsource = "folder"\nfolder = "{tmp_path}"\n')
    server = start_server(data)
    assert server.get("/api/kiosk").json["can_capture"] is False
    answer = server.request("POST", "/api/capture")
    assert (answer.status, answer.json["error"]) == (409, "no_camera")


def test_a_kiosk_without_a_camera_says_so(server) -> None:
    answer = server.request("POST", "/api/capture")
    assert (answer.status, answer.json["error"]) == (409, "no_camera")


@pytest.mark.parametrize(
    "request_",
    [
        b"garbage\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET http://[ HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /api/kiosk HTTP/1.1\r\nHost: [\r\n\r\n",
        b"GET /%ff%00 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /api/photos HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        b"POST /api/photos HTTP/1.1\r\nHost: x\r\nContent-Length: abc\r\n\r\n",
    ],
)
def test_a_broken_request_gets_an_answer_without_a_trace(server, request_: bytes) -> None:
    with socket.create_connection((server.host, server.port), timeout=LONGEST) as connection:
        connection.sendall(request_)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while part := connection.recv(65536):
            answer += part
    assert b"Traceback" not in answer
    assert b"/kiosk/" not in answer
    assert b" 500 " not in answer.partition(b"\r\n")[0]
    assert server.get("/api/kiosk").status == 200


def test_a_method_that_is_not_there_is_said_in_json(server) -> None:
    answer = server.request("PUT", "/api/photos")
    assert (answer.status, answer.json["error"]) == (405, "method_not_allowed")
    assert "POST" in answer.headers["Allow"]


def test_two_servers_cannot_have_one_port(server) -> None:
    from kiosk.errors import Unavailable
    from kiosk.server.http.serve import _listen

    with pytest.raises(Unavailable, match="choose another port"):
        _listen(server.host, server.port)


def signed_in(secure, pin: str, client: str = "127.0.0.7") -> http.client.HTTPResponse:
    """The response to /operator over https with a PIN, from another loopback address, which counts as a guest."""
    context = ssl.create_default_context(cafile=secure.certificate)
    context.check_hostname = False
    login = {"Authorization": "Basic " + base64.b64encode(f"operator:{pin}".encode()).decode()}
    connection = http.client.HTTPSConnection(
        "127.0.0.1", secure.tls_port, context=context, timeout=LONGEST, source_address=(client, 0)
    )
    connection.request("GET", "/operator", headers=login)
    response = connection.getresponse()
    response.read()
    connection.close()
    return response


def test_a_changed_pin_holds_from_the_next_request_on(secure) -> None:
    assert signed_in(secure, PIN).status == 200
    operators.change(secure.data, "open sesame")
    try:
        assert signed_in(secure, PIN).status == 401
        assert signed_in(secure, "open sesame").status == 200
    finally:
        operators.change(secure.data, PIN)


def test_who_guesses_pins_waits_and_nobody_else_does(secure) -> None:
    answers = [signed_in(secure, f"guess {number}", "127.0.0.66") for number in range(8)]
    assert [answer.status for answer in answers] == [401] * 5 + [429] * 3
    assert int(answers[-1].headers["Retry-After"]) >= 1
    assert signed_in(secure, PIN, "127.0.0.66").status == 429, "even the right one, or guessing would go on"
    assert signed_in(secure, PIN, "127.0.0.8").status == 200
    assert secure.get("/operator").status == 200, "the machine itself needs no PIN and is never locked out"


def test_pins_guessed_all_at_once_are_counted_one_by_one(secure) -> None:
    with ThreadPoolExecutor(40) as threads:
        answers = list(threads.map(lambda number: signed_in(secure, f"guess {number}", "127.0.0.77"), range(40)))
    statuses = [answer.status for answer in answers]
    assert statuses.count(401) == 5, statuses
    assert statuses.count(429) == 35


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-For": "203.0.113.9"},
        {"Forwarded": "for=203.0.113.9"},
        {"Via": "1.1 proxy"},
        {"X-Real-IP": "203.0.113.9"},
        {"X-Forwarded-Proto": "https"},
        {"Host": "kiosk.local"},
        {"Host": "192.168.1.20"},
    ],
    ids=str,
)
def test_behind_a_proxy_on_the_machine_nobody_becomes_the_operator(server, headers: dict) -> None:
    assert server.get("/operator").status == 200
    for path in ("/operator", "/metrics", "/operator/photos.zip"):
        assert server.get(path, headers).status == 403


def test_only_two_loopback_addresses_are_the_machine_itself(secure) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", secure.port, timeout=LONGEST, source_address=("127.0.0.2", 0))
    connection.request("GET", "/operator")
    assert connection.getresponse().status == 403
    connection.close()


def test_one_address_cannot_hold_every_connection(secure) -> None:
    held = []
    try:
        for _ in range(TABLE["connections"].total):
            connection = socket.create_connection(
                ("127.0.0.1", secure.port), timeout=LONGEST, source_address=("127.0.0.66", 0)
            )
            held.append(connection)
        # Connections over the limit are closed at once; the others stay open and idle.
        until(lambda: sum(map(is_closed, held)) >= TABLE["connections"].total // 2)
        assert not all(map(is_closed, held))
        for client in ("127.0.0.1", "127.0.0.9"):
            connection = http.client.HTTPConnection(
                "127.0.0.1", secure.port, timeout=LONGEST, source_address=(client, 0)
            )
            connection.request("GET", "/api/kiosk")
            assert connection.getresponse().status == 200
            connection.close()
    finally:
        for connection in held:
            connection.close()


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_connection_that_has_ended_gives_its_place_back(secure, scheme: str) -> None:
    port = secure.port if scheme == "http" else secure.tls_port
    for number in range(TABLE["connections"].total + 100):
        # From a few addresses: one that comes so often would be turned away.
        origin = (f"127.0.1.{1 + number % 8}", 0)
        connection = socket.create_connection(("127.0.0.1", port), timeout=LONGEST, source_address=origin)
        # Neither HTTP nor a handshake, so the connection ends soonest.
        connection.sendall(b"-\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            while connection.recv(4096):
                pass
        connection.close()
    connection = http.client.HTTPConnection("127.0.0.1", secure.port, timeout=LONGEST, source_address=("127.0.0.67", 0))
    connection.request("GET", "/api/kiosk")
    assert connection.getresponse().status == 200
    connection.close()


def test_who_only_comes_and_goes_is_turned_away_and_nobody_else_is(secure) -> None:
    def ask(address: str) -> bool:
        line = http.client.HTTPConnection("127.0.0.1", secure.port, timeout=LONGEST, source_address=(address, 0))
        try:
            line.request("GET", "/api/kiosk")
            return line.getresponse().status == 200
        except (ConnectionError, http.client.HTTPException):
            return False
        finally:
            line.close()

    for _ in range(ARRIVALS_AT_ONCE):
        socket.create_connection(("127.0.0.1", secure.port), timeout=LONGEST, source_address=("127.0.2.1", 0)).close()
    # Some more have been let in meanwhile, and none of those that came at once after them.
    assert not all(ask("127.0.2.1") for _ in range(ARRIVALS_AT_ONCE))
    assert ask("127.0.2.2")


def is_closed(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True

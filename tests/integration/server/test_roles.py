"""Every role at every route: what the table of roles says is what happens."""

from __future__ import annotations

import http.client
import re
import sqlite3
from contextlib import closing

import pytest

from kiosk.library.library import Library
from kiosk.people import operators
from kiosk.people.roles import TABLE, Permission, Role, may
from kiosk.people.screens import Screens
from kiosk.server.app import create_app
from kiosk.storage import DataFolder
from tests.waiting import LONGEST

GUEST = "127.0.0.9"


@pytest.fixture(scope="module")
def server(start_server):
    return start_server(host="0.0.0.0")


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory):
    return create_app(DataFolder(tmp_path_factory.mktemp("app")))


def routes(app):
    """(method, address, permission) of every route."""
    for rule in app.url_map.iter_rules():
        for method in sorted(rule.methods - {"HEAD", "OPTIONS"}):
            address = re.sub(r"<[^>]+>", "x" * 22, rule.rule)
            yield method, address, getattr(app.view_functions[rule.endpoint], "permission", None)


def test_every_route_names_its_permission_and_every_permission_is_in_the_table(app) -> None:
    found = list(routes(app))
    assert len(found) > 30
    assert [one for one in found if not isinstance(one[2], Permission)] == []
    assert set(TABLE) == set(Permission)
    # What strangers may do, in full: a new permission does not join this list by accident.
    strangers = {one for one in Permission if may(Role.GUEST, one)}
    assert strangers == {
        Permission.PAGES, Permission.BRING, Permission.SEE, Permission.LIST, Permission.OWN, Permission.PAIR,
        Permission.HEALTH, Permission.SIGN_IN,
    }  # fmt: skip
    assert {one for one in Permission if may(Role.SCREEN, one)} - strangers == {Permission.CAPTURE}
    assert {one for one in Permission if may(Role.OPERATOR, one)} == set(Permission)


@pytest.mark.parametrize("role", list(Role), ids=lambda role: role.value)
@pytest.mark.parametrize("secure", [False, True], ids=["http", "https"])
def test_every_role_at_every_route(app, role: Role, secure: bool) -> None:
    """In the application itself, so that nothing but the roles decides: what is let through may fail for other
    reasons, but never with 401 or 403, apart from a wrong owner key and a form without its token."""
    client = app.test_client()
    state = app.extensions["kiosk"]
    if role is Role.OPERATOR:
        client.set_cookie("__Host-operator", operators.sign_in(state.library), domain="127.0.0.1")
    if role is Role.SCREEN:
        code, secret = state.screens.ask()
        state.screens.accept(code, "")
        client.set_cookie("screen", state.screens.outcome(secret), domain="127.0.0.1")
    for method, address, permission in routes(app):
        if address.endswith("events"):
            continue  # a stream has no end
        answer = client.open(
            address,
            method=method,
            base_url=f"http{'s' * secure}://127.0.0.1",
            environ_base={"REMOTE_ADDR": GUEST},
            headers={"Accept": "application/json"},
        )
        code = (answer.get_json(silent=True) or {}).get("error")
        refused = answer.status_code in (401, 403) and code not in ("wrong_key", "stale_form")
        if address == "/operator/sign-in" and method == "POST" and secure:
            refused = False  # without a PIN it is 401, as a page
        only_here = permission in (Permission.OPERATE, Permission.MONITOR, Permission.SIGN_IN)
        # Over http nobody but the machine itself is the operator.
        real = Role.GUEST if role is Role.OPERATOR and not secure else role
        allowed = may(real, permission) and (secure or not only_here)
        assert refused is not allowed, (method, address, answer.status_code, code)


@pytest.mark.parametrize(
    ("client", "headers", "is_operator"),
    [
        ("127.0.0.1", {}, True),
        ("127.0.0.1", {"Host": "localhost"}, True),
        ("127.0.0.1", {"Host": "192.168.1.5"}, False),
        ("127.0.0.1", {"Host": "kiosk.example"}, False),
        ("127.0.0.1", {"X-Forwarded-For": "10.0.0.1"}, False),
        ("127.0.0.1", {"Forwarded": "for=127.0.0.1"}, False),
        ("127.0.0.1", {"Via": "1.1 proxy"}, False),
        ("127.0.0.2", {}, False),
        ("127.0.1.1", {"X-Forwarded-For": "127.0.0.1"}, False),
    ],
)
def test_the_machine_itself_is_exactly_that(server, client: str, headers: dict[str, str], is_operator: bool) -> None:
    with closing(
        http.client.HTTPConnection("127.0.0.1", server.port, timeout=LONGEST, source_address=(client, 0))
    ) as to:
        to.request("GET", "/metrics", headers=headers)
        assert (to.getresponse().status == 200) is is_operator


def test_where_a_setting_asks_for_it_the_console_needs_the_pin_too(start_server, tmp_path) -> None:
    data = DataFolder(tmp_path / "data").prepare()
    data.settings.write_text("[people]\nconsole_pin = true\n")
    server = start_server(data=data)
    assert server.get("/operator", {"Accept": "text/html"}).status == 303
    assert server.get("/operator").status == 401
    assert server.request("POST", "/api/capture").status == 409, "the booth on this machine goes on"
    shown = server.get("/operator/sign-in").body.decode()
    (pin,) = re.findall(r"<strong>(\d{8})</strong>", shown)
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    wrong = server.request("POST", "/operator/sign-in", "pin=000000", form)
    assert (wrong.status, "wrong" in wrong.body.decode()) == (401, True)
    signed_in = server.request("POST", "/operator/sign-in", f"pin={pin}&to=//evil.example", form)
    assert (signed_in.status, signed_in.headers["Location"]) == (303, "/operator")
    cookie = signed_in.headers["Set-Cookie"]
    assert {"Secure", "HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
    headers = {"Cookie": cookie.split(";")[0]}
    assert server.get("/operator", headers).status == 200
    assert pin not in server.get("/operator/sign-in").body.decode(), "it is shown until somebody signs in"
    assert pin not in "".join(path.read_text("latin-1") for path in data.root.rglob("*") if path.is_file())
    with closing(sqlite3.connect(data.database)) as connection:
        assert connection.execute("SELECT count(*) FROM sessions").fetchone() == (1,)


def test_a_screen_on_another_device_is_paired_and_can_ask_for_a_photo(server) -> None:
    asked = server.request("POST", "/api/screens")
    assert asked.status == 201
    secret = asked.json["secret"]
    assert server.get(f"/api/screens/{secret}").json == {"paired": False}
    assert server.get("/api/screens/" + "x" * 32).status == 404
    with Library(server.data) as library:
        # Another process knows nothing of those who wait, but of those who were paired.
        assert Screens(library).paired() == []

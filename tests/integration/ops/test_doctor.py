"""The doctor, on healthy and on broken data folders."""

import json
import os
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kiosk.library import identity
from kiosk.ops.doctor.examination import CHECKS, as_json, examine, healthy
from kiosk.ops.doctor.finding import Patient
from kiosk.settings import Settings
from kiosk.storage import DataFolder, write_atomic


def findings(data, check, running=None, **sections):
    """(verdict, detail, remedy or "") of one check under these settings."""
    patient = Patient(data, Settings.model_validate(sections), running)
    return [(*result, "")[:3] for result in CHECKS[check](patient)]


def verdicts(data, check, **rest):
    return [verdict for verdict, _, _ in findings(data, check, **rest)]


@pytest.mark.slow
def test_every_check_reports_and_says_what_to_do_where_something_is_wrong(data):
    found = examine(data)
    assert {finding.name for finding in found} >= {"settings", *CHECKS} - {"certificate"}
    for finding in found:
        assert finding.detail
        assert finding.verdict in ("ok", "warn", "fail")
        assert finding.verdict == "ok" or finding.remedy or finding.name == "address"


@pytest.mark.slow
def test_the_command_prints_json(data):
    command = [sys.executable, "-c", "from kiosk.cli import main; main()", "--data", str(data.root), "doctor", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    report = json.loads(done.stdout)
    assert done.returncode == (0 if report["ok"] else 1)
    assert report["ok"] == all(check["verdict"] != "fail" for check in report["checks"])
    assert {"name", "verdict", "detail", "remedy"} == set(report["checks"][0])
    by_name = {check["name"]: check["verdict"] for check in report["checks"]}
    assert by_name["weights"] == by_name["onnxruntime"] == by_name["qr"] == by_name["storage"] == "ok"
    assert by_name["graphs"] == "warn"


@pytest.mark.slow
def test_a_broken_settings_file_is_found_and_the_other_checks_go_on(data):
    data.prepare()
    write_atomic(data.settings, "[network]\nport = 'many'\n")
    found = examine(data)
    assert (found[0].name, found[0].verdict) == ("settings", "fail")
    assert "network.port" in found[0].detail
    assert len(found) > 10
    assert not healthy(found)
    assert not as_json(found)["ok"]


def test_a_port_that_somebody_else_has_is_named(data):
    with socket.create_server(("0.0.0.0", 0)) as other:
        port = other.getsockname()[1]
        (verdict, detail, remedy), _ = findings(data, "ports", network={"port": port, "tls_port": 0})
        assert (verdict, str(port) in detail, str(port) in remedy) == ("fail", True, True)
        assert findings(data, "ports", running={}, network={"port": port, "tls_port": 0})[0][0] == "fail"
        running = {"worker_age_seconds": 1}
        assert findings(data, "ports", running=running, network={"port": port, "tls_port": 0})[0][0] == "ok"


def test_an_interface_that_is_not_there_is_found(data):
    assert verdicts(data, "address", network={"interface": "wlan77"}) == ["fail"]


def test_a_disk_with_too_little_room_is_found(data):
    assert verdicts(data, "storage", retention={"reserve_gb": 10**6}) == ["fail"]


@pytest.mark.slow
def test_a_damaged_database_is_found(data):
    data.prepare()
    data.database.write_bytes(b"this was a database once" * 500)
    assert next(f.verdict for f in examine(data) if f.name == "database") == "fail"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("capture", "verdict"),
    [
        ({"source": "none"}, "ok"),
        ({"source": "virtual"}, "ok"),
        ({"source": "folder", "folder": "/no/such/card"}, "fail"),
    ],
)
def test_the_camera_is_opened(data, capture, verdict):
    data.prepare()
    from kiosk.ops.doctor import examination as doctor

    write_atomic(data.settings, "[capture]\n" + "".join(f'{k} = "{v}"\n' for k, v in capture.items()))
    assert next(f.verdict for f in doctor.examine(data) if f.name == "camera") == verdict


def test_a_kiosk_that_runs_unwell_is_found(data):
    problems = {"problems": ["The worker has not started."]}
    assert verdicts(data, "kiosk", running=problems) == ["fail"]
    assert verdicts(data, "kiosk", running={"problems": []}) == ["ok"]
    assert verdicts(data, "kiosk") == ["ok"]


def test_the_wifi_code_is_read_back_too(data):
    network = {"wifi_name": 'Café "Dream"; 1', "wifi_password": "pass;word:1"}
    (verdict, detail, _) = findings(data, "qr", network=network)[0]
    assert (verdict, detail) == ("ok", "2 QR codes were drawn and read back")


def kiosk_on(data, port, tls_port=0):
    """Write a settings file with these ports; returns the doctor's findings: {name: (verdict, detail of the first)}."""
    write_atomic(data.prepare().settings, f"[network]\nport = {port}\ntls_port = {tls_port}\n")
    return {finding.name: (finding.verdict, finding.detail) for finding in reversed(examine(data))}


@pytest.mark.slow
def test_a_kiosk_with_this_folder_is_known_by_its_answer(data, start_server):
    server = start_server(data)
    found = kiosk_on(data, server.port)
    assert found["ports"] == ("ok", f"port {server.port} is used by this kiosk")
    assert found["kiosk"][0] == "fail", "it has no worker, and the doctor hears of it"
    assert "worker" in found["kiosk"][1]


@pytest.mark.slow
def test_a_kiosk_with_another_folder_is_a_stranger(data, start_server, tmp_path):
    other = start_server()
    found = kiosk_on(data, other.port)
    assert found["kiosk"] == (
        "ok",
        "the kiosk is not running; another kiosk, with another data folder, answers on its port",
    )
    ports = findings(data, "ports", network={"port": other.port, "tls_port": 0})
    assert ports[0][0] == "fail"
    # A copy of a data folder, secret and all, is another kiosk.
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "identity").write_bytes(other.data.identity.read_bytes())
    assert kiosk_on(DataFolder(tmp_path / "copy"), other.port)["kiosk"][1].startswith("the kiosk is not running")


@pytest.mark.slow
@pytest.mark.parametrize("answer", ["1", "[]", '{"worker_age_seconds": 1, "proof": 5}', '{"worker_age_seconds": 1}'])
def test_a_program_that_pretends_to_be_a_kiosk_is_not_believed(data, answer):
    from http.server import BaseHTTPRequestHandler, HTTPServer

    class Pretender(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(answer.encode())

        def log_message(self, *_):
            pass

    identity.proof(data.prepare(), identity.challenge(), 1)
    pretender = HTTPServer(("127.0.0.1", 0), Pretender)
    threading.Thread(target=pretender.serve_forever, daemon=True).start()
    try:
        assert kiosk_on(data, pretender.server_port)["kiosk"][1].startswith("the kiosk is not running")
    finally:
        pretender.shutdown()
        pretender.server_close()


def test_the_answer_to_a_challenge_is_for_that_challenge_and_port_alone(data):
    data.prepare()
    answer = identity.proof(data, "ab" * 16, 8360)
    assert identity.proves(data, "ab" * 16, 8360, answer)
    assert not identity.proves(data, "cd" * 16, 8360, answer)
    assert not identity.proves(data, "ab" * 16, 8361, answer)
    assert not identity.proves(data, "ab" * 16, 8360, None)
    assert data.identity.stat().st_mode & 0o777 == 0o600
    data.identity.write_bytes(b"cut sh")
    assert identity.proof(data, "ab" * 16, 8360) != answer
    assert len(data.identity.read_bytes()) == identity.SECRET_BYTES


def test_several_processes_that_make_the_secret_at_once_agree(data):
    data.prepare()
    with ThreadPoolExecutor(8) as threads:
        answers = set(threads.map(lambda _: identity.proof(data, "ab" * 16, 1), range(64)))
    assert len(answers) == 1
    assert [path.name for path in data.root.iterdir() if "identity" in path.name] == ["identity"]


@pytest.mark.slow
@pytest.mark.parametrize("challenge", ["", "x" * 32, "AB" * 16, "ab" * 4, "ab" * 100, "ab" * 16 + "%0a"])
def test_a_challenge_of_another_form_is_not_answered(start_server, challenge):
    answer = start_server().get(f"/healthz?challenge={challenge}")
    assert answer.json["proof"] is None


@pytest.mark.slow
def test_guests_learn_nothing_of_the_secret(start_server):
    server = start_server()
    body = server.get(f"/healthz?challenge={'ab' * 16}").body
    secret = server.data.identity.read_bytes()
    assert secret not in body
    assert secret.hex().encode() not in body
    assert server.get("/identity").status == 404


def test_a_data_folder_that_others_may_write_in_is_found(data):
    data.prepare().root.chmod(0o777)
    assert "warn" in verdicts(data, "storage", retention={"reserve_gb": 0})


@pytest.mark.skipif(os.geteuid() != 0, reason="giving a folder to another user needs root")
def test_root_may_examine_the_kiosk_of_another_user(data):
    data.prepare()
    os.chown(data.runtime, 12345, 12345)
    assert verdicts(data, "storage", retention={"reserve_gb": 0}) == ["ok"]


@pytest.mark.slow
@pytest.mark.parametrize(("year", "verdict"), [(1970, "warn"), (2019, "warn")])
def test_a_clock_that_cannot_be_right_is_found(data, year, verdict):
    script = (
        "import json, sys; from pathlib import Path; from kiosk.ops.doctor.examination import CHECKS\n"
        "from kiosk.ops.doctor.finding import Patient\n"
        "from kiosk.settings import Settings; from kiosk.storage import DataFolder\n"
        "print(json.dumps(list(CHECKS['clock'](Patient(DataFolder(Path(sys.argv[1])), Settings(), None)))))"
    )
    library = next(iter(Path("/usr/lib").glob("*/faketime/libfaketime.so.1")), None)
    if library is None:
        pytest.skip("libfaketime is not installed")
    done = subprocess.run(
        [sys.executable, "-c", script, str(data.root)],
        env={**os.environ, "LD_PRELOAD": str(library), "FAKETIME": f"@{year}-02-03 04:05:06"},
        capture_output=True,
        text=True,
        check=True,
    )
    ((found, detail, _),) = json.loads(done.stdout)
    assert (found, f"{year}-02-03" in detail) == (verdict, True)

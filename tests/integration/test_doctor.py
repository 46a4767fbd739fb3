"""The doctor, on healthy and on ailing folders."""

import json
import socket
import subprocess
import sys

import pytest

from kiosk.ops.doctor import CHECKS, Patient, as_json, examine, healthy
from kiosk.settings import Settings
from kiosk.storage import write_atomic


def findings(data, check, running=None, **sections):
    """(verdict, detail, remedy or "") of one check under these settings."""
    patient = Patient(data, Settings.model_validate(sections), running)
    return [(*result, "")[:3] for result in CHECKS[check](patient)]


def verdicts(data, check, **rest):
    return [verdict for verdict, _, _ in findings(data, check, **rest)]


def test_every_check_reports_and_says_what_to_do_where_something_is_wrong(data):
    found = examine(data)
    assert {finding.name for finding in found} >= {"settings", *CHECKS} - {"certificate"}
    for finding in found:
        assert finding.detail
        assert finding.verdict in ("ok", "warn", "fail")
        assert finding.verdict == "ok" or finding.remedy or finding.name == "address"


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


def test_a_damaged_database_is_found(data):
    data.prepare()
    data.database.write_bytes(b"this was a database once" * 500)
    assert next(f.verdict for f in examine(data) if f.name == "database") == "fail"


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
    from kiosk.ops import doctor

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

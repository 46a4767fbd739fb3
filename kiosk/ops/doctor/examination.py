"""Runs all checks in order."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable
from dataclasses import asdict

from kiosk import settings as settings_file
from kiosk.errors import KioskError
from kiosk.library import identity
from kiosk.ops.doctor import kiosk, machine, network
from kiosk.ops.doctor.finding import Finding, Patient, Results
from kiosk.ops.processes import check_style
from kiosk.settings import Settings
from kiosk.storage import DataFolder


def examine(data: DataFolder) -> list[Finding]:
    """Run every check in order. Side effects: creates missing folders, migrates an older database, writes a temporary
    file, opens the camera of a stopped kiosk, and makes a short test announcement by mDNS."""
    try:
        settings = settings_file.load(data.settings)
        check_style(settings, data.graphs)
        first = Finding("settings", "ok", f"{data.settings} is valid" if data.settings.exists() else "all defaults")
    except KioskError as error:
        settings = Settings()
        first = Finding("settings", "fail", str(error), "Fix the field in that file, or move the file away.")
    patient = Patient(data, settings, *_ask_health(data, settings))
    findings = [first]
    for name, check in CHECKS.items():
        try:
            findings += [Finding(name, result[0], *result[1:]) for result in check(patient)]
        except KioskError as error:
            findings.append(Finding(name, "fail", str(error)))
        except Exception as error:  # noqa: BLE001 (a crashed check is a finding; the others still run)
            findings.append(Finding(name, "fail", f"the check itself failed: {type(error).__name__}: {error}"))
    return findings


def as_json(findings: list[Finding]) -> dict:
    """The findings as JSON: {"ok": whether no check failed, "checks": [{name, verdict, detail, remedy}]}."""
    return {"ok": healthy(findings), "checks": [asdict(finding) for finding in findings]}


def healthy(findings: list[Finding]) -> bool:
    return all(finding.verdict != "fail" for finding in findings)


CHECKS: dict[str, Callable[[Patient], Results]] = {
    "python": machine.python,
    "onnxruntime": machine.onnxruntime,
    "memory": machine.memory,
    "uploads": machine.uploads,
    "weights": kiosk.weights,
    "graphs": kiosk.graphs,
    "people": kiosk.people,
    "moderation": kiosk.moderation,
    "storage": machine.storage,
    "database": kiosk.database,
    "ports": network.ports,
    "clock": machine.clock,
    "address": network.address,
    "mdns": network.mdns,
    "certificate": network.certificate,
    "qr": network.qr,
    "camera": kiosk.camera,
    "kiosk": kiosk.kiosk,
}


def _ask_health(data: DataFolder, settings: Settings) -> tuple[dict | None, bool]:
    """(/healthz of the kiosk that serves `data`, None if it does not answer; whether a different kiosk answers)."""
    network = settings.network
    everywhere = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}  # noqa: S104 (a comparison)
    challenge = identity.challenge()
    connection = http.client.HTTPConnection(everywhere.get(network.host, network.host), network.port, timeout=3)
    try:
        connection.request("GET", f"/healthz?challenge={challenge}")
        answer = json.loads(connection.getresponse().read(65536))
    except (OSError, http.client.HTTPException, ValueError):
        return None, False
    finally:
        connection.close()
    # Another program may answer on the port. Only a kiosk sends this field, and only ours can prove its folder.
    if not isinstance(answer, dict) or "worker_age_seconds" not in answer:
        return None, False
    if identity.proves(data, challenge, network.port, answer.get("proof")):
        return answer, False
    return None, True

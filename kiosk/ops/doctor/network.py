"""Checks of the network: ports, address, mDNS, certificate, QR codes."""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import secrets

from kiosk.lan.ports import why_taken
from kiosk.ops.doctor.finding import Patient, Results


def ports(patient: Patient) -> Results:
    network = patient.settings.network
    for option, port in (("port", network.port), ("tls_port", network.tls_port)):
        if not port:
            yield "warn", "https is off", "Motion on phones needs it: set network.tls_port, such as 8361."
            continue
        taken = why_taken(network.host, port)
        if taken is None:
            yield "ok", f"port {port} is free"
        elif patient.running:
            yield "ok", f"port {port} is used by this kiosk"
        else:
            yield (
                "fail",
                f"port {port}: {'used by a kiosk with another data folder' if patient.stranger else taken}",
                f"Stop the other program (`ss -ltnp | grep {port}` names it), or change network.{option}.",
            )


def address(patient: Patient) -> Results:
    from kiosk.lan.addresses import guest_address, interfaces

    wanted = patient.settings.network.interface
    found = interfaces()
    address = guest_address(wanted)
    names = ", ".join(f"{entry.name} {entry.address}" for entry in found if not entry.is_loopback) or "none"
    if wanted and not any(wanted in (entry.name, entry.address) for entry in found):
        yield (
            "fail",
            f"network.interface is {wanted}, which has no address now; available: {names}",
            "Connect it, or choose another interface.",
        )
    elif ipaddress.ip_address(address).is_loopback:
        yield (
            "fail",
            "this machine is not on a network, so no phone can reach it",
            "Connect it to the guests' Wi-Fi, or make it an access point.",
        )
    elif len([entry for entry in found if not entry.is_loopback and not entry.is_virtual]) > 1 and not wanted:
        yield (
            "warn",
            f"guests are sent to {address}; available: {names}",
            "If guests are on another of these interfaces, set network.interface.",
        )
    else:
        yield "ok", f"guests are sent to {address}"


def mdns(_: Patient) -> Results:
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
        yield "ok", f"mDNS announcements at {address} are received"
    else:
        yield (
            "warn",
            f"mDNS announcements at {address} are not received{reason}",
            "The QR code works anyway; for .local names, allow UDP port 5353 in the firewall.",
        )


def certificate(patient: Patient) -> Results:
    from cryptography import x509

    from kiosk.lan.addresses import guest_address

    if not patient.settings.network.tls_port:
        return
    folder = patient.data.certificates
    own = folder / "operator.pem"
    file = own if own.exists() else folder / "server.pem"
    if not file.exists():
        yield "ok", "the https certificate will be made at the first start"
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


def qr(patient: Patient) -> Results:
    import cv2
    import numpy as np

    from kiosk.lan.addresses import guest_url
    from kiosk.lan.qr import qr_matrix
    from kiosk.lan.wifi import join_code

    network = patient.settings.network
    path = f"/v/{secrets.token_urlsafe(16)}"
    texts = [guest_url(network.host, network.port, path, interface=network.interface)]
    if network.wifi_name:
        texts.append(join_code(network.wifi_name, network.wifi_password))
    for text in texts:
        dark = np.kron(np.array(qr_matrix(text)), np.ones((6, 6), bool))
        picture = np.where(dark, 0, 255).astype(np.uint8)
        # Each of these decoders misses about one code in a hundred; phones do better.
        read = [reader().detectAndDecode(picture)[0] for reader in (cv2.QRCodeDetector, cv2.QRCodeDetectorAruco)]
        if text not in read:
            yield "fail", f"the QR code for {text} reads {read}", "Update opencv-python-headless and qrcode."
            return
    yield "ok", f"{len(texts)} QR codes were drawn and read back"

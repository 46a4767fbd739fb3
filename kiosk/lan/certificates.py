"""The kiosk's https certificate: the operator's own, or one signed by a certificate authority on this machine.

No public authority certifies private addresses. So on its first start the kiosk creates its own authority and a server
certificate for the addresses that guests use. Guests click through a warning once; operators may install
`authority.pem` on their own devices. The authority is name-constrained (RFC 5280, section 4.2.1.10): even if its key is
stolen, it cannot certify anything but private addresses and `.local` names.
"""

from __future__ import annotations

import contextlib
import datetime
import fcntl
import ipaddress
import logging
import os
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from kiosk.errors import BadInput
from kiosk.storage import write_atomic

log = logging.getLogger(__name__)

_Addresses = set[ipaddress.IPv4Address | ipaddress.IPv6Address]

# The last three ranges are for documentation and benchmarks (RFC 5737, RFC 2544): never on the internet, used in labs.
PERMITTED_NETWORKS = tuple(
    ipaddress.ip_network(text)
    for text in (
        *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "127.0.0.0/8", "100.64.0.0/10"),
        *("fc00::/7", "fe80::/10", "::1/128"),
        *("192.0.2.0/24", "198.18.0.0/15", "203.0.113.0/24"),
    )
)
PERMITTED_NAMES = ("local", "localhost")

AUTHORITY_DAYS = 3650
# Apple's systems refuse server certificates valid for more than 825 days, whoever signed them. Public CAs issue 397.
SERVER_DAYS = 397
RENEW_DAYS = 30
# Boards without a clock battery boot in the past, and phones' clocks differ slightly.
BACKDATE = datetime.timedelta(days=2)


@dataclass(frozen=True)
class TlsFiles:
    """A server's PEM files: `certificate` (leaf first, then the authority) and `key`. authority: the certificate that
    devices may install, None if the operator supplied a certificate. expires: UTC."""

    certificate: Path
    key: Path
    authority: Path | None
    expires: datetime.datetime


def ensure_certificate(
    folder: Path, addresses: Iterable[str], names: Iterable[str] = (), now: datetime.datetime | None = None
) -> TlsFiles:
    """Return the certificate to serve with; create or renew it in `folder` if necessary.

    If `operator.pem` and `operator.key` exist in `folder`, they are used unchanged. Otherwise the server certificate is
    renewed if it does not cover `addresses` (literal IPs; those outside the permitted private ranges are skipped with a
    warning) and `names` (DNS, under .local), expires within 30 days, or is not valid yet. Loopback is always covered.
    Raises BadInput if the operator's files are incomplete, unreadable, or do not match.
    """
    now = now or datetime.datetime.now(datetime.timezone.utc)
    if (folder / "operator.pem").exists() or (folder / "operator.key").exists():
        return _operators_own(folder, now)
    wanted_ips: _Addresses = {ipaddress.ip_address("127.0.0.1")}
    for text in addresses:
        address = ipaddress.ip_address(text)
        if any(address in network for network in PERMITTED_NETWORKS):
            wanted_ips.add(address)
        else:
            log.warning("no https certificate for %s: it is not a private address", text)
    wanted_names = {"localhost", *names}
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _alone(folder):
        leaf = _ensure_leaf(folder, wanted_ips, wanted_names, now)
    return TlsFiles(folder / "server.pem", folder / "server.key", folder / "authority.pem", leaf.not_valid_after_utc)


def _ensure_leaf(folder: Path, ips: _Addresses, names: set[str], now: datetime.datetime) -> x509.Certificate:
    authority, authority_key = _ensure_authority(folder, now)
    certificate_file, key_file = folder / "server.pem", folder / "server.key"
    leaf = _read_certificate(certificate_file)
    usable = (
        leaf is not None
        and key_file.exists()
        and _signed_by(leaf, authority)
        and _covers(leaf, ips, names)
        and leaf.not_valid_before_utc <= now
        and leaf.not_valid_after_utc - now > datetime.timedelta(days=RENEW_DAYS)
        and _belong_together(leaf, _read_key(key_file))
    )
    if not usable:
        leaf, key = _issue(authority, authority_key, ips, names, now)
        # Key first: a power cut between the two writes leaves a mismatched pair, which the next start renews.
        write_atomic(key_file, _key_pem(key), permissions=0o600)
        write_atomic(certificate_file, _pem(leaf) + _pem(authority))
        log.info("made an https certificate for %s", ", ".join(sorted(map(str, ips))))
    assert leaf is not None
    return leaf


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """The server and the process that follows the address start together: only one of them makes files at a time."""
    handle = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _operators_own(folder: Path, now: datetime.datetime) -> TlsFiles:
    certificate_file, key_file = folder / "operator.pem", folder / "operator.key"
    for file in (certificate_file, key_file):
        if not file.exists():
            raise BadInput(f"{file} is missing: operator.pem and operator.key must both exist", "certificate")
    leaf, key = _read_certificate(certificate_file), _read_key(key_file)
    if leaf is None:
        raise BadInput(f"{certificate_file} is not a PEM certificate", "certificate")
    if key is None:
        raise BadInput(f"{key_file} is not a PEM private key without a passphrase", "certificate")
    if not _belong_together(leaf, key):
        raise BadInput(f"{key_file} is not the key of {certificate_file}", "certificate")
    if leaf.not_valid_after_utc <= now:
        log.warning("%s expired on %s; guests will see a warning", certificate_file, leaf.not_valid_after_utc.date())
    return TlsFiles(certificate_file, key_file, None, leaf.not_valid_after_utc)


def _ensure_authority(folder: Path, now: datetime.datetime) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    certificate_file, key_file = folder / "authority.pem", folder / "authority.key"
    certificate, key = _read_certificate(certificate_file), _read_key(key_file)
    if (
        certificate is not None
        and isinstance(key, ec.EllipticCurvePrivateKey)
        and _belong_together(certificate, key)
        and certificate.not_valid_before_utc <= now
        and certificate.not_valid_after_utc - now > datetime.timedelta(days=SERVER_DAYS)
    ):
        return certificate, key
    key = ec.generate_private_key(ec.SECP256R1())
    # The random suffix tells the authorities of several kiosks apart in a device's list.
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Dream Kiosk"),
            x509.NameAttribute(NameOID.COMMON_NAME, f"Dream Kiosk local authority {secrets.token_hex(3)}"),
        ]
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATE)
        .not_valid_after(now + datetime.timedelta(days=AUTHORITY_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(
            x509.NameConstraints(
                permitted_subtrees=[
                    *(x509.DNSName(name) for name in PERMITTED_NAMES),
                    *(x509.IPAddress(network) for network in PERMITTED_NETWORKS),
                ],
                excluded_subtrees=None,
            ),
            critical=True,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    write_atomic(key_file, _key_pem(key), permissions=0o600)
    write_atomic(certificate_file, _pem(certificate))
    log.info("made this kiosk's certificate authority: %s", certificate_file)
    return certificate, key


def _issue(
    authority: x509.Certificate,
    authority_key: ec.EllipticCurvePrivateKey,
    ips: _Addresses,
    names: set[str],
    now: datetime.datetime,
) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Dream Kiosk")]))
        .issuer_name(authority.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATE)
        .not_valid_after(now + datetime.timedelta(days=SERVER_DAYS) - BACKDATE)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.SubjectAlternativeName(
                [*(x509.IPAddress(ip) for ip in sorted(ips, key=str)), *(x509.DNSName(name) for name in sorted(names))]
            ),
            critical=False,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    return certificate, key


def _usage(signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _covers(leaf: x509.Certificate, ips: _Addresses, names: set[str]) -> bool:
    try:
        covered = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return False
    return ips <= set(covered.get_values_for_type(x509.IPAddress)) and names <= set(
        covered.get_values_for_type(x509.DNSName)
    )


def _signed_by(leaf: x509.Certificate, authority: x509.Certificate) -> bool:
    try:
        leaf.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _belong_together(certificate: x509.Certificate, key: object) -> bool:
    public = getattr(key, "public_key", None)
    if public is None:
        return False
    form = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return certificate.public_key().public_bytes(*form) == public().public_bytes(*form)


def _read_certificate(file: Path) -> x509.Certificate | None:
    try:
        return x509.load_pem_x509_certificate(file.read_bytes())
    except (FileNotFoundError, ValueError):
        return None


def _read_key(file: Path) -> object | None:
    try:
        return serialization.load_pem_private_key(file.read_bytes(), password=None)
    except (FileNotFoundError, ValueError, TypeError):
        return None


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )

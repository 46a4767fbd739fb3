"""The text of a QR code that joins a phone to the Wi-Fi."""

from __future__ import annotations

import re

from kiosk.errors import BadInput

_SPECIAL = re.compile(r'([\\;,":])')


def join_code(name: str, password: str | None = None, hidden: bool = False) -> str:
    """The `WIFI:` text for a QR code (introduced by ZXing; phone cameras understand it).

    name: the SSID, 1 to 32 bytes of UTF-8. password: a WPA2/WPA3 passphrase of 8 to 63 printable ASCII characters, or a
    key of 64 hexadecimal digits; None or "" for an open network. Raises BadInput outside these limits.
    """
    if not 1 <= len(name.encode()) <= 32:
        raise BadInput("a Wi-Fi name has 1 to 32 bytes", "wifi_name")
    if password and not (re.fullmatch(r"[ -~]{8,63}", password) or re.fullmatch(r"[0-9A-Fa-f]{64}", password)):
        raise BadInput(
            "a Wi-Fi password is 8 to 63 printable ASCII characters (or 64 hexadecimal digits)", "wifi_password"
        )
    fields = [f"T:{'WPA' if password else 'nopass'}", f"S:{_escaped(name)}"]
    if password:
        fields.append(f"P:{_escaped(password)}")
    if hidden:
        fields.append("H:true")
    return f"WIFI:{';'.join(fields)};;"


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text)

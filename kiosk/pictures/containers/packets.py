"""Bring XMP packets to UTF-8, whatever they are written in. The XMP specification, part 1, 7.1, allows UTF-16 and -32
outside of JPEG and PNG; programs also write single bytes of Latin-1."""

from __future__ import annotations

from kiosk.pictures.containers.parts import MOST_METADATA

_STARTS = (
    (b"\xff\xfe\0\0", "utf-32-le"),
    (b"\0\0\xfe\xff", "utf-32-be"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
    (b"<\0\0\0", "utf-32-le"),
    (b"\0\0\0<", "utf-32-be"),
    (b"<\0", "utf-16-le"),
    (b"\0<", "utf-16-be"),
)
"""First bytes of a packet, with a byte order mark or without -> its encoding. The longer ones come first."""


def utf8(packet: bytes) -> bytes:
    """The same packet in UTF-8; unchanged if it is larger than MOST_METADATA, which is never read."""
    if len(packet) > MOST_METADATA:
        return packet
    encoding = next((name for start, name in _STARTS if packet.startswith(start)), None)
    if encoding:
        return packet.decode(encoding, "replace").lstrip("\ufeff").encode()
    try:
        packet.decode()
    except UnicodeDecodeError:
        return packet.decode("latin-1").encode()
    return packet

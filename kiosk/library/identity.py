"""Proof of which data folder a running kiosk serves, by challenge and response.

Several kiosks may run on one machine, and any program may listen on a port. The secret lies in the data folder and is
readable only by the kiosk's user. The response reveals nothing about the secret, so anyone may ask for it.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import tempfile

from kiosk.storage import DataFolder

SECRET_BYTES = 32
CHALLENGE = re.compile(r"[0-9a-f]{16,64}")


def challenge() -> str:
    """A fresh random challenge."""
    return secrets.token_hex(16)


def proof(data: DataFolder, challenge: str, port: int) -> str:
    """The response to `challenge` of a kiosk that serves `data` and listens on `port`: HMAC-SHA256, hexadecimal.

    The folder's device and inode are part of it, so a copy of the folder on the same machine is another kiosk. The port
    is part of it, so another program cannot relay the challenge. Raises OSError if the secret cannot be read or
    created.
    """
    place = data.root.stat()
    text = f"dreamkiosk {challenge} {port} {place.st_dev}:{place.st_ino}"
    return hmac.new(_secret(data), text.encode(), hashlib.sha256).hexdigest()


def proves(data: DataFolder, challenge: str, port: int, answer: object) -> bool:
    """Whether `answer` came from the kiosk that serves `data` on `port`; False if the secret is missing."""
    if not isinstance(answer, str) or not data.identity.exists():
        return False
    try:
        return hmac.compare_digest(proof(data, challenge, port).encode(), answer.encode())
    except OSError:
        return False


def _secret(data: DataFolder) -> bytes:
    try:
        found = data.identity.read_bytes()
        if len(found) == SECRET_BYTES:
            return found
        data.identity.unlink()  # truncated by a failing card
    except FileNotFoundError:
        pass
    handle, name = tempfile.mkstemp(dir=data.root, prefix=".identity.", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_bytes(SECRET_BYTES))
            file.flush()
            os.fsync(file.fileno())
        # A link, not a rename: if two processes create the secret at once, the first one wins.
        try:
            os.link(name, data.identity)
        except FileExistsError:
            return _secret(data)
    finally:
        os.unlink(name)  # noqa: PTH108
    return data.identity.read_bytes()

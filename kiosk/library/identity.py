"""Which data folder a running kiosk serves: whoever asks gives it a challenge, and only it knows the answer.

Several kiosks may run on a machine, and any program may listen on a port. The secret lies in the data folder, readable
by the kiosk's user alone. The answer tells nothing about it, nor about anything else, so guests may have it.
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
    """A challenge that nobody was given before."""
    return secrets.token_hex(16)


def proof(data: DataFolder, challenge: str, port: int) -> str:
    """What a kiosk that serves `data` and listens on `port` answers to `challenge`: HMAC-SHA256, hexadecimal.

    The folder itself is part of it, so that a copy of it on the same machine is another kiosk; the port too, so that
    nobody can pass the question on. Raises OSError where the secret cannot be read or made.
    """
    place = data.root.stat()
    text = f"dreamkiosk {challenge} {port} {place.st_dev}:{place.st_ino}"
    return hmac.new(_secret(data), text.encode(), hashlib.sha256).hexdigest()


def proves(data: DataFolder, challenge: str, port: int, answer: object) -> bool:
    """Whether `answer` came from the kiosk that serves `data` on `port`; False also where the secret is not there."""
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
        data.identity.unlink()  # cut short by a card that lost it
    except FileNotFoundError:
        pass
    handle, name = tempfile.mkstemp(dir=data.root, prefix=".identity.", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_bytes(SECRET_BYTES))
            file.flush()
            os.fsync(file.fileno())
        # A link, not a rename: of two processes that make one at once, the first one's holds.
        try:
            os.link(name, data.identity)
        except FileExistsError:
            return _secret(data)
    finally:
        os.unlink(name)  # noqa: PTH108
    return data.identity.read_bytes()

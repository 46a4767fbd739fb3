"""Owner keys: the secret of a guest's phone, by which what it brought is theirs; and word codes, which carry that key
to another device.

The library stores only a key's hash. A word code is four words of 2,048 (44 bits, from the English list of BIP-39),
good for 24 hours. The key is stored sealed with another one that scrypt derives from the words, so the database alone
does not give it away cheaply; wrong guesses over the network are limited by client.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from mnemonic import Mnemonic

from kiosk.errors import BadInput
from kiosk.library.library import Library, hash_key
from kiosk.library.records import Status
from kiosk.library.upkeep import lifetime

KEY = re.compile(r"[A-Za-z0-9_-]{22,64}")
"""What an owner key looks like: at least 128 random bits in urlsafe base64."""
CODE_WORDS = 4
CODE_SECONDS = 24 * 3600
_SALT = b"dream kiosk word code"
# Without a salt of its own, because the code has to be found by its words: each guess costs 16 MB and some 40 ms.
_COST = {"n": 2**14, "r": 8, "p": 1}


def check_key(text: str) -> str:
    """`text` if it can be an owner key. Raises BadInput."""
    if not KEY.fullmatch(text):
        raise BadInput("This is no owner key: 22 to 64 letters, digits, - and _.", "bad_key")
    return text


def mine(library: Library, owner_key: str) -> list[Status]:
    """What this key brought and is still here, newest first."""
    return library.select(
        "owner_hash = ? AND photos.state NOT IN ('expired', 'deleted') AND binned IS NULL ORDER BY photos.id DESC",
        (hash_key(owner_key),),
    )


def delete_mine(library: Library, owner_key: str) -> int:
    """Delete everything that this key brought, in any state; returns how many photos."""
    with library.reading() as connection:
        rows = connection.execute(
            "SELECT token FROM photos WHERE owner_hash = ? AND state NOT IN ('expired', 'deleted')",
            (hash_key(owner_key),),
        ).fetchall()
    return sum(library.bury(row["token"], "deleted") for row in rows)


def make_code(library: Library, owner_key: str) -> str:
    """Four words that give `owner_key` to another device within 24 hours. Raises BadInput if the key owns nothing."""
    if not mine(library, owner_key):
        raise BadInput("There is nothing of yours here yet. Bring a photo first.", "nothing_yours", 404)
    words = " ".join(secrets.choice(_words()) for _ in range(CODE_WORDS))
    name, key = _derived(words)
    nonce = secrets.token_bytes(12)
    sealed = nonce + AESGCM(key).encrypt(nonce, owner_key.encode(), name)
    with library.writing() as connection:
        now = lifetime.lived(connection, library.clocks)
        connection.execute("DELETE FROM codes WHERE lives < ?", (now,))
        connection.execute("INSERT OR REPLACE INTO codes VALUES (?, ?, ?)", (name, sealed, now + CODE_SECONDS))
    return words


def open_code(library: Library, words: str) -> str | None:
    """The owner key that `words` stand for, or None. Case and spaces do not matter, nor what follows a word's fourth
    letter, by which BIP-39's words differ."""
    known = {word[:4]: word for word in _words()}
    found = [known.get(word[:4]) for word in re.findall(r"[a-z]+", words[:200].lower())]
    if len(found) != CODE_WORDS or None in found:
        return None
    name, key = _derived(" ".join(map(str, found)))
    with library.reading() as connection:
        now = lifetime.lived(connection, library.clocks)
        row = connection.execute("SELECT sealed FROM codes WHERE hash = ? AND lives >= ?", (name, now)).fetchone()
    if row is None:
        return None
    try:
        return AESGCM(key).decrypt(row["sealed"][:12], row["sealed"][12:], name).decode()
    except InvalidTag:
        return None


def _derived(words: str) -> tuple[bytes, bytes]:
    """(the name under which a code is stored, the key that seals what it stands for)."""
    derived = hashlib.scrypt(words.encode(), salt=_SALT, dklen=48, **_COST)
    return derived[:16], derived[16:]


@lru_cache(maxsize=1)
def _words() -> tuple[str, ...]:
    return tuple(Mnemonic("english").wordlist)

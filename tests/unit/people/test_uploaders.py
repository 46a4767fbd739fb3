from __future__ import annotations

import pytest

from kiosk.errors import BadInput
from kiosk.people import uploaders


def is_blocked(library, client: str | None) -> bool:
    with library.reading() as connection:
        return uploaders.is_blocked(connection, client, library.clock())


def test_a_block_concerns_one_uploader_and_ends_by_itself(library, bring) -> None:
    token = bring(client="rude").token
    assert uploaders.block(library, token) == "rude"
    assert [is_blocked(library, client) for client in ("rude", "kind", None)] == [True, False, False]
    assert list(uploaders.blocked(library)) == ["rude"]
    with library.writing() as connection:
        connection.execute("UPDATE blocked SET since = since - ?", (uploaders.BLOCK_SECONDS,))
    assert not is_blocked(library, "rude")
    assert uploaders.blocked(library) == {}


def test_they_can_be_let_in_again(library, bring) -> None:
    uploaders.block(library, bring(client="rude").token)
    uploaders.unblock(library, "rude")
    assert not is_blocked(library, "rude")
    with pytest.raises(BadInput):
        uploaders.unblock(library, "rude")


def test_whoever_is_not_known_cannot_be_blocked(library, bring) -> None:
    with pytest.raises(BadInput) as refused:
        uploaders.block(library, bring().token)
    assert refused.value.status == 409
    with pytest.raises(BadInput) as refused:
        uploaders.block(library, "x" * 22)
    assert refused.value.status == 404


def test_pseudonyms_survive_a_restart_of_the_server_but_not_of_the_machine(data) -> None:
    data.prepare()
    salt = uploaders.salt(data)
    assert len(salt) == uploaders.SALT_BYTES
    assert uploaders.salt(data) == salt
    assert (data.runtime / "uploaders-salt").stat().st_mode & 0o777 == 0o600
    assert uploaders.pseudonym("10.0.0.7", salt) == uploaders.pseudonym("10.0.0.7", salt)
    assert uploaders.pseudonym("10.0.0.7", salt) != uploaders.pseudonym("10.0.0.8", salt)
    (data.runtime / "uploaders-salt").unlink()
    assert uploaders.salt(data) != salt

from __future__ import annotations

import pytest

from kiosk.errors import BadInput
from kiosk.people import keys

KEY = "k" * 32
OTHER = "o" * 32


def test_a_key_owns_what_it_brought_and_nothing_else(library, bring) -> None:
    photos = [bring(owner_key=KEY, ready=ready).token for ready in (True, False)]
    bring(owner_key=OTHER)
    assert [one.photo.token for one in keys.mine(library, KEY)] == photos[::-1]
    assert keys.mine(library, "n" * 32) == []


def test_delete_mine_removes_every_file_and_leaves_the_others(library, bring) -> None:
    other = bring(owner_key=OTHER)
    mine = [bring(owner_key=KEY, ready=ready) for ready in (True, False)]
    assert keys.delete_mine(library, KEY) == 2
    assert [library.photo(one.token).state for one in (*mine, other)] == ["deleted", "deleted", "ready"]
    assert [path.name for path in library.data.photos.iterdir()] == [other.token]
    assert keys.delete_mine(library, KEY) == 0


def test_four_words_carry_the_key_to_another_device(library, bring) -> None:
    with pytest.raises(BadInput, match="nothing of yours"):
        keys.make_code(library, KEY)
    bring(owner_key=KEY)
    words = keys.make_code(library, KEY)
    assert len(words.split()) == keys.CODE_WORDS
    assert keys.open_code(library, words) == KEY
    typed = "  " + ",".join(word[:4].upper() for word in words.split())
    assert keys.open_code(library, typed) == KEY, "case, signs and the ends of the words do not matter"
    first, *rest = words.split()
    another = next(word for word in keys._words() if word != first)
    for wrong in (" ".join([another, *rest]), " ".join(rest), "", "x" * 10_000, f"{words} {first}"):
        assert keys.open_code(library, wrong) is None


def test_a_code_ends_after_a_day_and_the_database_alone_does_not_tell_the_key(library, bring) -> None:
    bring(owner_key=KEY)
    words = keys.make_code(library, KEY)
    with library.writing() as connection:
        (sealed,) = connection.execute("SELECT sealed FROM codes").fetchone()
        assert KEY.encode() not in sealed
        assert words.encode() not in b"".join(
            map(bytes, connection.execute("SELECT hash, sealed FROM codes").fetchone())
        )
        connection.execute("UPDATE codes SET lives = lives - ?", (keys.CODE_SECONDS + 1,))
    assert keys.open_code(library, words) is None


@pytest.mark.parametrize("key", ["", "short", "k" * 65, "k" * 21, "k" * 31 + "/", "k" * 31 + "\n", "ключ" * 8])
def test_what_cannot_be_a_key_is_refused(key: str) -> None:
    with pytest.raises(BadInput):
        keys.check_key(key)

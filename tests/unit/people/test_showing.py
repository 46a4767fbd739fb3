from __future__ import annotations

import pytest

from kiosk.errors import BadInput
from kiosk.people.showing import agreed, is_visible, newest, set_shown
from kiosk.settings import People

KEY = "k" * 32


@pytest.mark.parametrize(
    ("column", "value"),
    [("shown", 0), ("approved", 0), ("hidden", 1), ("held", "nudity"), ("binned", 5.0), ("state", "dreaming")],
)
def test_others_see_only_what_nothing_speaks_against(library, bring, column: str, value: object) -> None:
    photo = bring(show=True)
    assert [one.photo.token for one in newest(library, 5).statuses] == [photo.token]
    assert is_visible(library.photo(photo.token))
    with library.writing() as connection:
        connection.execute(f"UPDATE photos SET {column} = ?", (value,))
    assert newest(library, 5).statuses == []
    assert not is_visible(library.photo(photo.token))


def test_the_list_comes_in_pages_without_a_gap(library, bring) -> None:
    tokens = [bring(show=True, style="dogs").token for _ in range(3)]
    bring(show=True, style="eyes")
    first = newest(library, 2, style="dogs")
    assert [one.photo.token for one in first.statuses] == [tokens[2], tokens[1]]
    second = newest(library, 2, before=first.next, style="dogs")
    assert ([one.photo.token for one in second.statuses], second.next) == ([tokens[0]], None)
    whole = newest(library, 4)
    assert (len(whole.statuses), whole.next) == (4, None), "a full page is the last one if nothing follows"


@pytest.mark.parametrize(
    ("setting", "said", "shown"),
    [
        ("ask", None, False), ("ask", True, True), ("ask", False, False),
        ("yes", None, True), ("yes", False, False),
        ("no", None, False), ("no", True, False),
    ],
)  # fmt: skip
def test_the_guest_decides_within_what_the_operator_allows(setting: str, said: bool | None, shown: bool) -> None:
    assert agreed(said, People(show=setting)) is shown


def test_only_the_owner_changes_whether_others_see_it(library, bring) -> None:
    photo = bring(owner_key=KEY)
    assert not photo.shown
    with pytest.raises(BadInput) as refused:
        set_shown(library, photo.token, "x" * 32, True, People())
    assert (refused.value.status, library.photo(photo.token).shown) == (403, False)
    set_shown(library, photo.token, KEY, True, People())
    assert library.photo(photo.token).shown

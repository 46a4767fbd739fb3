"""dreamkiosk photos, on a real data folder."""

from __future__ import annotations

import json

import pytest

from kiosk.cli import main
from kiosk.library.intake import accept
from kiosk.library.library import Library


def run(data, capsys, *arguments: str, fails: int | None = None) -> str:
    command = ["--data", str(data.root), "photos", *arguments]
    if fails is None:
        main(command)
    else:
        with pytest.raises(SystemExit) as ended:
            main(command)
        assert ended.value.code == fails
    said = capsys.readouterr()
    return said.err if fails else said.out


def test_photos_are_listed_changed_and_restored_by_their_numbers(data, photo_bytes, capsys) -> None:
    with Library(data) as library:
        numbers = [accept(library, photo_bytes, show=True, client=f"guest {n}").id for n in range(2)]
    first, second = map(str, numbers)
    listed = json.loads(run(data, capsys, "list", "--json"))
    assert [one["number"] for one in listed] == numbers[::-1]
    assert json.loads(run(data, capsys, "hide", first, second, "--json")) == {"changed": numbers}
    assert json.loads(run(data, capsys, "hide", first, "--json")) == {"changed": []}
    assert json.loads(run(data, capsys, "show", second, "--json")) == {"changed": [numbers[1]]}
    hidden = json.loads(run(data, capsys, "list", "--view", "hidden", "--json"))
    assert [one["number"] for one in hidden] == [numbers[0]]
    run(data, capsys, "delete", first, "--json")
    assert json.loads(run(data, capsys, "list", "--view", "bin", "--json"))[0]["bin"] is True
    assert json.loads(run(data, capsys, "restore", first, "--json")) == {"changed": [numbers[0]]}
    run(data, capsys, "delete", first)
    assert json.loads(run(data, capsys, "empty-bin", "--json")) == {"removed": 1}
    assert run(data, capsys, "show", first, fails=2) == f"dreamkiosk: There is no photo {first}.\n"
    blocked = json.loads(run(data, capsys, "block", second, "--json"))
    assert blocked == {"uploader": "guest 1", "blocked": ["guest 1"]}
    assert json.loads(run(data, capsys, "block", second, "--undo", "--json"))["blocked"] == []

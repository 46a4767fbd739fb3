"""The modules behind every sphere are sent as one, and every module finds what it imports."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from kiosk.server.pages.assets import Assets
from kiosk.server.pages.bundle import JOINED, members, source

WEB = (Path(__file__).parents[2] / "kiosk" / "web").resolve()
SCRIPTS = sorted(path.relative_to(WEB).as_posix() for path in WEB.glob("*/*.js"))
ASSETS = Assets()


def sent(name: str) -> str:
    asset = ASSETS.find(name)
    assert asset is not None
    return asset.body.decode()


def declared(text: str) -> set[str]:
    return set(re.findall(r"\bexport (?:async )?(?:const|let|class|function) ([\w$]+)", text))


def test_members_come_after_what_they_import() -> None:
    together = members(WEB)
    assert together[-1] == JOINED
    assert len(together) > 3
    for at, member in enumerate(together):
        for name in re.findall(r'from "\./([\w-]+\.js)"', (WEB / member).read_text(encoding="utf-8")):
            assert f"shared/{name}" in together[:at]


def test_the_joined_file_is_a_module_without_imports(tmp_path: Path) -> None:
    """Two members that declare the same name would be a syntax error."""
    text = sent(JOINED)
    assert not re.search(r'\bfrom"', text)
    path = tmp_path / "joined.mjs"
    path.write_text(text, encoding="utf-8")
    subprocess.run(["node", "--check", str(path)], check=True)


IMPORTS = r'import\s*\{([^}]*)\}\s*from\s*"([^"]+)"'


def test_modules_that_are_sent_import_each_other() -> None:
    found = [one for name in SCRIPTS for one in re.findall(IMPORTS, sent(name))]
    assert len(found) > 20, "the search itself finds nothing any more"


@pytest.mark.parametrize("name", SCRIPTS)
def test_whatever_a_module_imports_is_exported_there(name: str) -> None:
    text = sent(name)
    for names, specifier in re.findall(IMPORTS, text):
        target = (WEB / name).parent.joinpath(specifier).resolve().relative_to(WEB).as_posix()
        assert {one.strip() for one in names.split(",")} <= declared(sent(target)), (name, target)
        # No module of a page comes twice, once by itself and once in the joined file.
        assert target not in members(WEB)[:-1] or name in members(WEB)


def test_a_member_by_itself_is_as_it_stands_in_its_file() -> None:
    member = members(WEB)[0]
    assert source(WEB, member, members(WEB)) == (WEB / member).read_text(encoding="utf-8")

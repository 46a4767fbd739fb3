"""Modules that a page needs at once are sent as one, and every module finds what it imports."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from posixpath import dirname, normpath

import pytest

from kiosk.server.pages.assets import Assets
from kiosk.server.pages.bundle import BUNDLES, members

WEB = (Path(__file__).parents[3] / "kiosk" / "web").resolve()
SCRIPTS = sorted(path.relative_to(WEB).as_posix() for path in WEB.glob("*/**/*.js") if "node_modules" not in path.parts)
ASSETS = Assets()
TOGETHER = members(WEB)
IMPORTS = r'\bimport\s*(?:\{([^}]*)\}|\*\s*as \w+)\s*from\s*"([^"]+)"'


def sent(name: str) -> str:
    asset = ASSETS.find(name)
    assert asset is not None
    return asset.body.decode()


def exported(name: str) -> set[str]:
    """The names that a module exports when it is sent, also those that it passes on."""
    text = sent(name)
    names = set(re.findall(r"\bexport (?:async )?(?:const|let|class|function) ([\w$]+)", text))
    for specifier in re.findall(r'export ?\* ?from ?"([^"]+)"', text):
        names |= exported(normpath(f"{dirname(name)}/{specifier}"))
    return names


def test_every_bundle_has_members_and_none_is_in_two() -> None:
    assert tuple(TOGETHER) == BUNDLES
    everything = [member for together in TOGETHER.values() for member in together]
    assert len(set(everything)) == len(everything)
    for bundle, together in TOGETHER.items():
        assert together[-1] == bundle
        assert len(together) > 1


@pytest.mark.parametrize("bundle", BUNDLES)
def test_members_come_after_what_they_import(bundle: str) -> None:
    together = TOGETHER[bundle]
    for at, member in enumerate(together):
        for _, specifier in re.findall(IMPORTS, (WEB / member).read_text(encoding="utf-8")):
            imported = normpath(f"{dirname(member)}/{specifier}")
            assert imported not in together[at:]


@pytest.mark.parametrize("bundle", BUNDLES)
def test_a_bundle_is_a_module(bundle: str, tmp_path: Path) -> None:
    """Two members that declare the same name, or a name imported twice, would be a syntax error."""
    path = tmp_path / "bundle.mjs"
    path.write_text(sent(bundle), encoding="utf-8")
    subprocess.run(["node", "--check", str(path)], check=True)


def test_the_sphere_is_one_file() -> None:
    assert not re.search(r'\bfrom ?"', sent("shared/sphere/stage.js"))


def test_modules_that_are_sent_import_each_other() -> None:
    found = [one for name in SCRIPTS for one in re.findall(IMPORTS, sent(name))]
    assert len(found) > 50, "the search itself finds nothing any more"


@pytest.mark.parametrize("name", SCRIPTS)
def test_whatever_a_module_imports_is_exported_there(name: str) -> None:
    for names, specifier in re.findall(IMPORTS, sent(name)):
        target = normpath(f"{dirname(name)}/{specifier}")
        assert {one.strip() for one in names.split(",") if one.strip()} <= exported(target), (name, target)


@pytest.mark.parametrize("name", SCRIPTS)
def test_modules_import_the_bundle_and_not_its_members(name: str) -> None:
    inside = {member for together in TOGETHER.values() for member in together[:-1]}
    specifiers = re.findall(r'\bimport\(?\s*(?:[^"]*?from\s*)?"(\.[^"]+)"', sent(name))
    assert not inside & {normpath(f"{dirname(name)}/{specifier}") for specifier in specifiers}


@pytest.mark.parametrize("bundle", BUNDLES)
def test_a_member_by_itself_passes_on_what_its_bundle_exports(bundle: str) -> None:
    """A second copy of it would have a second state."""
    for member in TOGETHER[bundle][:-1]:
        assert exported(member) == exported(bundle)
        assert "function" not in sent(member)

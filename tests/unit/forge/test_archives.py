"""An archive is read only if it is the pinned one, within limits, and without running or unpacking anything."""

from __future__ import annotations

import gzip
import io
import re
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from kiosk.errors import BadInput, Unavailable
from kiosk.forge.archives import npm, tarball
from kiosk.forge.archives.inception import TENSORS
from kiosk.forge.archives.tarball import read_members
from kiosk.forge.archives.tfjs import read_weights
from kiosk.recipes.catalog import Network
from tests.archives import MANIFEST, PARTS, drawn, joined, packed, pinned, scripts, weights


def read(folder: Path, data: bytes, network: Network | None = None) -> dict[str, np.ndarray]:
    network = network or pinned(data)
    assert network.archive is not None
    path = folder / network.archive.file
    path.write_bytes(data)
    return read_weights(network, read_members(path, network.archive), TENSORS)


def test_the_weights_are_read_as_they_were_written(tmp_path: Path) -> None:
    found, wanted = read(tmp_path, packed(scripts())), weights()
    assert found.keys() == wanted.keys() == set(TENSORS)
    assert all(np.array_equal(found[name], wanted[name]) for name in wanted)
    assert all(array.dtype == np.float32 for array in found.values())
    assert [path.name for path in tmp_path.iterdir()] == ["nsfwjs-4.4.0.tgz"]


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda data: data[:-500], "fetch it again"),
        (lambda data: data + b"more", "is not nsfwjs-4.4.0.tgz"),
        (lambda data: data[:900] + b"?" + data[901:], "is not nsfwjs-4.4.0.tgz"),
        (lambda data: b"", "has 0 bytes"),
    ],
    ids=["truncated", "longer", "changed", "empty"],
)
def test_another_archive_is_not_opened(tmp_path: Path, damage: Callable[[bytes], bytes], said: str) -> None:
    data = packed(scripts())
    with pytest.raises(BadInput, match=said) as caught:
        read(tmp_path, damage(data), pinned(data))
    assert "\n" not in str(caught.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    archive = pinned(packed(scripts())).archive
    assert archive is not None
    with pytest.raises(BadInput, match=r"cannot read .*nowhere.tgz: No such file"):
        read_members(tmp_path / "nowhere.tgz", archive)
    with pytest.raises(BadInput, match=r"cannot read .*: Is a directory"):
        read_members(tmp_path, archive)


def entry(kind: bytes, name: str = PARTS[0], link: str = "", size: int = 0) -> Callable[[tarfile.TarFile], None]:
    def add(tar: tarfile.TarFile) -> None:
        member = tarfile.TarInfo(name)
        member.type, member.linkname, member.size = kind, link, size
        tar.addfile(member, io.BytesIO(bytes(size)))

    return add


def without(*names: str) -> Mapping[str, bytes]:
    return {name: data for name, data in scripts().items() if name not in names}


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (lambda: packed(without(PARTS[0]), entry(tarfile.SYMTYPE, link="/etc/passwd")), "not a plain file"),
        (lambda: packed(without(PARTS[0]), entry(tarfile.LNKTYPE, link=PARTS[1])), "not a plain file"),
        (lambda: packed(without(PARTS[0]), entry(tarfile.DIRTYPE)), "not a plain file"),
        (lambda: packed(without(PARTS[0]), entry(tarfile.FIFOTYPE)), "not a plain file"),
        (lambda: packed(without(PARTS[0]), entry(tarfile.CHRTYPE)), "not a plain file"),
        (lambda: packed(scripts(), entry(tarfile.REGTYPE, size=9)), "twice"),
        (lambda: packed(without(PARTS[1])), f"has no {PARTS[1]}"),
        (lambda: packed(without(MANIFEST)), f"has no {MANIFEST}"),
        (lambda: packed(without(PARTS[0]), entry(tarfile.REGTYPE, size=17 << 20)), "more than 16777216"),
        (lambda: packed(scripts(), entry(tarfile.REGTYPE, "package/large", size=129 << 20)), "more than 128 MB"),
        (lambda: gzip.compress(gzip.decompress(packed(scripts()))[:20_000], 1), "damaged|has no"),
        (lambda: packed(scripts())[:-4000], "damaged"),
        (lambda: b"not an archive", "damaged"),
        (lambda: gzip.compress(b"not a tar" * 200, 1), "damaged|has no"),
    ],
    ids=[
        "symlink", "hard link", "folder", "fifo", "device", "twice", "no part", "no manifest", "large member", "bomb",
        "tar cut off", "gzip cut off", "no gzip", "no tar",
    ],
)  # fmt: skip
def test_a_hostile_archive_is_refused_even_if_it_were_pinned(
    tmp_path: Path, data: Callable[[], bytes], said: str
) -> None:
    with pytest.raises(BadInput, match=said):
        read(tmp_path, data())
    assert [path.name for path in tmp_path.iterdir()] == ["nsfwjs-4.4.0.tgz"]


def test_what_is_not_needed_is_passed_over(tmp_path: Path) -> None:
    def more(tar: tarfile.TarFile) -> None:
        for add in (
            entry(tarfile.SYMTYPE, "package/link", "/etc/passwd"),
            entry(tarfile.REGTYPE, "../../outside", size=5),
            entry(tarfile.REGTYPE, "/tmp/outside", size=5),
        ):
            add(tar)

    assert read(tmp_path, packed(scripts(), more)).keys() == set(TENSORS)
    assert not (tmp_path.parent.parent / "outside").exists()


def test_no_more_members_than_a_package_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tarball, "MOST_MEMBERS", 2)
    with pytest.raises(BadInput, match="more than 2 members"):
        read(tmp_path, packed(scripts()))


LAST = list(drawn())[-1]


@pytest.mark.parametrize(
    ("member", "change", "said"),
    [
        (MANIFEST, lambda text: text.replace("weightsManifest", "weights"), "no list of weights"),
        (MANIFEST, lambda text: text.replace('"uint8"', '"uint16"', 1), "tensor 1 is not one of 8-bit weights"),
        (MANIFEST, lambda text: re.sub(r"min:[-.\d]+", "min:alert(1)", text, count=1), "tensor 1 is not"),
        (MANIFEST, lambda text: re.sub(r"scale:[-.\d]+", "scale:0", text, count=1), "not a positive number"),
        (MANIFEST, lambda text: re.sub(r"min:[-.\d]+", "min:1e999", text, count=1), "not a positive number"),
        (MANIFEST, lambda text: text.replace("[5,7]", "[5,8]"), "lists other than"),
        (MANIFEST, lambda text: text.replace("[5,7]", "[999999999,999999999]"), "lists other than"),
        (MANIFEST, lambda text: text.replace(LAST, TENSORS[0]), "a tensor twice"),
        (MANIFEST, lambda text: text.replace(TENSORS[9], "conv2d_3/other"), f"has no {TENSORS[9]}"),
        (MANIFEST, lambda text: text[: len(text) // 2], "is not one of 8-bit weights"),
        (MANIFEST, lambda text: "\udcff", "is not text"),
        (PARTS[0], lambda text: text.replace('"', "'"), "has 0 strings of base64"),
        (PARTS[0], lambda text: text + '"' + "A" * 80 + '"', "has 2 strings of base64"),
        (PARTS[0], lambda text: text.replace('exports="', 'exports="A'), "1-shard1of2.min.js is cut off"),
        (PARTS[0], lambda text: text.replace('exports="', 'exports="AAAA'), "not inception's"),
    ],
)
def test_scripts_of_another_form_are_refused(
    tmp_path: Path, member: str, change: Callable[[str], str], said: str
) -> None:
    members = scripts()
    changed = change(members[member].decode()).encode(errors="surrogateescape")
    assert changed != members[member]
    with pytest.raises(BadInput, match=said) as caught:
        read(tmp_path, packed({**members, member: changed}))
    assert "\n" not in str(caught.value)


def fake_npm(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    client = folder / "bin" / "npm"
    client.parent.mkdir()
    client.write_text(f"#!/bin/sh\n{script}\n")
    client.chmod(0o755)
    monkeypatch.setenv("PATH", f"{client.parent}:/usr/bin:/bin")


def test_npm_fetches_the_pinned_version_and_runs_no_scripts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_npm(tmp_path, 'echo "$@" > asked; echo packed > nsfwjs-4.4.0.tgz', monkeypatch)
    found = npm.fetch(pinned(b"-", joined()), tmp_path)
    assert found == tmp_path / "nsfwjs-4.4.0.tgz"
    asked = (tmp_path / "asked").read_text().split()
    assert asked[:2] == ["pack", "nsfwjs@4.4.0"]
    assert {"--ignore-scripts", f"--cache={tmp_path / 'cache'}"} <= set(asked)


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ('echo "npm error code E404\nnpm error 404 Not Found - GET https://x/nsfwjs" >&2; exit 1', "404 Not Found"),
        ("exit 0", "it gave no reason"),
        ("exec 2>&1; echo out; exit 3", "it gave no reason"),
    ],
)
def test_a_failure_of_npm_says_what_else_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, said: str
) -> None:
    fake_npm(tmp_path, script, monkeypatch)
    with pytest.raises(Unavailable, match=said) as caught:
        npm.fetch(pinned(b"-", joined()), tmp_path)
    assert "npm pack nsfwjs@4.4.0" in str(caught.value)
    assert "dreamkiosk models build inception --from nsfwjs-4.4.0.tgz" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_without_npm_the_way_by_hand_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(npm, "_client", lambda: None)
    with pytest.raises(Unavailable, match=r"there is no npm client here; .*--from nsfwjs-4.4.0.tgz"):
        npm.fetch(pinned(b"-", joined()), tmp_path)

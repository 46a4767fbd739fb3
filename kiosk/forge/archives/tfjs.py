"""Read 8-bit weights of TensorFlow.js out of scripts, as text: no part of a script is run.

A network in TensorFlow.js' format is a manifest (model.json) and binary files, here each made a script: the manifest as
an object literal, a binary file as a string of base64. The manifest's `weightsManifest` lists the tensors in the order
of the joined bytes: name, shape, and the scale and minimum of their 8-bit codes; a value is code * scale + min.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from kiosk.errors import BadInput
from kiosk.recipes.catalog import Archive, Network

NUMBER = r"-?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?"
LIST = re.compile(r'weightsManifest:\[\{paths:\["[^\]]*"\],weights:\[')
ENTRY = re.compile(
    r'\{name:"(?P<name>[\w./-]{1,100})",shape:\[(?P<shape>\d{1,9}(?:,\d{1,9}){0,7})\],dtype:"float32",'
    rf'quantization:\{{min:(?P<min>{NUMBER}),scale:(?P<scale>{NUMBER}),dtype:"uint8"\}}\}}(?P<end>[,\]])'
)
BYTES = re.compile(r'"([A-Za-z0-9+/]{64,}={0,2})"')
"""A string literal with the bytes; all other strings in such a script are shorter or have spaces."""


@dataclass(frozen=True)
class Listed:
    """A tensor in the manifest. Its values are code * scale + least."""

    name: str
    shape: tuple[int, ...]
    least: float
    scale: float


def read_weights(network: Network, members: Mapping[str, bytes], wanted: Iterable[str]) -> dict[str, np.ndarray]:
    """The tensors called `wanted`, name -> float32 array, from the scripts of the network's archive. Raises BadInput if
    the scripts have another form, the joined bytes another sha256, or a tensor is missing."""
    assert isinstance(network.archive, Archive)
    joined = b"".join(literal(name, members[name]) for name in network.archive.parts)
    digest = hashlib.sha256(joined).hexdigest()
    source = network.files[0]
    if len(joined) != source.size or digest != source.sha256:
        raise _bad(f"the joined weights are not {network.name}'s (sha256 {digest[:12]}…, wanted {source.sha256[:12]}…)")
    listed = listed_tensors(members[network.archive.manifest])
    if sum(math.prod(one.shape) for one in listed) != len(joined):
        raise _bad(f"its manifest lists other than the {len(joined)} bytes of the weights")
    return _arrays(listed, joined, set(wanted))


def literal(name: str, script: bytes) -> bytes:
    """The bytes that the script's one string of base64 stands for."""
    found = BYTES.findall(_text(name, script))
    if len(found) != 1:
        raise _bad(f"{name} has {len(found)} strings of base64, not one")
    if len(found[0]) % 4:
        raise _bad(f"the base64 in {name} is cut off")
    try:
        return base64.b64decode(found[0], validate=True)
    except binascii.Error as error:
        raise _bad(f"{name}: {error}") from error


def listed_tensors(script: bytes) -> list[Listed]:
    """The tensors that the manifest lists, in order."""
    text = _text("the manifest", script)
    start = LIST.search(text)
    if start is None:
        raise _bad("the manifest has no list of weights")
    listed, place = [], start.end()
    while entry := ENTRY.match(text, place):
        shape = tuple(int(length) for length in entry["shape"].split(","))
        listed.append(Listed(entry["name"], shape, float(entry["min"]), float(entry["scale"])))
        place = entry.end()
        if entry["end"] == "]":
            break
    else:
        raise _bad(f"the manifest's tensor {len(listed) + 1} is not one of 8-bit weights")
    if len({one.name for one in listed}) < len(listed):
        raise _bad("the manifest has a tensor twice")
    if not all(math.isfinite(one.least) and math.isfinite(one.scale) and one.scale > 0 for one in listed):
        raise _bad("the manifest has a scale that is not a positive number")
    return listed


def _arrays(listed: Sequence[Listed], joined: bytes, wanted: set[str]) -> dict[str, np.ndarray]:
    arrays, begin = {}, 0
    for one in listed:
        count = math.prod(one.shape)
        if one.name in wanted:
            codes = np.frombuffer(joined, np.uint8, count, begin).reshape(one.shape)
            arrays[one.name] = codes.astype(np.float32) * np.float32(one.scale) + np.float32(one.least)
        begin += count
    if absent := sorted(wanted - arrays.keys()):
        raise _bad(f"the manifest has no {absent[0]}")
    return arrays


def _text(name: str, script: bytes) -> str:
    try:
        return script.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _bad(f"{name} is not text") from error


def _bad(reason: str) -> BadInput:
    return BadInput(f"the archive cannot be used: {reason}", "bad_archive")

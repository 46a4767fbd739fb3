"""Weights in PyTorch's old format: read without PyTorch, and nothing of what the file says is taken on trust."""

from __future__ import annotations

import io
import pickle
import struct
import sys
import types
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from kiosk.errors import Unavailable
from kiosk.forge.readers.torch_weights import MAGIC, PROTOCOL, read_tensors

KERNEL = np.arange(24, dtype="<f4")


class FloatStorage:
    """Stands in for PyTorch's class of that name, by whose name a file names the type of its elements."""


FloatStorage.__module__ = "torch"


def _rebuild_tensor_v2(*_: object) -> None:
    """Stands in for PyTorch's function of that name."""


_rebuild_tensor_v2.__module__ = "torch._utils"


class Rebuilt:
    """A tensor, pickled as PyTorch pickles it."""

    def __init__(self, key: str, count: int, offset: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> None:
        self.stored = types.SimpleNamespace(key=key, count=count)
        self.rest = (offset, shape, strides, False, OrderedDict())

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild_tensor_v2, (self.stored, *self.rest)


class Pickler(pickle.Pickler):
    def persistent_id(self, obj: Any) -> Any:
        if isinstance(obj, types.SimpleNamespace):
            return ("storage", FloatStorage, obj.key, "cpu", obj.count, None)
        return None


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Callable[..., bytes]:
    """A function that writes a file with one storage, KERNEL, and the given table."""
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    torch.FloatStorage, utils._rebuild_tensor_v2 = FloatStorage, _rebuild_tensor_v2  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "torch._utils", utils)

    def write(table: Any, *, magic: int = MAGIC, little: bool = True, claimed: int = KERNEL.size) -> bytes:
        file = io.BytesIO()
        for part in (magic, PROTOCOL, {"little_endian": little}):
            pickle.dump(part, file, 2)
        Pickler(file, 2).dump(table)
        pickle.dump(["a"], file, 2)
        return file.getvalue() + struct.pack("<q", claimed) + KERNEL.tobytes()

    return write


def tensor(offset: int = 0, shape: tuple[int, ...] = (2, 3, 4), strides: tuple[int, ...] = (12, 4, 1)) -> Rebuilt:
    return Rebuilt("a", KERNEL.size, offset, shape, strides)


def test_tensors_are_read_whole_in_part_and_transposed(written: Callable[..., bytes]) -> None:
    table = OrderedDict(whole=tensor(), turned=tensor(shape=(4, 6), strides=(1, 4)), part=tensor(20, (4,), (1,)))
    found = read_tensors(written(table))
    assert np.array_equal(found["whole"], KERNEL.reshape(2, 3, 4))
    assert np.array_equal(found["turned"], KERNEL.reshape(6, 4).T)
    assert np.array_equal(found["part"], KERNEL[20:])


@pytest.mark.parametrize(
    "lying",
    [
        tensor(offset=1),
        tensor(offset=-1),
        tensor(shape=(2, 3, 5)),
        tensor(shape=(10**9,), strides=(0,)),
        tensor(shape=(-2, 3, 4)),
        tensor(strides=(-12, 4, 1)),
        tensor(strides=(4, 1)),
        Rebuilt("b", KERNEL.size, 0, (24,), (1,)),
        Rebuilt("a", 2**40, 0, (24,), (1,)),
    ],
    ids=["offset", "before", "shape", "stride-0", "negative", "backward", "rank", "storage", "count"],
)
def test_a_tensor_that_claims_more_than_the_file_has_is_refused(written: Callable[..., bytes], lying: Rebuilt) -> None:
    with pytest.raises(Unavailable, match="weights cannot be read"):
        read_tensors(written(OrderedDict(lying=lying)))


@pytest.mark.parametrize("options", [{"magic": 7}, {"little": False}, {"claimed": 2**60}, {"claimed": -1}], ids=str)
def test_another_file_is_refused(written: Callable[..., bytes], options: dict[str, Any]) -> None:
    with pytest.raises(Unavailable, match="weights cannot be read"):
        read_tensors(written(OrderedDict(whole=tensor()), **options))


def test_a_file_that_is_cut_short_is_refused(written: Callable[..., bytes]) -> None:
    whole = written(OrderedDict(whole=tensor()))
    for length in range(0, len(whole), 7):
        with pytest.raises(Unavailable):
            read_tensors(whole[:length])


def test_nothing_in_the_file_is_run(written: Callable[..., bytes]) -> None:
    with pytest.raises(Unavailable, match="refused"):
        read_tensors(written(OrderedDict(whole=print)))

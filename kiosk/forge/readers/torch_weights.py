"""Read the weights in a file that PyTorch wrote before version 1.6, without PyTorch and without running anything in it.

The file is four pickles (a magic number, a protocol version, facts of the machine, the table of tensors), a pickled
list of storage names, and for each of those the number of its elements, int64, and the elements. Format: the functions
`_legacy_save` and `_legacy_load` of `torch/serialization.py`.
"""

from __future__ import annotations

import io
import math
import pickle
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from kiosk.errors import Unavailable

MAGIC = 0x1950A86A20F9469CFC6C
PROTOCOL = 1001
COUNT_BYTES = 8
_STORAGES = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


@dataclass(frozen=True)
class _Kind:
    """A class of storage, which the file names and which is never called."""

    dtype: np.dtype


@dataclass(frozen=True)
class _Stored:
    """A tensor as the pickle describes it, before its elements have been read."""

    kind: _Kind
    key: str
    count: int
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    """Elements, not bytes. Files converted from other frameworks hold transposed tensors."""


def read_tensors(data: bytes) -> Mapping[str, np.ndarray]:
    """Tensor name -> array. Raises Unavailable for a file that is anything but a table of tensors."""
    try:
        stream = io.BytesIO(data)
        opening = [_Unpickler(stream).load() for _ in range(2)]
        if opening != [MAGIC, PROTOCOL]:
            raise ValueError("not a file of PyTorch's old format")
        if not _Unpickler(stream).load()["little_endian"]:
            raise ValueError("written on a big-endian machine")
        table = _Unpickler(stream).load()
        storages = _storages(data, stream, table)
        return {str(name): _array(stored, storages) for name, stored in table.items()}
    except _DAMAGE as error:
        raise Unavailable(f"the weights cannot be read: {error}", "weights_pickle") from error


_DAMAGE = (pickle.UnpicklingError, EOFError, ValueError, AttributeError, TypeError, KeyError, IndexError)


class _Unpickler(pickle.Unpickler):
    """Accepts only the names that a table of tensors needs, because a pickle may run any code."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _described
        if module == "torch" and name in _STORAGES:
            return _Kind(_STORAGES[name])
        raise Unavailable(f"the weights name {module}.{name}, which no tensor needs: refused", "weights_pickle")

    def persistent_load(self, pid: Any) -> tuple[_Kind, str, int]:
        kind, key, _, count, view = pid[1:]
        if pid[0] != "storage" or view is not None or not isinstance(kind, _Kind):
            raise ValueError("a storage of an unknown kind")
        return kind, str(key), int(count)


def _described(storage: tuple[_Kind, str, int], offset: int, shape: Any, strides: Any, *_: Any) -> _Stored:
    """Stands in for the function that would make the tensor."""
    kind, key, count = storage
    return _Stored(kind, key, count, int(offset), tuple(map(int, shape)), tuple(map(int, strides)))


def _storages(data: bytes, stream: io.BytesIO, table: Mapping[str, _Stored]) -> dict[str, np.ndarray]:
    """Storage name -> its elements, read from the rest of the file, which must hold as many as the file claims."""
    keys = _Unpickler(stream).load()
    known = {stored.key: stored for stored in table.values()}
    found: dict[str, np.ndarray] = {}
    at = stream.tell()
    for key in keys:
        stored = known[key]
        count = int(np.frombuffer(data, "<i8", 1, at)[0])
        if count != stored.count or not 0 <= count <= len(data) // stored.kind.dtype.itemsize:
            raise ValueError("a storage of another size than announced")
        found[key] = np.frombuffer(data, stored.kind.dtype, count, at + COUNT_BYTES)
        at += COUNT_BYTES + found[key].nbytes
    return found


def _array(stored: _Stored, storages: Mapping[str, np.ndarray]) -> np.ndarray:
    """The tensor's elements, copied. Everything that the file claims about them is checked against its storage."""
    elements = storages[stored.key]
    if len(stored.shape) != len(stored.strides) or min((*stored.shape, *stored.strides, stored.offset, 1)) < 0:
        raise ValueError("a tensor of no shape")
    size = math.prod(stored.shape)
    last = stored.offset + sum((n - 1) * step for n, step in zip(stored.shape, stored.strides, strict=True))
    # A stride of 0 would make a large tensor out of one element.
    if size > len(elements) or (size and last >= len(elements)):
        raise ValueError("a tensor beyond the end of its storage")
    strides = [step * elements.itemsize for step in stored.strides]
    return np.lib.stride_tricks.as_strided(elements[stored.offset :], stored.shape, strides).copy()

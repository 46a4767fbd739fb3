"""The weights of the face finder are read by a reader that runs nothing, and its graphs take what they should."""

from __future__ import annotations

import io
import pickle

import lz4.frame
import numpy as np
import onnxruntime as ort
import pytest

from kiosk.errors import Unavailable
from kiosk.forge.readers.mtcnn import build_detector, read_weights
from kiosk.forge.readers.weights import read_source
from kiosk.nets.faces import NETWORKS
from kiosk.recipes import catalog


def source(name: str) -> bytes:
    network = catalog.load().network(name)
    return read_source(network, network.files[0].path)


@pytest.mark.parametrize(
    ("name", "arrays", "parameters"), [*zip(NETWORKS, (13, 16, 21), (6632, 100178, 389040), strict=True)]
)
def test_every_weight_is_read(name: str, arrays: int, parameters: int) -> None:
    weights = read_weights(source(name))
    assert len(weights) == arrays
    assert sum(array.size for array in weights) == parameters
    assert all(np.isfinite(array).all() and array.dtype == np.float32 for array in weights)


@pytest.mark.parametrize(
    ("name", "side", "score", "shift"),
    [
        ("mtcnn-pnet", 12, (2, 2, 1, 1), (2, 4, 1, 1)),
        ("mtcnn-pnet", 40, (2, 2, 15, 15), (2, 4, 15, 15)),
        ("mtcnn-rnet", 24, (2, 2), (2, 4)),
        ("mtcnn-onet", 48, (2, 2), (2, 4)),
    ],
)
def test_a_graph_gives_scores_and_shifts(name: str, side: int, score: tuple, shift: tuple) -> None:
    session = ort.InferenceSession(build_detector(name, source(name)).SerializeToString())
    scores, shifts = session.run(["score", "shift"], {"image": np.full((2, 3, side, side), 90, np.float32)})
    assert np.asarray(scores).shape == score
    assert np.asarray(shifts).shape == shift
    np.testing.assert_allclose(np.asarray(scores).sum(axis=1), 1, atol=1e-5)


class Bomb:
    def __reduce__(self):
        return (print, ("boom",))


@pytest.mark.parametrize(
    "content", [[Bomb()], {"a": 1}, [1, 2], [np.ones(3)]], ids=["code", "dict", "numbers", "plain"]
)
def test_anything_but_a_list_of_arrays_is_refused(content: object, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Unavailable):
        read_weights(lz4.frame.compress(pickle.dumps(content)))
    assert capsys.readouterr().out == ""


def test_damaged_weights_are_refused() -> None:
    data = io.BytesIO(lz4.frame.decompress(source("mtcnn-pnet"))).getvalue()
    for broken in (b"", data[:40], data[: len(data) // 2]):
        with pytest.raises(Unavailable):
            read_weights(lz4.frame.compress(broken))
    with pytest.raises(Unavailable):
        read_weights(b"not compressed")

"""Reading ncnn's text and weights, and refusing what does not fit to the last byte."""

import struct

import numpy as np
import pytest

from kiosk.errors import BadInput
from kiosk.forge.readers.ncnn import read_ncnn

PARAM = """7767517
3 3
Input   in   0 1 x
Convolution conv 1 1 x y 0=2 1=1 5=1 6=6 9=2 -23310=1,0.100000
InnerProduct fc 1 1 y z 0=1 1=1 2=2 9=4
"""
CONV = np.arange(6, dtype=np.float16)
HALF = struct.pack("<I", 0x01306B47) + CONV.tobytes() + np.array([7, 8], np.float32).tobytes()
FULL = struct.pack("<I", 0) + np.array([1.5, -2.5], np.float32).tobytes() + np.array([9], np.float32).tobytes()


def test_half_and_full_weights_are_read_with_their_biases():
    _, conv, inner = read_ncnn(PARAM.encode(), HALF + FULL)
    assert np.array_equal(conv.weight.ravel(), CONV)
    assert conv.weight.shape == (2, 3, 1, 1)
    assert conv.bias.tolist() == [7, 8]
    assert conv.params[10] == (0.1,) or conv.params[10][0] == pytest.approx(0.1)
    assert inner.weight.tolist() == [[1.5, -2.5]]


def test_an_odd_count_of_half_weights_is_padded_to_four_bytes():
    param = "7767517\n2 2\nInput in 0 1 x\nConvolution c 1 1 x y 0=1 1=1 5=1 6=3\n"
    weights = struct.pack("<I", 0x01306B47) + np.ones(3, np.float16).tobytes() + b"\0\0" + np.float32(4).tobytes()
    assert read_ncnn(param.encode(), weights)[1].bias.tolist() == [4]


@pytest.mark.parametrize(
    ("param", "weights", "says"),
    [
        (PARAM, HALF + FULL[:-1], "too early"),
        (PARAM, HALF + FULL + b"\0", "left over"),
        (PARAM, b"\1\2\3\4" + HALF[4:] + FULL, "block tag"),
        (PARAM.replace("7767517", "7767518"), HALF + FULL, "magic"),
        (PARAM.replace("3 3", "4 3"), HALF + FULL, "announced"),
        (PARAM.replace("1 1 y z", "1 1 w z"), HALF + FULL, "produced by no layer"),
        (PARAM.replace("InnerProduct", "Softmax"), HALF + FULL, "not known"),
        (PARAM.replace("6=6", "6=7"), HALF + FULL, "do not fit"),
        ("", b"", ".param"),
        (PARAM, HALF[:4] + np.full(6, np.inf, np.float16).tobytes() + HALF[16:] + FULL, "finite"),
    ],
)
def test_files_that_do_not_fit_are_refused(param, weights, says):
    with pytest.raises(BadInput, match=says):
        read_ncnn(param.encode(), weights)

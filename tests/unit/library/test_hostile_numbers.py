"""Numbers that a file says of itself are compared with the file before memory is asked for."""

from __future__ import annotations

import io
import pickle
import resource
import struct
import subprocess
import sys
from pathlib import Path

import lz4.frame
import numpy as np
import pytest
from onnx import helper
from PIL import Image

from kiosk.errors import BadInput, Unavailable
from kiosk.forge.gradient.constants import fold
from kiosk.forge.readers.mtcnn import read_weights
from kiosk.forge.readers.ncnn import read_ncnn
from kiosk.pictures.containers import container, tiff
from kiosk.pictures.containers.exif import orientation
from kiosk.pictures.containers.parts import Damaged
from kiosk.pictures.gpano import GPano, gpano_xmp, read_gpano, with_xmp
from kiosk.pictures.tags import Tags
from kiosk.pipeline.placing import place

PLACE = """
import re, sys
from pathlib import Path
import numpy as np
from PIL import Image
from kiosk.pictures.read import read_tags
from kiosk.pipeline.placing import place

picture = np.asarray(Image.open(sys.argv[1]).convert("RGB"))
place(picture, read_tags(Path(sys.argv[1])), 1024)
print(int(re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text())[1]))
"""

# (left, top, width, height) of the picture in a panorama of (width, height).
BOXES: dict[str, tuple[tuple[int, int, int, int], tuple[int, int]]] = {
    "below": ((0, 400, 1024, 1_000_000_000), (1024, 512)),
    "tall": ((0, 0, 8, 8_000_000), (8, 1)),
    "huge": ((0, 0, 2_000_000_000, 1_000_000_000), (2_000_000_000, 1_000_000_000)),
    "deep": ((0, 0, 512, 1_000_000), (1024, 100)),
    "negative": ((-5, -5, 1024, 512), (1024, 512)),
    "flat": ((0, 0, 999_999, 999_999), (999_999, 1)),
    "at the last row": ((0, 512, 1024, 512), (1024, 512)),
    "thin": ((0, 0, 1, 999_999), (1_000_000, 2)),
}


def boxed(box: tuple[int, int, int, int], full: tuple[int, int]) -> bytes:
    buffer = io.BytesIO()
    Image.effect_noise((64, 32), 60).convert("RGB").save(buffer, "JPEG")
    place = {"CroppedAreaLeftPixels": box[0], "CroppedAreaTopPixels": box[1]}
    place |= {"FullPanoWidthPixels": full[0], "FullPanoHeightPixels": full[1]}
    return with_xmp(buffer.getvalue(), gpano_xmp(box[2], box[3], **{f"GPano:{k}": v for k, v in place.items()}))


def peak(folder: Path, photo: bytes) -> int:
    """Kilobytes that a process takes at most that places the photo."""
    (folder / "photo.jpg").write_bytes(photo)
    limit = 4 * 2**30  # a failure must not take the machine with it
    done = subprocess.run(
        [sys.executable, "-c", PLACE, folder / "photo.jpg"],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


@pytest.fixture(scope="module")
def ordinary(tmp_path_factory: pytest.TempPathFactory) -> int:
    return peak(tmp_path_factory.mktemp("ordinary"), boxed((0, 100, 1024, 300), (1024, 512)))


@pytest.mark.slow
@pytest.mark.parametrize("case", BOXES)
def test_a_box_that_cannot_be_takes_no_more_memory_than_one_that_can(tmp_path: Path, ordinary: int, case: str) -> None:
    assert peak(tmp_path, boxed(*BOXES[case])) <= 1.5 * ordinary


@pytest.mark.parametrize("case", BOXES)
def test_a_box_that_cannot_be_is_no_place_at_all(case: str) -> None:
    found = read_gpano(boxed(*BOXES[case]))
    assert found is None or (found.cropped_top + found.cropped_height <= found.full_height * 1.02 + 1)


def test_whatever_the_box_a_sphere_is_made() -> None:
    picture = np.full((32, 64, 3), 90, np.uint8)
    for box, full in BOXES.values():
        placed = place(picture, Tags(gpano=GPano("equirectangular", *full, *map(abs, box))), 256)
        assert placed.sphere.shape == (128, 256, 3)
        assert placed.covered is None or placed.covered.any()


def test_a_box_a_pixel_off_is_believed() -> None:
    for box, full in (((0, 0, 1024, 513), (1024, 512)), ((1000, 0, 200, 512), (1024, 512))):
        assert read_gpano(boxed(box, full)) is not None


def exif_naming_itself(entries: int) -> bytes:
    """EXIF whose tags all name the whole block: a reader that believes it has the block `entries` times in memory."""
    length = 14 + 12 * entries
    tags = [struct.pack("<HHII", 0x8000 + n, 7, length, 0) for n in range(entries)]
    return b"Exif\0\0" + struct.pack("<2sHIH", b"II", 42, 8, entries) + b"".join(tags) + b"\0" * 4


def test_tags_that_all_name_the_same_bytes_are_not_read(tmp_path: Path) -> None:
    exif = exif_naming_itself(5000)
    assert orientation(exif) == 1
    with pytest.raises(Damaged):
        tiff.take_apart(exif[6:])


def test_orientation_is_found_among_other_tags_in_both_orders() -> None:
    for order, start in (("<", b"II"), (">", b"MM")):
        tags = [(0x010F, 2, 4, b"abc\0"), (0x0112, 3, 1, struct.pack(f"{order}HH", 6, 0))]
        body = b"".join(struct.pack(f"{order}HHI", *tag[:3]) + tag[3] for tag in tags)
        block = start + struct.pack(f"{order}HIH", 42, 8, len(tags)) + body
        assert orientation(block) == orientation(b"Exif\0\0" + block) == 6
        for cut in range(len(block)):
            assert orientation(block[:cut]) in (1, 6)


FILES = {
    "a PNG chunk beyond the file": b"\x89PNG\r\n\x1a\n" + struct.pack(">I4s", 2**32 - 1, b"IDAT") + b"\0" * 64,
    "a WebP chunk beyond the file": b"RIFF" + struct.pack("<I4s4sI", 80, b"WEBP", b"VP8 ", 2**32 - 1) + b"\0" * 70,
    "a WebP that is longer than the file": b"RIFF"
    + struct.pack("<I4s4sI", 2**32 - 1, b"WEBP", b"VP8 ", 4)
    + b"\0" * 70,
    "a JPEG segment beyond the file": b"\xff\xd8\xff\xe1\xff\xff" + b"\0" * 70,
    "a HEIC box beyond the file": struct.pack(">I8s8sI4sI", 24, b"ftypheic", b"\0" * 8, 2**31, b"meta", 0) + b"\0" * 70,
    "a HEIC box shorter than its head": struct.pack(">I8s8sI4sI", 24, b"ftypheic", b"\0" * 8, 3, b"meta", 0)
    + b"\0" * 70,
}


@pytest.mark.parametrize("case", FILES)
def test_a_length_beyond_the_file_is_damage(case: str) -> None:
    with pytest.raises(Damaged):
        container.take_apart(FILES[case])


class _Wrapper:
    """What joblib pickles for an array."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.__dict__.update(shape=shape, order="C", dtype=np.dtype("f4"), subclass=np.ndarray, allow_mmap=False)


_Wrapper.__module__, _Wrapper.__qualname__ = "joblib.numpy_pickle", "NumpyArrayWrapper"


def weights_of(shape: tuple[int, ...], values: bytes, monkeypatch: pytest.MonkeyPatch) -> bytes:
    import types

    module = types.ModuleType("joblib.numpy_pickle")
    module.NumpyArrayWrapper = _Wrapper  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "joblib", types.ModuleType("joblib"))
    monkeypatch.setitem(sys.modules, "joblib.numpy_pickle", module)
    text = pickle.dumps([_Wrapper(shape)], 2)
    # The values lie behind the array's own part of the pickle, before the list takes it.
    at = text.rindex(b"b")
    return lz4.frame.compress(text[: at + 1] + values + text[at + 1 :])


def test_an_array_within_its_file_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.arange(6, dtype=np.float32)
    (read,) = read_weights(weights_of((2, 3), values.tobytes(), monkeypatch))
    assert np.array_equal(read, values.reshape(2, 3))


@pytest.mark.parametrize("shape", [(2**62, 2**62), (-1, 6), (10**9,), (7,), (2**70,)])
def test_an_array_of_more_than_its_file_is_refused(shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Unavailable):
        read_weights(weights_of(shape, b"\0" * 24, monkeypatch))


def test_a_pickle_cannot_ask_for_an_array_itself() -> None:
    asks = b"\x80\x02]cnumpy\nndarray\n(J\x00\x00\x00\x7ftt\x81a."
    calls = b"\x80\x02cnumpy\nndarray\n(J\x00\x00\x00\x10\x85tR."
    for text in (asks, calls):
        with pytest.raises(Unavailable):
            read_weights(lz4.frame.compress(text))


def test_weights_that_unpack_to_more_than_a_network_has_are_refused() -> None:
    with pytest.raises(Unavailable, match="more than"):
        read_weights(lz4.frame.compress(b"\0" * 2**27))


@pytest.mark.parametrize(
    "layer",
    [
        "Convolution c 1 1 in out 0=4 1=3 6=-36",
        "Convolution c 1 1 in out 0=1000000000000 1=3 6=0",
        "Convolution c 1 1 in out 0=1000000000 1=1000000 6=1000000000000000000000",
        "InnerProduct c 1 1 in out 0=4 2=-8",
        "InnerProduct c 1 1 in out 0=1000000000000 2=0",
        "Convolution c -3 3 in out 0=4 1=3 6=36",
        "Convolution c 1 1 in out 0=4 1=3 6=36 -23300=1e400,1",
    ],
)
def test_sizes_of_an_ncnn_layer_that_cannot_be_are_refused(layer: str) -> None:
    text = f"7767517\n2 2\nInput in 0 1 in\n{layer}\n"
    with pytest.raises(BadInput):
        read_ncnn(text.encode(), b"\0" * 64)


def test_a_constant_of_any_size_is_not_worked_out() -> None:
    node = helper.make_node("ConstantOfShape", ["shape"], ["huge"])
    with pytest.raises(BadInput, match="constant"):
        fold([node], {"shape": np.array([10**6, 10**6], np.int64)}, 18)
    known = {"shape": np.array([3, 5], np.int64)}
    assert fold([node], known, 18) == []
    assert known["huge"].shape == (3, 5)

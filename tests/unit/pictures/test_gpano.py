"""GPano in JPEGs: what is written is read back, and what strangers send is never fatal."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from kiosk.errors import BadInput
from kiosk.pictures.gpano import gpano_xmp, read_gpano, with_xmp
from kiosk.pictures.read import read_tags
from kiosk.pictures.sphere_jpeg import encode_jpeg, save_jpeg


def picture(width: int = 128, height: int = 64) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (height, width, 3), np.uint8)


def plain_jpeg(width: int = 128, height: int = 64) -> bytes:
    return encode_jpeg(picture(width, height), gpano=False)


def packet(properties: str) -> bytes:
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description xmlns:GPano="http://ns.google.com/photos/1.0/panorama/" '
        f"{properties}</rdf:RDF></x:xmpmeta>"
    ).encode()


CROP = {
    "ProjectionType": "equirectangular",
    "FullPanoWidthPixels": 4000,
    "FullPanoHeightPixels": 2000,
    "CroppedAreaLeftPixels": 100,
    "CroppedAreaTopPixels": 700,
    "CroppedAreaImageWidthPixels": 3000,
    "CroppedAreaImageHeightPixels": 600,
}


def test_a_saved_sphere_says_that_it_is_a_full_sphere(tmp_path):
    save_jpeg(tmp_path / "a.jpg", picture(), extra_xmp={"Recipe": 'a "quoted" <thing>'})
    found = read_gpano(tmp_path / "a.jpg")
    assert found is not None
    assert found.is_full
    assert (found.projection, found.full_width, found.full_height) == ("equirectangular", 128, 64)
    assert (found.cropped_left, found.cropped_top, found.cropped_width, found.cropped_height) == (0, 0, 128, 64)
    data = (tmp_path / "a.jpg").read_bytes()
    assert b'GPano:UsePanoramaViewer="True"' in data
    assert Image.open(io.BytesIO(data)).size == (128, 64)
    assert [path.name for path in tmp_path.iterdir()] == ["a.jpg"]


def test_the_pixels_survive_within_what_jpeg_does(tmp_path):
    smooth = np.broadcast_to(np.linspace(0, 255, 128, dtype=np.uint8)[None, :, None], (64, 128, 3))
    save_jpeg(tmp_path / "a.jpg", np.ascontiguousarray(smooth), quality=95)
    back = np.asarray(Image.open(tmp_path / "a.jpg"))
    assert np.abs(back.astype(int) - smooth).max() <= 4


def test_a_heading_is_kept():
    found = read_gpano(with_xmp(plain_jpeg(), gpano_xmp(128, 64, heading=370.5)))
    assert found is not None
    assert found.pose_heading_degrees == 10.5


@pytest.mark.parametrize("size", [(128, 63), (64, 64), (130, 64)])
def test_a_picture_that_is_not_two_to_one_is_refused(tmp_path, size):
    with pytest.raises(BadInput, match="twice as wide"):
        save_jpeg(tmp_path / "a.jpg", picture(*size))
    assert not list(tmp_path.iterdir())


def test_properties_are_read_as_attributes_and_as_elements():
    attributes = " ".join(f'GPano:{name}="{value}"' for name, value in CROP.items()) + "/>"
    elements = (
        ">" + "".join(f"<GPano:{name}>{value}</GPano:{name}>" for name, value in CROP.items()) + "</rdf:Description>"
    )
    first = read_gpano(with_xmp(plain_jpeg(), packet(attributes)))
    assert first is not None
    assert first == read_gpano(with_xmp(plain_jpeg(), packet(elements)))
    assert (first.cropped_left, first.cropped_top, first.cropped_width) == (100, 700, 3000)
    assert not first.is_full


def test_sizes_that_are_left_out_are_those_of_the_picture():
    found = read_gpano(with_xmp(plain_jpeg(), packet('GPano:ProjectionType="equirectangular"/>')))
    assert found is not None
    assert (found.full_width, found.full_height, found.is_full) == (128, 64, True)


def test_new_metadata_replaces_the_old():
    twice = with_xmp(with_xmp(plain_jpeg(), gpano_xmp(128, 64, heading=1)), gpano_xmp(128, 64, heading=2))
    found = read_gpano(twice)
    assert found is not None
    assert found.pose_heading_degrees == 2
    assert twice.count(b"x:xmpmeta xmlns") == 1


LAUGHS = (
    b'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">'
    b'<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;">]><l>&d;</l>'
)
OUTSIDE = b'<!DOCTYPE l [<!ENTITY x SYSTEM "file:///etc/passwd">]><l>&x;</l>'


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"not xml at all",
        b"<x:xmpmeta",
        b"\xff\xfe\x00garbage<>",
        LAUGHS,
        OUTSIDE,
        packet('GPano:ProjectionType="equirectangular" GPano:FullPanoWidthPixels="many"/>'),
        packet('GPano:ProjectionType="equirectangular" GPano:FullPanoWidthPixels="-5"/>'),
        packet('GPano:ProjectionType="equirectangular" GPano:FullPanoWidthPixels="1e300"/>'),
        packet('GPano:ProjectionType="equirectangular" GPano:FullPanoWidthPixels="inf"/>'),
        packet('GPano:ProjectionType="equirectangular" GPano:CroppedAreaLeftPixels="-1"/>'),
        packet('GPano:UsePanoramaViewer="False"/>'),
        packet('GPano:SourcePhotosCount="12"/>'),
    ],
)
def test_metadata_that_makes_no_sense_is_ignored(bad):
    assert read_gpano(with_xmp(plain_jpeg(), bad)) is None


def test_entities_inside_a_panorama_are_not_expanded():
    good = packet('GPano:ProjectionType="equirectangular"/>')
    assert read_gpano(with_xmp(plain_jpeg(), b'<!DOCTYPE x [<!ENTITY a "b">]>' + good)) is not None
    bomb = LAUGHS.split(b"<l>")[0] + b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>&d;</x:xmpmeta>"
    assert read_gpano(with_xmp(plain_jpeg(), bomb)) is None


@pytest.mark.parametrize("cut", [0, 1, 2, 3, 10, 21, 40, 200, 500])
def test_files_cut_short_are_photos_without_metadata_or_with_it_but_never_an_error(cut):
    data = with_xmp(plain_jpeg(), gpano_xmp(128, 64))
    whole = read_gpano(data)
    assert whole is not None
    assert read_gpano(data[:cut]) in (None, whole)
    assert read_gpano(b"\x89PNG" + data[:cut]) is None


ODD_TEXT = {
    "UTF-16 with a mark": lambda one: "\ufeff".encode("utf-16-le") + one.decode().encode("utf-16-le"),
    "UTF-16 without a mark": lambda one: one.decode().encode("utf-16-le"),
    "UTF-16, high byte first": lambda one: one.decode().encode("utf-16-be"),
    "UTF-32": lambda one: one.decode().encode("utf-32"),
    "a byte of Latin-1": lambda one: one.replace(b"<rdf:Description ", b"<rdf:Description rdf:about='caf\xe9' "),
    "junk behind it": lambda one: one + b"<?xpacket end='w'?>\0\0 <b> > \xff",
}


@pytest.mark.parametrize("write", ODD_TEXT.values(), ids=ODD_TEXT)
@pytest.mark.parametrize("form", ["JPEG", "TIFF", "WEBP"])
def test_a_packet_is_read_however_its_text_is_written(write, form: str) -> None:
    crop = " ".join(f'GPano:{name}="{value}"' for name, value in CROP.items())
    xmp = write(packet(f"{crop}/>"))
    file = io.BytesIO()
    options = {"tiffinfo": {700: xmp}} if form == "TIFF" else {"xmp": xmp}
    Image.fromarray(picture(300, 60)).save(file, form, **options)
    gpano = read_gpano(file.getvalue())
    assert gpano is not None
    assert (gpano.full_width, gpano.cropped_left, gpano.cropped_top) == (4000, 100, 700)
    assert read_tags(file.getvalue()).gpano == gpano

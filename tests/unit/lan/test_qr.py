"""QR codes are decoded by OpenCV, from the SVG as drawn and from the terminal as shown."""

import re
import xml.etree.ElementTree as ElementTree

import cv2
import numpy as np
import pytest
import zxingcpp

from kiosk.lan.qr import QUIET_ZONE, qr_matrix, qr_svg, qr_terminal

TEXTS = [
    "http://192.168.4.1:8360/",
    "http://10.42.0.1:8360/v/0123456789abcdefghijkl",
    "https://192.168.100.200:8361/v/" + "aZ9-_" * 6,
    r"WIFI:T:WPA;S:Caf\;é \"Träume\";P:with\:colon\\;;",
]


def decode(dark: np.ndarray) -> str:
    picture = np.where(np.kron(dark, np.ones((8, 8), bool)), 0, 255).astype(np.uint8)
    return cv2.QRCodeDetector().detectAndDecode(picture)[0]


def rasterise(svg: str) -> np.ndarray:
    size = int(ElementTree.fromstring(svg).attrib["viewBox"].split()[2])
    dark = np.zeros((size, size), bool)
    for x, y, width in re.findall(r"M(\d+) (\d+)h(\d+)v1", svg):
        dark[int(y), int(x) : int(x) + int(width)] = True
    return dark


@pytest.mark.parametrize("text", TEXTS)
def test_the_svg_decodes_to_the_text(text):
    assert decode(rasterise(qr_svg(text))) == text


@pytest.mark.parametrize("text", TEXTS)
def test_the_terminal_code_decodes_to_the_text(text):
    rows = []
    for line in qr_terminal(text, color=False).split("\n"):
        rows.append([character in "▀█" for character in line])
        rows.append([character in "▄█" for character in line])
    assert decode(np.array(rows)) == text


def test_an_address_of_a_dream_takes_the_fewest_modules_that_hold_it():
    """Version 3, 29 modules a side, up to the longest private address: larger modules are read from farther away."""
    for address in ("10.0.0.1", "192.168.4.21", "192.168.100.100"):
        assert len(qr_matrix(f"http://{address}:8360/v/0123456789abcdefghijkl", border=0)) == 29


def test_what_room_is_left_goes_into_error_correction():
    """A short text leaves room for error correction: with a corner of the data painted over, it still reads."""
    text = "http://10.0.0.1:80/"
    dark = np.array(qr_matrix(text))
    dark[-QUIET_ZONE - 8 : -QUIET_ZONE, -QUIET_ZONE - 8 : -QUIET_ZONE] = True
    picture = np.where(np.kron(dark, np.ones((8, 8), bool)), 0, 255).astype(np.uint8)
    assert [code.text for code in zxingcpp.read_barcodes(picture)] == [text]


def test_the_quiet_zone_is_four_modules_and_light():
    matrix = np.array(qr_matrix("x"))
    inside = matrix[QUIET_ZONE:-QUIET_ZONE, QUIET_ZONE:-QUIET_ZONE]
    assert matrix.sum() == inside.sum() > 0


def test_every_terminal_line_sets_both_colors_and_resets_them():
    for line in qr_terminal("x").split("\n"):
        assert line.startswith("\x1b[38;5;16;48;5;231m")
        assert line.endswith("\x1b[0m")


def test_the_svg_is_crisp_and_takes_the_color_of_the_page():
    svg = qr_svg("a & b", label='the "dream"')
    assert 'shape-rendering="crispEdges"' in svg
    assert 'fill="currentColor"' in svg
    assert ElementTree.fromstring(svg).attrib["aria-label"] == 'the "dream"'
    assert "<rect" in svg
    assert "<rect" not in qr_svg("x", background=None)

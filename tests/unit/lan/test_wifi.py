"""The WIFI: code, character by character."""

import pytest

from kiosk.errors import BadInput
from kiosk.lan.wifi import join_code


@pytest.mark.parametrize(
    ("name", "password", "code"),
    [
        ("Dream", "longenough", "WIFI:T:WPA;S:Dream;P:longenough;;"),
        ("Open", None, "WIFI:T:nopass;S:Open;;"),
        ("Open", "", "WIFI:T:nopass;S:Open;;"),
        ("a;b", "12345678", r"WIFI:T:WPA;S:a\;b;P:12345678;;"),
        ("a:b,c", "p:w,12345", r"WIFI:T:WPA;S:a\:b\,c;P:p\:w\,12345;;"),
        ('"quoted"', r"back\slash", r"WIFI:T:WPA;S:\"quoted\";P:back\\slash;;"),
        (r"foo;bar\baz", None, r"WIFI:T:nopass;S:foo\;bar\\baz;;"),
        ("Träume 夢", "pass word", "WIFI:T:WPA;S:Träume 夢;P:pass word;;"),
        ("hex", "0" * 64, f"WIFI:T:WPA;S:hex;P:{'0' * 64};;"),
    ],
)
def test_names_and_passwords_are_escaped(name, password, code):
    assert join_code(name, password) == code


def test_a_hidden_network_says_so():
    assert join_code("x", "12345678", hidden=True) == "WIFI:T:WPA;S:x;P:12345678;H:true;;"


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("", None),
        ("x" * 33, None),
        ("夢" * 11, None),
        ("x", "short"),
        ("x", "x" * 64),
        ("x", "pässword1"),
        ("x", "tab\tinside"),
    ],
)
def test_what_no_access_point_accepts_is_refused(name, password):
    with pytest.raises(BadInput):
        join_code(name, password)

"""The protocol with the camera's helper process, with a stand-in for picamera2."""

from __future__ import annotations

import sys
import textwrap

import pytest

from kiosk.capture.picamera import HELPER, PiCamera
from kiosk.capture.source import PermanentFault, TemporaryFault

STAND_IN = """
class Picamera2:
    camera_properties = {"Model": "stand-in"}
    def __init__(self):
        print("libcamera chatters on standard output")
    def create_still_configuration(self):
        return {}
    def configure(self, configuration):
        pass
    def start(self):
        %s
    def capture_file(self, file, format):
        assert format == "jpeg"
        print("more chatter")
        self.taken = getattr(self, "taken", 0) + 1
        %s
        file.write(b"\\xff\\xd8" + bytes([self.taken]) * 300_000)
    def close(self):
        pass
"""


def camera(tmp_path, start="pass", take="pass", **limits) -> PiCamera:
    """The real helper with a module in picamera2's place."""
    (tmp_path / "picamera2.py").write_text(STAND_IN % (start, take))
    program = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
    program += f"import runpy; runpy.run_path({str(HELPER)!r}, run_name='__main__')"
    return PiCamera((sys.executable, "-I", "-c", program), **limits)


def scripted(text: str, **limits) -> PiCamera:
    return PiCamera((sys.executable, "-I", "-c", textwrap.dedent(text)), **limits)


def test_photos_arrive_whole_one_after_another(tmp_path):
    source = camera(tmp_path)
    source.open()
    for number in (1, 2, 3):
        shot = source.capture()
        assert shot is not None
        assert shot.encoded == b"\xff\xd8" + bytes([number]) * 300_000
    source.close()
    source.close()


def test_a_camera_that_fails_once_can_be_asked_again(tmp_path):
    source = camera(tmp_path, take="if self.taken == 1: raise RuntimeError('busy')")
    source.open()
    with pytest.raises(TemporaryFault, match="busy"):
        source.capture()
    shot = source.capture()
    assert shot is not None
    source.close()


def test_a_camera_that_does_not_start_is_a_temporary_fault_and_open_works_later(tmp_path):
    source = camera(tmp_path, start="raise RuntimeError('no camera plugged in')")
    with pytest.raises(TemporaryFault, match="plugged in"):
        source.open()
    camera(tmp_path)
    source.open()
    assert source.capture() is not None
    source.close()


def test_without_picamera2_the_fault_is_permanent_and_says_what_to_install():
    source = PiCamera((sys.executable, "-I", "-S", str(HELPER)))
    with pytest.raises(PermanentFault, match="python3-picamera2"):
        source.open()
    source.close()


def test_without_the_systems_python_the_fault_is_permanent():
    with pytest.raises(PermanentFault, match="cannot start"):
        PiCamera(("/nowhere/python3",)).open()


def test_a_helper_that_dies_is_a_temporary_fault():
    source = scripted("""print('{"ready": true}', flush=True); input()""")
    source.open()
    with pytest.raises(TemporaryFault, match="exited"):
        source.capture()
    source.close()


@pytest.mark.slow
def test_a_helper_that_hangs_is_given_up_and_killed():
    source = scripted("""import time; print('{"ready": true}', flush=True); time.sleep(60)""", take_limit=0.5)
    source.open()
    with pytest.raises(TemporaryFault, match="does not answer"):
        source.capture()
    source.close()


@pytest.mark.parametrize("line", ["nonsense", "[1]", '{"bytes": "many"}', '{"bytes": -1}', '{"bytes": 99999999999}'])
def test_a_helper_that_says_something_else_is_a_temporary_fault(line):
    source = scripted(f"print({line!r}, flush=True); input()")
    with pytest.raises(TemporaryFault):
        source.open()
    source.close()

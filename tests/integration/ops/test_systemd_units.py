"""The systemd units, checked by systemd-analyze."""

import shutil
import subprocess
from pathlib import Path

import pytest

import kiosk

UNITS = Path(kiosk.__file__).parent / "systemd"
ANALYZE = shutil.which("systemd-analyze")

pytestmark = pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not installed")


def with_commands_that_exist(unit, folder):
    """A copy of the unit whose programs exist here, because the test is not about what is installed."""
    lines = []
    for line in unit.read_text().replace("\\\n", " ").splitlines():
        if line.startswith("ExecStart="):
            line = "ExecStart=/bin/true " + line.partition(" ")[2]
        lines.append(line)
    copy = folder / unit.name
    copy.write_text("\n".join(lines) + "\n")
    return copy


@pytest.mark.parametrize("name", ["dreamkiosk.service", "dreamkiosk-screen.service"])
def test_systemd_finds_nothing_to_say_about_the_unit(tmp_path, name):
    for unit in UNITS.glob("*.service"):
        with_commands_that_exist(unit, tmp_path)
    done = subprocess.run([ANALYZE, "verify", str(tmp_path / name)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_service_is_well_confined(tmp_path):
    unit = with_commands_that_exist(UNITS / "dreamkiosk.service", tmp_path)
    command = [ANALYZE, "security", "--offline=yes", "--threshold=35", "--no-pager", str(unit)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if "unrecognized option" in done.stderr:
        pytest.skip("this systemd cannot judge a unit that is not loaded")
    assert done.returncode == 0, done.stdout[-3000:]


def test_the_service_runs_the_command_on_its_own_state():
    text = (UNITS / "dreamkiosk.service").read_text()
    assert "dreamkiosk --data /var/lib/dreamkiosk run" in text
    for line in (
        "Type=notify",
        "Restart=always",
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
        "StateDirectory=dreamkiosk",
    ):
        assert line in text.splitlines()
    assert any(line.startswith("WatchdogSec=") for line in text.splitlines())
    assert any(line.startswith("MemoryMax=") for line in text.splitlines())

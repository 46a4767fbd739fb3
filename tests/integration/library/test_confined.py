"""From inside the process that looks into uploads: what a file that takes it over could do."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from kiosk.errors import BadInput
from kiosk.library import intake_lock
from kiosk.library.intake import accept, decoders, default_limits
from kiosk.library.library import Library
from kiosk.ops.doctor import examination as doctor
from kiosk.pictures import apart, confine
from kiosk.pictures.decode import Limits
from kiosk.settings import Retention
from kiosk.storage import DataFolder

TRY = """
import ctypes, errno, json, os, resource, signal, socket, sys
from pathlib import Path
sys.path[:] = json.loads(sys.argv[1])
from kiosk.pictures import confine
from kiosk.pictures.decode import Limits, confine as confine_decoder

given = json.loads(sys.argv[2])
library = ctypes.CDLL(None, use_errno=True)
confine_decoder(Limits(memory_mb=4096)) if given["by"] == "all" else None
library.prctl(38, 1, 0, 0, 0)
confine._landlock(library) if given["by"] == "landlock" else None
confine._filter_calls(library) if given["by"] == "seccomp" else None
ways = {
    "read a file": lambda: open(given["file"]).read(),
    "list a folder": lambda: os.listdir(given["folder"]),
    "write a file": lambda: open(given["folder"] + "/new", "w"),
    "remove a file": lambda: os.unlink(given["file"]),
    "rename a file": lambda: os.rename(given["file"], given["file"] + ".old"),
    "make a folder": lambda: os.mkdir(given["folder"] + "/sub"),
    "empty a file": lambda: os.truncate(given["file"], 0),
    "change a file's mode": lambda: os.chmod(given["file"], 0o777),
    "read another's memory": lambda: open(f"/proc/{os.getppid()}/mem", "rb"),
    "connect to the kiosk": lambda: socket.create_connection(("127.0.0.1", given["port"]), 5),
    "send a datagram": lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
    "a socket in the file system": lambda: socket.socket(socket.AF_UNIX),
    "listen": lambda: socket.create_server(("127.0.0.1", 0)),
    "start a program": lambda: os.execv(sys.executable, [sys.executable, "-c", "pass"]),
    "start a process": lambda: os.fork() or os._exit(0),
    "end the kiosk": lambda: os.kill(os.getppid(), 0),
    "other limits for the kiosk": lambda: resource.prlimit(os.getppid(), resource.RLIMIT_NOFILE),
    "trace another": lambda: library.ptrace(16, os.getppid(), 0, 0) and exec("raise OSError(ctypes.get_errno(), '')"),
    "a larger file than a photo": lambda: os.pwrite(int(sys.argv[3]), b"x", 2**30),
}
found = {}
for name, way in ways.items():
    if given["only"] and name not in given["only"]:
        continue
    try:
        way()
        found[name] = "done"
    except OSError as error:
        found[name] = errno.errorcode.get(error.errno, str(error))
found["environment"] = sorted(os.environ)
found["folder"] = os.getcwd()
found["open files"] = sum(1 for fd in range(64) if library.fcntl(fd, 1) >= 0)
found["limits"] = {name: resource.getrlimit(getattr(resource, name))[1] for name in dir(resource) if "RLIMIT_" in name}
print(json.dumps(found))
"""
BY_FILES = ("read a file", "list a folder", "write a file", "remove a file", "rename a file", "make a folder")

BY_CALLS = ("empty a file", "change a file's mode", "read another's memory", "send a datagram", "listen")
BY_CALLS += ("a socket in the file system", "start a program", "start a process", "end the kiosk", "trace another")
BY_CALLS += ("other limits for the kiosk",)


@pytest.fixture
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A function that says what a child of intake's can do, confined by everything or by one means."""
    secret = tmp_path / "data" / "operator-pin"
    secret.parent.mkdir()
    secret.write_text("secret")
    monkeypatch.setenv("WIFI_PASSWORD", "secret")

    def look(by: str = "all", only: tuple[str, ...] = ()) -> dict[str, Any]:
        with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as kiosk:
            given = {"file": str(secret), "folder": str(secret.parent), "port": kiosk.getsockname()[1]}
            given |= {"by": by, "only": only}

            def command(targets: tuple[int, ...], _: Limits, program: str) -> list[str]:
                return [sys.executable, "-I", "-c", TRY, json.dumps(sys.path), json.dumps(given), str(targets[0])]

            monkeypatch.setattr(apart, "_command", command)
            with secret.open("rb") as received, (tmp_path / "written").open("wb") as written:
                said, status = apart._run(received, (written,), Limits(), lambda: None, "kiosk.library.looking.child")
        assert status == 0, said
        return json.loads(said)

    yield look
    assert secret.read_text() == "secret"
    assert [path.name for path in secret.parent.iterdir()] == ["operator-pin"]


def test_it_reaches_nothing_but_what_it_was_handed(inside) -> None:
    if not apart.confinement().system_calls:
        pytest.skip("this kernel has no seccomp filters, or this processor is not known")
    found = inside()
    ways = {name: result for name, result in found.items() if isinstance(result, str) and name != "folder"}
    assert len(ways) >= 19
    allowed = {name: result for name, result in ways.items() if result not in ("EACCES", "EPERM", "EFBIG")}
    assert allowed == {}
    assert ways["a larger file than a photo"] == "EFBIG"


def test_without_confinement_it_could_reach_them(inside) -> None:
    """Or the other tests here would show nothing."""
    found = inside(by="nothing", only=("read a file", "list a folder", "connect to the kiosk", "end the kiosk"))
    assert [found[name] for name in ("read a file", "list a folder", "connect to the kiosk", "end the kiosk")] == [
        "done"
    ] * 4


def test_its_environment_is_bare_its_folder_is_nobody_s_and_its_limits_are_low(inside) -> None:
    found = inside()
    assert set(found["environment"]) <= {"LC_ALL", "OPENBLAS_NUM_THREADS", "LD_LIBRARY_PATH", "LC_CTYPE"}
    assert found["folder"] == "/"
    assert found["open files"] == 4, "what it reads, what it says, what it complains of, what it writes"
    limits = found["limits"]
    assert limits["RLIMIT_NOFILE"] <= 16
    assert limits["RLIMIT_NPROC"] == 0
    assert limits["RLIMIT_FSIZE"] <= 16384 * 8192 + 65536
    assert limits["RLIMIT_CORE"] == 0
    assert limits["RLIMIT_AS"] <= 4096 * 2**20


@pytest.mark.parametrize("by", ["landlock", "seccomp"])
def test_each_means_holds_by_itself(inside, by: str) -> None:
    means = apart.confinement()
    if not (means.landlock if by == "landlock" else means.system_calls):
        pytest.skip(f"this kernel has no {by}")
    net = () if by == "landlock" and means.landlock < 4 else ("connect to the kiosk",)
    ways = (*BY_FILES, *net, *(BY_CALLS if by == "seccomp" else ()))
    found = inside(by, ways)
    assert {name: found[name] for name in ways} == dict.fromkeys(ways, "EACCES")


def test_the_filter_refuses_calls_counted_from_another_number(monkeypatch: pytest.MonkeyPatch) -> None:
    for machine in ("x86_64", "aarch64"):
        program = confine._program(machine)
        for at, (operation, yes, no, _) in enumerate(program):
            assert operation == confine._RETURN or at + 1 + max(yes, no) < len(program)
        refused = [value for operation, _, _, value in program if operation == confine._EQUAL]
        assert len(set(confine._REFUSED[machine])) == len(confine._REFUSED[machine]) < len(refused)
    monkeypatch.setattr("platform.machine", lambda: "m68k")
    assert confine._filter_calls(None) is False  # type: ignore[arg-type]


@pytest.mark.slow
def test_the_doctor_says_what_confines_it(data: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    (found,) = [one for one in doctor.examine(data) if one.name == "uploads"]
    assert found.verdict == ("ok" if apart.confinement().holds else "warn")
    monkeypatch.setattr(apart, "confinement", lambda: confine.Confined(False, 0))
    (found,) = [one for one in doctor.examine(data) if one.name == "uploads"]
    assert found.verdict == "warn"
    assert found.remedy


def test_no_more_of_them_run_than_the_machine_has_memory_for(data: DataFolder) -> None:
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    assert 1 <= decoders() <= 2
    assert decoders() * default_limits().memory_mb <= max(512, total * 6 // 10)
    data.prepare()
    with contextlib.ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(intake_lock.decoding(data, 2))
        waited: list[int] = []
        with (
            pytest.raises(Exception, match="moment"),
            intake_lock.decoding(data, 2, lambda: waited.append(1), patience=0.2),
        ):
            pass
        assert waited
    with intake_lock.decoding(data, 2):
        pass


def test_a_photo_is_taken_in_by_a_process_without_a_home(data: DataFolder, photo_bytes: bytes, monkeypatch) -> None:
    for name in ("HOME", "PATH", "PYTHONPATH", "USER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir("/")
    with Library(data, Retention()) as library:
        assert accept(library, photo_bytes).state == "received"
        with pytest.raises(BadInput):
            accept(library, photo_bytes[:500])
    assert resource.getrlimit(resource.RLIMIT_NPROC)[1] != 0, "the limits are the child's alone"

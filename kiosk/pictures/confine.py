"""Irrevocably drop a process's privileges. `python -m kiosk.pictures.confine` reports what this system supports.

A decoder compromised by a malicious file can use its open file descriptors and nothing else: no other files (such as
passwords and keys), no network, no other processes. Two mechanisms enforce this: a seccomp filter refuses the system
calls (man 2 seccomp), and Landlock refuses files and TCP (man 7 landlock). If the kernel has only one, that one is
used.
"""

from __future__ import annotations

import ctypes
import json
import os
import platform
import resource
import struct
import sys
from dataclasses import dataclass

_NO_NEW_PRIVILEGES, _SECCOMP, _FILTER = 38, 22, 2
_LANDLOCK_CREATE, _LANDLOCK_RESTRICT = 444, 446
_EACCES, _ENOSYS = 13, 38
# Refused: files by name (open, creat, rename, unlink, mkdir, link, chmod ...), sockets, exec, signals to other
# processes, tracing, namespaces, mounts, keyrings, and the kernel's large subsystems.
_REFUSED = {
    "x86_64": (
        *(
            2,
            41,
            42,
            43,
            49,
            50,
            53,
            57,
            58,
            59,
            62,
            76,
            82,
            83,
            84,
            85,
            86,
            87,
            88,
            90,
            92,
            94,
            101,
            133,
            155,
            161,
            165,
        ),
        *(166, 200, 248, 249, 250, 257, 258, 259, 260, 263, 264, 265, 266, 268, 272, 280, 288, 298, 304, 308, 310, 311),
        *(316, 321, 322, 323, 425, 434, 437, 438, 452),
    ),
    "aarch64": (
        *(33, 34, 35, 36, 37, 38, 39, 40, 41, 45, 51, 53, 54, 56, 88, 97, 117, 129, 130, 198, 199, 200, 201, 202, 203),
        *(217, 218, 219, 221, 241, 242, 265, 268, 270, 271, 276, 280, 281, 282, 425, 434, 437, 438, 452),
    ),
}
"""System call numbers per architecture (asm/unistd.h)."""
_CLONE = {"x86_64": 56, "aarch64": 220}
_LIMITS = {"x86_64": 302, "aarch64": 261}
_CLONE3 = 435
_THREAD = 0x00010000
_ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_FOREIGN_NUMBERS = 0x40000000
"""System call numbers of the x32 ABI on x86_64 start here."""
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _REFUSE, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_NUMBER_AT, _ARCHITECTURE_AT, _ARGUMENT_AT = 0, 4, 16


@dataclass(frozen=True)
class Confined:
    """The confinement in force. system_calls: whether seccomp filters; landlock: version of Landlock, 0 for none."""

    system_calls: bool
    landlock: int

    @property
    def holds(self) -> bool:
        """Whether files, including passwords and keys, are out of reach."""
        return self.system_calls or self.landlock > 0


def confine_process() -> Confined:
    """Deny this process and its threads access to files, network and other processes. Open descriptors stay usable.
    Import every module before calling this."""
    library = ctypes.CDLL(None, use_errno=True)
    if library.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0):
        return Confined(False, 0)
    landlock = _landlock(library)
    return Confined(_filter_calls(library), landlock)


def limit(what: int, amount: int) -> None:
    """Lower the soft and hard limit of resource `what` to `amount`; a hard limit that is already lower stays."""
    hard = resource.getrlimit(what)[1]
    amount = amount if hard == resource.RLIM_INFINITY else min(amount, hard)
    resource.setrlimit(what, (amount, amount))


def _landlock(library: ctypes.CDLL) -> int:
    """Refuse all files and TCP with Landlock. Returns its version, 0 if it is not available."""
    version = library.syscall(_LANDLOCK_CREATE, None, 0, 1)
    if version < 1:
        return 0
    # Each version adds access rights, and rejects a request with rights it does not know.
    files = {1: 13, 2: 14}.get(version, 15 if version < 5 else 16)
    fields = [2**files - 1, 3 if version >= 4 else 0, 3 if version >= 6 else 0]
    request = struct.pack("3Q", *fields)[: 8 if version < 4 else 16 if version < 6 else 24]
    rules = library.syscall(_LANDLOCK_CREATE, request, len(request), 0)
    if rules < 0:
        return 0
    held = library.syscall(_LANDLOCK_RESTRICT, rules, 0) == 0
    os.close(rules)
    return version if held else 0


def _filter_calls(library: ctypes.CDLL) -> bool:
    machine = platform.machine()
    if machine not in _REFUSED or sys.maxsize < 2**32:
        return False
    program = _program(machine)
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in program))

    class Filter(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_void_p))

    asked = Filter(len(program), ctypes.addressof(code))
    return library.prctl(_SECCOMP, _FILTER, ctypes.byref(asked), 0, 0) == 0


def _program(machine: str) -> list[tuple[int, int, int, int]]:
    """The filter as classic BPF instructions: (opcode, jump if true, jump if false, value)."""
    refuse = (_RETURN, 0, 0, _REFUSE | _EACCES)
    program = [
        (_LOAD, 0, 0, _ARCHITECTURE_AT),
        (_EQUAL, 1, 0, _ARCHITECTURE[machine]),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER_AT),
        (_AT_LEAST, 0, 1, _FOREIGN_NUMBERS),
        refuse,
    ]
    for number in _REFUSED[machine]:
        program += [(_EQUAL, 0, 1, number), refuse]
    # ENOSYS for clone3 makes the C library fall back to clone, whose flags the filter can check.
    program += [(_EQUAL, 0, 1, _CLONE3), (_RETURN, 0, 0, _REFUSE | _ENOSYS)]
    program += [
        (_EQUAL, 0, 4, _CLONE[machine]),
        (_LOAD, 0, 0, _ARGUMENT_AT),
        (_ANY_BIT, 1, 0, _THREAD),
        refuse,
        (_RETURN, 0, 0, _ALLOW),
        # prlimit64: only for this process.
        (_EQUAL, 0, 3, _LIMITS[machine]),
        (_LOAD, 0, 0, _ARGUMENT_AT),
        (_EQUAL, 1, 0, 0),
        refuse,
        (_RETURN, 0, 0, _ALLOW),
    ]
    return program


if __name__ == "__main__":
    confined = confine_process()
    print(json.dumps({"system_calls": confined.system_calls, "landlock": confined.landlock}))  # noqa: T201

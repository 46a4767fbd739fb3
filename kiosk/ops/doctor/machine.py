"""Checks of the machine: processor, memory, disk, clock."""

from __future__ import annotations

import datetime
import os
import platform
import sys
from importlib import metadata

from kiosk.library.upkeep.lifetime import wall_clock_is_set
from kiosk.ops.doctor.finding import Patient, Results
from kiosk.pictures import apart
from kiosk.storage import free_bytes, write_atomic


def python(_: Patient) -> Results:
    yield "ok", f"Python {platform.python_version()} on {platform.machine()}, {sys.executable}"


def onnxruntime(patient: Patient) -> Results:
    try:
        import onnxruntime

        from kiosk.nets.engine.compiled import openvino_installed
        from kiosk.nets.engine.session import available_providers, default_threads
    except ImportError as error:
        yield (
            "fail",
            f"ONNX Runtime cannot be loaded: {error}",
            "pip install 'dream-kiosk[cpu]' (or [gpu]; on a Jetson, NVIDIA's wheel).",
        )
        return
    providers = available_providers()
    if not providers:
        yield "fail", f"ONNX Runtime {onnxruntime.__version__} has no usable provider", "Reinstall it."
        return
    threads = patient.settings.dream.threads or default_threads()
    yield "ok", f"ONNX Runtime {onnxruntime.__version__}, {', '.join(providers)}, {threads} threads"
    if openvino_installed():
        yield "ok", f"OpenVINO {metadata.version('openvino')}, for faster upscaling"


def memory(patient: Patient) -> Results:
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    wanted = patient.settings.dream.memory
    if total < wanted + 512:
        yield (
            "warn",
            f"{total} MB of memory; the worker may use {wanted} MB",
            f"Set dream.memory to {max(256, total - 512)} or less.",
        )
    else:
        yield "ok", f"{total} MB of memory; the worker may use {wanted} MB"


def uploads(_: Patient) -> Results:
    means = apart.confinement()
    by = [*(["a filter of system calls"] if means.system_calls else []), *(["Landlock"] if means.landlock else [])]
    if means.holds:
        yield "ok", f"uploads are decoded without access to files or network, by {' and '.join(by)}"
    else:
        yield (
            "warn",
            "this system cannot keep the upload decoder from files and network; only its resource limits apply",
            "Use a kernel with seccomp filters or Landlock (5.13 or newer).",
        )


def storage(patient: Patient) -> Results:
    data = patient.data
    data.prepare_lasting()
    probe = data.root / ".doctor"
    write_atomic(probe, b"?")
    probe.unlink()
    free = free_bytes(data.root) / 1e9
    reserve = patient.settings.retention.reserve_gb
    if free < reserve:
        yield (
            "fail",
            f"only {free:.1f} GB are free in {data.root}; uploads must leave {reserve:g} GB",
            "Free some space, or lower retention.reserve_gb.",
        )
    elif free < 3 * reserve:
        yield "warn", f"{free:.1f} GB are free in {data.root}", "Free some space, or photos will be removed early."
    else:
        yield "ok", f"{data.root} is writable, {free:.0f} GB are free"
    if (mode := data.root.stat().st_mode) & 0o022:
        yield (
            "warn",
            f"others on this machine may write to {data.root} (mode {mode & 0o7777:o})",
            f"chmod go-w {data.root}",
        )


def clock(_: Patient) -> Results:
    now = datetime.datetime.now()
    said = f"the clock says {now:%Y-%m-%d %H:%M}"
    if now.year < 2026:
        yield "warn", said, "Connect the kiosk to a network with NTP, or give the board a clock battery."
    elif wall_clock_is_set():
        yield "ok", f"{said}, set by the network"
    else:
        yield "ok", f"{said}; not set by the network, so time off counts for at most a tenth of a photo's lifetime"

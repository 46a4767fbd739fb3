"""Decode an untrusted picture file in a short-lived child process: `python -m kiosk.pictures.decode`.

Decoding uploads is a server's weakest spot: a decompression bomb, a file that takes minutes, a hole in a codec. So it
runs in a child with limits on memory and CPU time and low priority, and accepts only the formats that guests' photos
come in. The container is validated first, and the decoder gets only the picture (kiosk.pictures.containers).

Everything needed is imported before the file is read. Then the process gives up access to other files, the network and
other processes, as far as the system supports it (kiosk.pictures.confine).

Standard input is the uploaded file. The upright JPEG (sRGB, without private tags, with what the upload says about its
place and lens) goes to the file descriptor in the second argument. It is always re-encoded, so that viewers never
decode the uploader's bytes. One line of JSON goes to standard output: {width, height, gpano, peak_mb} with exit status
0, or {code, message, status, peak_mb} with exit status 2.
"""

from __future__ import annotations

import json
import os
import re
import resource
import sys
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from kiosk.errors import BadInput, KioskError, Unavailable
from kiosk.pictures.bounded import bound, encode_bounded
from kiosk.pictures.confine import Confined, confine_process, limit
from kiosk.pictures.containers import container
from kiosk.pictures.containers.parts import Damaged, Parts

if TYPE_CHECKING:
    from collections.abc import Callable

    from PIL.Image import Image

    from kiosk.pictures.tags import Tags

SHORTEST_SIDE = 16
MOST_PIXELS = 16384 * 8192
SECONDS_A_MEGAPIXEL = 0.4
LEAST_SECONDS = 10


@dataclass(frozen=True)
class Limits:
    """Limits for one photo: pixels; megabytes of address space; seconds of CPU time, of which a small photo gets fewer;
    niceness increment."""

    pixels: int = MOST_PIXELS
    memory_mb: int = 2048
    cpu_seconds: int = 60
    nice: int = 10


Look: TypeAlias = "Callable[[Image, Tags], tuple[dict[str, Any], tuple[bytes | None, ...]]]"
"""Looks at an upright picture and its tags. Returns what it found as JSON-serializable fields, and the files of further
pictures, None for one that it does not make. Raises BadInput if the picture cannot be used."""


def main(arguments: list[str], look: Look | None = None) -> int:
    """Decode standard input to file descriptor arguments[1] under the limits in arguments[0] (JSON). With `look`, its
    files go to the file descriptors in arguments[2:]. Returns the exit status; see the module docstring."""
    limits = Limits(**json.loads(arguments[0]))
    target = int(arguments[1])
    status = _open_status()
    form = container.format_of(os.pread(0, container.FIRST_BYTES, 0))
    _load(form)
    confine(limits, threads=form == "HEIF")
    answer: dict[str, Any]
    try:
        jpeg, answer, more = decode(sys.stdin.buffer.read(), limits, look)
        _write(target, jpeg)
        for target, file in zip(arguments[2:], more, strict=False):
            if file is not None:
                _write(int(target), file)
        ended = 0
    except MemoryError:
        answer, ended = asdict_error(_too_many_pixels(limits)), 2
    except KioskError as error:
        answer, ended = asdict_error(error), 2
    print(json.dumps({**answer, "peak_mb": _peak_mb(status)}))  # noqa: T201 (the parent reads it)
    return ended


def asdict_error(error: KioskError) -> dict[str, Any]:
    """The fields that the parent needs to raise the same error."""
    return {"code": error.code, "message": str(error), "status": getattr(error, "status", 400)}


def confine(limits: Limits, threads: bool = False) -> Confined:
    """Apply `limits` to this process and irrevocably drop its privileges. `threads`: allow threads, which count as
    processes; the HEIC decoder needs a second one."""
    os.nice(limits.nice)
    limit(resource.RLIMIT_AS, limits.memory_mb * 2**20)
    limit(resource.RLIMIT_CPU, limits.cpu_seconds)
    limit(resource.RLIMIT_FSIZE, _most_written(limits.pixels, 1))
    limit(resource.RLIMIT_CORE, 0)
    limit(resource.RLIMIT_NOFILE, 16)
    if not threads:
        # Has no effect for root, whom the other limits confine.
        limit(resource.RLIMIT_NPROC, 0)
    return confine_process()


def _load(form: str | None) -> None:
    """Import the modules that this format needs, because no file can be opened later."""

    from kiosk.pictures import upright
    from kiosk.pictures.claims import collect  # noqa: F401

    if form:
        upright.load_plugins(form)


def _most_written(width: int, height: int) -> int:
    """Maximum bytes of the JPEG of a picture of that size, XMP included."""
    return bound(width, height) + 65536


def decode(
    data: bytes, limits: Limits, look: Look | None = None
) -> tuple[bytes, dict[str, Any], tuple[bytes | None, ...]]:
    """Decode a file's bytes to an upright JPEG. Returns it with {width, height, gpano}, to which `look` adds its
    fields as `seen`, and the files that `look` made. Raises BadInput."""
    if not data:
        raise BadInput("The file is empty. Please send the photo again.", "empty")
    try:
        parts = container.take_apart(data)
    except Damaged as error:
        raise _damaged() from error
    del data
    _check(parts, limits)
    limit(resource.RLIMIT_CPU, _seconds(parts, limits))

    from kiosk.pictures.claims.collect import tags_of
    from kiosk.pictures.claims.stored import stored_xmp
    from kiosk.pictures.gpano import with_xmp
    from kiosk.pictures.upright import DAMAGE, open_parts, upright

    try:
        with open_parts(parts) as picture:
            if picture.width * picture.height > limits.pixels:
                raise _too_many_pixels(limits)
            tables, sampling = _coding(picture)
            pixels = upright(picture, parts)
        jpeg = encode_bounded(pixels, tables, sampling)
    except DAMAGE as error:
        raise _damaged() from error
    tags = tags_of(parts)
    packet = stored_xmp(tags)
    fields = asdict(tags.gpano) if tags.gpano else None
    jpeg = with_xmp(jpeg, packet) if packet else jpeg
    answer = {"width": pixels.width, "height": pixels.height, "gpano": fields}
    if look is None:
        return jpeg, answer, ()
    seen, more = look(pixels, tags)
    return jpeg, {**answer, "seen": seen}, more


def _check(parts: Parts, limits: Limits) -> None:
    """Raise BadInput if a picture has too many or too few pixels, or needs too many decoder passes."""
    if parts.width * parts.height > limits.pixels:
        raise _too_many_pixels(limits)
    if min(parts.width, parts.height) < SHORTEST_SIDE:
        raise BadInput(
            f"The picture is too small ({parts.width} x {parts.height} pixels). Please send a photo that is at least "
            f"{SHORTEST_SIDE} pixels high; a 360 photo is usually thousands wide.",
            "too_small",
        )
    container.check_cost(parts)


def _seconds(parts: Parts, limits: Limits) -> int:
    """CPU seconds that the picture may take, enough for a slow board."""
    megapixels = parts.width * parts.height / 1e6
    return min(limits.cpu_seconds, LEAST_SECONDS + int(SECONDS_A_MEGAPIXEL * megapixels))


def _coding(picture: Any) -> tuple[dict[int, list[int]] | None, int]:
    """A JPEG's quantization tables and Pillow's number for its chroma subsampling (-1: unknown); None and 0 for other
    formats and color modes."""
    if picture.format != "JPEG" or picture.mode not in ("RGB", "L"):
        return None, 0
    from PIL import JpegImagePlugin

    return picture.quantization, JpegImagePlugin.get_sampling(picture)


def _write(target: int, data: bytes) -> None:
    view = memoryview(data)
    try:
        while view:
            view = view[os.write(target, view) :]
    except OSError as error:
        raise Unavailable(f"cannot write the photo: {error.strerror}", "cannot_write", 507) from error


def _open_status() -> int:
    """Open /proc/self/status before confinement, for `_peak_mb`; -1 if the system has none."""
    try:
        return os.open("/proc/self/status", os.O_RDONLY)
    except OSError:
        return -1


def _peak_mb(status: int) -> float:
    """Peak memory of this process in megabytes; 0 if unknown."""
    found = re.search(rb"VmHWM:\s*(\d+) kB", os.pread(status, 8192, 0)) if status >= 0 else None
    return int(found[1]) / 1024 if found else 0.0


def _damaged() -> BadInput:
    return BadInput("The photo is incomplete or damaged. Please send it again.", "damaged", 400)


def _too_many_pixels(limits: Limits) -> BadInput:
    return BadInput(
        f"The picture has too many pixels for this kiosk. Please send one of at most {limits.pixels // 1_000_000} "
        "megapixels.",
        "too_many_pixels",
        413,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

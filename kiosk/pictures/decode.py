"""Look into a stranger's file, in a process of its own that may die: `python -m kiosk.pictures.decode`.

A picture decoder fed by strangers is where a server is most easily broken: by a bomb that unpacks to gigabytes, a file
that takes minutes, a hole in a codec. So this runs in a short-lived child with limits on memory and processor time,
below everybody else's priority, and only formats that guests really bring are looked at. Its container is walked
before a decoder sees the file, and the decoder sees nothing but the picture (kiosk.pictures).

Everything that is needed is imported before the file is read; then the process gives up all files but those that it was
handed, the network, and other processes (kiosk.pictures.confine), as far as the system has the means.

The file that was uploaded is standard input; the upright JPEG, without private tags, in sRGB, with its GPano, goes to
the file descriptor that the second argument names. It is always encoded anew, so that nobody who looks at it decodes a
stranger's bytes. One line of JSON goes to standard output: {width, height, gpano, peak_mb} and exit status 0, or
{code, message, status, peak_mb} and exit status 2.
"""

from __future__ import annotations

import json
import os
import re
import resource
import sys
from dataclasses import asdict, dataclass
from typing import Any

from kiosk.errors import BadInput, KioskError, Unavailable
from kiosk.pictures.bounded import bound, encode_bounded
from kiosk.pictures.confine import Confined, confine_process, limit
from kiosk.pictures.containers import container
from kiosk.pictures.containers.parts import Damaged, Parts

SHORTEST_SIDE = 16
MOST_PIXELS = 16384 * 8192
SECONDS_A_MEGAPIXEL = 0.4
LEAST_SECONDS = 10


@dataclass(frozen=True)
class Limits:
    """What one photo may cost: pixels; megabytes of address space; seconds of processor, of which a small photo gets
    fewer; steps of niceness."""

    pixels: int = MOST_PIXELS
    memory_mb: int = 2048
    cpu_seconds: int = 60
    nice: int = 10


def main(arguments: list[str]) -> int:
    """Decode standard input under the limits in arguments[0] (JSON) into the descriptor arguments[1]; see the
    module."""
    limits = Limits(**json.loads(arguments[0]))
    target = int(arguments[1])
    status = _open_status()
    form = container.format_of(os.pread(0, container.FIRST_BYTES, 0))
    _load(form)
    confine(limits, threads=form == "HEIF")
    answer: dict[str, Any]
    try:
        jpeg, answer = decode(sys.stdin.buffer.read(), limits)
        _write(target, jpeg)
        ended = 0
    except MemoryError:
        answer, ended = asdict_error(_too_many_pixels(limits)), 2
    except KioskError as error:
        answer, ended = asdict_error(error), 2
    print(json.dumps({**answer, "peak_mb": _peak_mb(status)}))  # noqa: T201 (the parent reads it)
    return ended


def asdict_error(error: KioskError) -> dict[str, Any]:
    """What the parent needs to raise the same error."""
    return {"code": error.code, "message": str(error), "status": getattr(error, "status", 400)}


def confine(limits: Limits, threads: bool = False) -> Confined:
    """Put this process under `limits`, and take from it what a decoder does not need; for good. HEIC's needs a second
    thread, which the system counts as a process."""
    os.nice(limits.nice)
    limit(resource.RLIMIT_AS, limits.memory_mb * 2**20)
    limit(resource.RLIMIT_CPU, limits.cpu_seconds)
    limit(resource.RLIMIT_FSIZE, _most_written(limits.pixels, 1))
    limit(resource.RLIMIT_CORE, 0)
    limit(resource.RLIMIT_NOFILE, 16)
    if not threads:
        # Of no meaning to root, who is confined by the rest.
        limit(resource.RLIMIT_NPROC, 0)
    return confine_process()


def _load(form: str | None) -> None:
    """Import what a file of this format needs: afterwards nothing can be opened any more."""

    from kiosk.pictures import gpano, upright  # noqa: F401

    if form:
        upright.load_plugins(form)


def _most_written(width: int, height: int) -> int:
    """Bytes that the JPEG of so many pixels may have, with its XMP."""
    return bound(width, height) + 65536


def decode(data: bytes, limits: Limits) -> tuple[bytes, dict[str, Any]]:
    """The upright JPEG of a file's bytes, and {width, height, gpano} of it. Raises BadInput."""
    if not data:
        raise BadInput("The file is empty. Please send the photo again.", "empty")
    try:
        parts = container.take_apart(data)
    except Damaged as error:
        raise _damaged() from error
    del data
    _check(parts, limits)
    limit(resource.RLIMIT_CPU, _seconds(parts, limits))

    from kiosk.pictures.upright import DAMAGE, heif_packets, open_parts, upright

    try:
        with open_parts(parts) as picture:
            if picture.width * picture.height > limits.pixels:
                raise _too_many_pixels(limits)
            tables, sampling = _coding(picture)
            pixels = upright(picture, parts)
            packets = parts.xmp or heif_packets(picture)
            width, height = picture.size
        jpeg = encode_bounded(pixels, tables, sampling)
    except DAMAGE as error:
        raise _damaged() from error
    fields = None
    if packets:
        jpeg, fields = _with_gpano(jpeg, packets, width, height)
    return jpeg, {"width": pixels.width, "height": pixels.height, "gpano": fields}


def _check(parts: Parts, limits: Limits) -> None:
    """Raise BadInput where a picture has too many or too few pixels, or would be decoded over and over."""
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
    """Seconds of processor that the picture may take, on a slow board."""
    megapixels = parts.width * parts.height / 1e6
    return min(limits.cpu_seconds, LEAST_SECONDS + int(SECONDS_A_MEGAPIXEL * megapixels))


def _coding(picture: Any) -> tuple[dict[int, list[int]] | None, int]:
    """A JPEG's tables of quantization, and Pillow's number of its chroma sampling (-1: another one)."""
    if picture.format != "JPEG" or picture.mode not in ("RGB", "L"):
        return None, 0
    from PIL import JpegImagePlugin

    return picture.quantization, JpegImagePlugin.get_sampling(picture)


def _with_gpano(
    jpeg: bytes, packets: tuple[bytes, ...], width: int, height: int
) -> tuple[bytes, dict[str, Any] | None]:
    """The JPEG with a new packet of nothing but the GPano fields that place the picture, and those fields; as it is
    where the packets name no place."""
    # Reading XML takes a tenth of a second on a small board: only for files that mention it.
    if not any(b"ns.google.com/photos/1.0/panorama" in one or b"ns.google.com/videos" in one for one in packets):
        return jpeg, None
    from kiosk.pictures.gpano import gpano_xmp, parse_gpano, with_xmp

    gpano = parse_gpano(packets, width, height)
    if gpano is None:
        return jpeg, None
    extra: dict[str, object] = {
        "GPano:ProjectionType": gpano.projection,
        "GPano:FullPanoWidthPixels": gpano.full_width,
        "GPano:FullPanoHeightPixels": gpano.full_height,
        "GPano:CroppedAreaLeftPixels": gpano.cropped_left,
        "GPano:CroppedAreaTopPixels": gpano.cropped_top,
    }
    if gpano.stereo_mode:
        extra["GPano:StereoMode"] = gpano.stereo_mode
    packet = gpano_xmp(gpano.cropped_width, gpano.cropped_height, gpano.pose_heading_degrees, **extra)
    return with_xmp(jpeg, packet), asdict(gpano)


def _write(target: int, data: bytes) -> None:
    view = memoryview(data)
    try:
        while view:
            view = view[os.write(target, view) :]
    except OSError as error:
        raise Unavailable(f"cannot write the photo: {error.strerror}", "cannot_write", 507) from error


def _open_status() -> int:
    """What tells of this process's memory, opened while that is possible; -1 where the system does not tell."""
    try:
        return os.open("/proc/self/status", os.O_RDONLY)
    except OSError:
        return -1


def _peak_mb(status: int) -> float:
    """The most memory that this process has had, megabytes; 0 where the system does not say."""
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

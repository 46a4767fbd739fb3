"""What happens to one photo, stage by stage: dream, upscale, publish.

A stage is a function of the original's bytes and the frozen recipe; everything it says goes through a Reporter. The
dream, which takes longest, leaves checkpoints and its finished picture in the photo's work folder, so that a stage
that was interrupted is done again from there with the same result.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

from kiosk.errors import BadInput, Unavailable
from kiosk.library.files import PhotoFiles
from kiosk.library.records import Image, State
from kiosk.nets.dreaming.dream import BrokenGradient, DreamProgress, recipe_of
from kiosk.nets.engine import fallbacks
from kiosk.nets.engine.memory import needed_mb
from kiosk.nets.enlarging.upscale import UpscaleResult, upscale
from kiosk.pictures.sphere_jpeg import read_gpano
from kiosk.pictures.stereo import stereo_mode
from kiosk.pipeline.faces import dream_beside_faces
from kiosk.pipeline.previews import WIDTH as PREVIEW_WIDTH
from kiosk.pipeline.publish import is_blank, publish_dream, publish_original, publish_sphere
from kiosk.planning import graphs, upscale_precision
from kiosk.planning.plan import Plan, dream_work, upscale_megapixels
from kiosk.sphere.disparity import second_eye
from kiosk.sphere.placement import place_eyes, place_on_sphere
from kiosk.storage import write_atomic

UNSTEADY = ("seconds", "retried")
"""what a dream's record says of the run alone."""
WIDEST_SHOWN = 4096
"""Originals wider than this would take hundreds of megabytes on a phone; it is shown a smaller copy."""


class Reporter(Protocol):
    """Who listens to a photo's progress. Any of these may raise to end the work."""

    def progress(self, fraction: float, eta_seconds: float | None = None) -> None:
        """`fraction` 0..1 of the stage under way, and the seconds it still takes, where the stage knows better."""

    def preview_due(self) -> bool:
        """Whether a preview would be shown now."""
        ...

    def preview(self, picture: np.ndarray) -> None:
        """A frame of the growing dream, uint8 [H, 2H, 3]."""

    def images(self, images: list[Image]) -> None:
        """Pictures that are now there."""

    def stereo(self, mode: str) -> None:
        """The original turned out to hold two eyes."""

    def cancelled(self) -> bool:
        """Whether to stop; asked before every tile."""
        ...

    def measured(self, kind: str, label: str, megapixels: float, seconds: float) -> None:
        """A speed that was just seen: `kind` is dream, upscale or publish."""


@dataclass
class Work:
    """One photo under way. `done` collects what was really done, for the record."""

    files: PhotoFiles
    plan: Plan
    style: str
    graphs: Path
    report: Reporter
    threads: int = 0
    memory_mb: int | None = None
    done: dict[str, Any] = field(default_factory=dict)
    sphere: np.ndarray | None = None
    """The picture as the last stage left it; of a stereo photo the left eye."""
    right_eye: np.ndarray | None = None
    """The right eye of a stereo photo."""

    @property
    def checkpoint(self) -> Path:
        return self.files.work / "dream.checkpoint"

    @property
    def dreamed(self) -> Path:
        return self.files.work / "dreamed.png"

    @property
    def dreamed_right(self) -> Path:
        return self.files.work / "dreamed-right.png"

    @property
    def recipe(self) -> dict[str, Any]:
        """What the pictures say of how they were dreamed, as `read_sidecar` reads it: nothing that differs from one
        time to another."""
        return {"recipe": {name: value for name, value in self.done.get("dream", {}).items() if name not in UNSTEADY}}


@dataclass(frozen=True)
class Stage:
    """`state` is what the guest is told while `run` works; `seconds` is what the plan expects it to take."""

    state: State
    run: Callable[[Work], None]
    seconds: Callable[[Plan], float]


@dataclass(frozen=True)
class Placed:
    """A photo on the sphere: uint8 [width / 2, width, 3], and its right eye if the file holds two; stereo: how it
    holds them, None where it is mono; as_it_is: whether phones can show the file itself as a sphere."""

    sphere: np.ndarray
    right_eye: np.ndarray | None
    stereo: str | None
    as_it_is: bool


def read_sphere(original: Path, width: int) -> Placed:
    """The photo in `original` on a sphere `width` pixels wide; BadInput where it cannot be read as a picture."""
    data = original.read_bytes()
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if picture is None:
        raise BadInput("The photo cannot be opened any more. Please send it again.", "cannot_open")
    picture = cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
    gpano = read_gpano(data)
    stereo = stereo_mode(picture, gpano)
    high, wide = picture.shape[:2]
    if stereo and high == wide:
        return Placed(*place_eyes(picture, width), stereo, True)
    sphere, covered = place_on_sphere(picture, gpano, width)
    whole = wide == 2 * high and wide <= WIDEST_SHOWN and bool(covered.all())
    return Placed(np.ascontiguousarray(sphere), None, stereo, whole or stereo is not None)


def dream_stage(work: Work) -> None:
    """Dream the photo; its finished picture is kept losslessly until the photo is ready."""
    recipe = work.plan.recipe.dream
    finished = _read_png(work.dreamed)
    right, record = _read_png(work.dreamed_right), _read_record(work)
    # A bad card: what is damaged is made again.
    if finished is not None and record and (right is not None or not work.dreamed_right.exists()):
        work.sphere, work.right_eye = finished, right
        work.done.update(record)
        # It may have been interrupted before anybody heard of the dream.
        work.report.images([publish_dream(work.files, finished, work.style, work.recipe)])
        return
    placed = read_sphere(work.files.original, recipe.width)
    sphere = placed.sphere
    if placed.stereo:
        work.report.stereo(placed.stereo)
    if not placed.as_it_is:
        work.report.images([publish_original(work.files, sphere)])
    memory_mb = work.memory_mb
    if memory_mb is not None:
        # A limit below what the smallest dream takes ends no photo: then one tile at a time is the best there is.
        memory_mb = max(memory_mb, math.ceil(needed_mb(recipe.width, recipe.width // 2, 1)))
    first = True

    def heard(progress: DreamProgress) -> None:
        nonlocal first
        work.report.progress(progress.fraction, progress.eta_seconds)
        if first or work.report.preview_due():
            first = False
            work.report.preview(progress.preview(min(PREVIEW_WIDTH, recipe.width)))

    def attempt(precision: str) -> tuple[np.ndarray, dict[str, Any], bool]:
        asked = dataclasses.replace(recipe, precision=precision)  # type: ignore[arg-type]
        spec, graph = graphs.dream_graph(work.graphs, asked)
        result = dream_beside_faces(
            work.graphs,
            sphere,
            asked,
            graph,
            progress=heard,
            checkpoint=work.checkpoint,
            cancelled=work.report.cancelled,
            threads=work.threads,
            memory_mb=memory_mb,
        )
        sound = all(math.isfinite(value) for value in result.objective) and (
            not is_blank(result.picture) or is_blank(sphere)
        )
        if sound:
            work.report.measured("dream", spec.label, dream_work(asked), result.seconds)
        return result.picture, {**recipe_of(result), "seconds": round(result.seconds, 2)}, sound

    try:
        picture, record, sound = attempt(recipe.precision)
    except BrokenGradient:
        picture, record, sound = sphere, {}, False
    if not sound and recipe.precision != "fp32":
        fallbacks.note(
            "precision",
            f"A dream came out empty in {recipe.precision} and was dreamed again in fp32, slower. If it happens often, "
            'set dream.precision = "fp32".',
        )
        picture, record, sound = attempt("fp32")
        record["retried"] = recipe.precision
    if not sound:
        raise Unavailable("the network gave an empty picture", "empty_dream")
    work.done["dream"] = record
    write_atomic(work.files.work / "dream.json", json.dumps(work.done))
    if placed.right_eye is not None:
        work.right_eye = second_eye(sphere, placed.right_eye, picture)
        _write_png(work.dreamed_right, work.right_eye)
    _write_png(work.dreamed, picture)
    work.sphere = picture
    work.report.images([publish_dream(work.files, picture, work.style, work.recipe)])


def upscale_stage(work: Work) -> None:
    """Enlarge the dream, tile by tile."""
    assert work.sphere is not None
    recipe = work.plan.recipe.upscale
    if recipe.scale == 1 and recipe.noise == "none":
        return
    eyes = 1 if work.right_eye is None else 2

    def enlarge(eye: np.ndarray, number: int) -> UpscaleResult:
        return upscale(
            eye,
            recipe,
            graphs.upscale_graphs(work.graphs),
            progress=lambda fraction: work.report.progress((number + fraction) / eyes),
            threads=work.threads,
            memory_mb=work.memory_mb,
            cancelled=work.report.cancelled,
            scratch=work.files.work,
        )

    try:
        result = enlarge(work.sphere, 0)
    except Unavailable as error:
        # Only what is the engine's own fault is mended by another engine; a full disk is not.
        if recipe.engine != "openvino" or error.code not in ("no_openvino", "graph"):
            raise
        fallbacks.note("openvino", f"{error}: pictures are enlarged by ONNX Runtime, slower. Reinstall openvino.")
        recipe = upscale_precision.decided(work.graphs, dataclasses.replace(recipe, engine="onnxruntime"))
        result = enlarge(work.sphere, 0)
    work.report.measured("upscale", graphs.upscale_label(recipe), upscale_megapixels(work.plan.recipe), result.seconds)
    work.done["upscale"] = {
        **json.loads(recipe.to_json()),
        "precision": result.precision,
        "provider": result.provider,
        "networks": list(result.networks),
        "seconds": round(result.seconds, 2),
    }
    work.sphere = result.picture
    if work.right_eye is not None:
        work.right_eye = enlarge(work.right_eye, 1).picture


def publish_stage(work: Work) -> None:
    """Write what guests load: levels, and the JPEG with GPano to take home."""
    assert work.sphere is not None
    work.report.images(publish_sphere(work.files, work.sphere, work.style, work.recipe, work.right_eye))


STAGES = (
    Stage("dreaming", dream_stage, lambda plan: plan.dream_seconds),
    Stage("upscaling", upscale_stage, lambda plan: plan.upscale_seconds),
    Stage("publishing", publish_stage, lambda plan: plan.publish_seconds),
)


def _read_record(work: Work) -> dict[str, Any]:
    try:
        return json.loads((work.files.work / "dream.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _read_png(path: Path) -> np.ndarray | None:
    if not path.is_file():
        return None
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    return None if picture is None else cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)


def _write_png(path: Path, picture: np.ndarray) -> None:
    ok, data = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_PNG_COMPRESSION, 1])
    if not ok:
        raise Unavailable("the dream cannot be kept", "cannot_write", 507)
    write_atomic(path, data.tobytes())

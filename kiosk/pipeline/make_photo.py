"""Making one photo: dream, upscale, publish.

The result depends only on the original's bytes and a settled recipe. Progress and results go to a Reporter. The dream,
the longest stage, saves checkpoints and then its finished picture, so an interrupted photo resumes there with the same
result.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kiosk.errors import Unavailable
from kiosk.library.files import MADE, PictureFolder
from kiosk.library.records import Image
from kiosk.nets.dreaming.dream import Cancelled, DreamProgress, recipe_of
from kiosk.nets.engine import fallbacks
from kiosk.nets.engine.memory import needed_mb
from kiosk.nets.enlarging.upscale import UpscaleResult, upscale
from kiosk.pipeline import kept_dream
from kiosk.pipeline.dreamer import Dreamer
from kiosk.pipeline.flat import flat_dream
from kiosk.pipeline.keeping.unrepeated import people_finder
from kiosk.pipeline.kept_dream import Dreamed
from kiosk.pipeline.placing import Placed, Sketch, read_sphere
from kiosk.pipeline.previews import WIDTH as PREVIEW_WIDTH
from kiosk.pipeline.publish import publish_dream, publish_flat, publish_original, publish_sphere, publish_thumb
from kiosk.pipeline.report import Reporter
from kiosk.planning.graphs import dream_weights_mb, upscale_graphs, upscale_label
from kiosk.planning.plan import dream_work, upscale_megapixels
from kiosk.recipes.from_wishes import with_options
from kiosk.recipes.photo import PhotoRecipe
from kiosk.recipes.recipe import DreamRecipe
from kiosk.sphere.disparity import second_eye

SKETCHED = 512
"""Width in pixels of the small sphere that is dreamed first, while the world around a photo is painted."""
UNSTEADY = ("seconds", "retried")
"""Fields of a dream's record that differ from run to run."""


@dataclass(frozen=True)
class Means:
    """Resources to make a photo with. graphs: folder that graphs are built in; threads: 0 for all cores; memory_mb:
    memory limit of the process, None for no limit; style: the style's name, for the pictures' metadata."""

    graphs: Path
    threads: int = 0
    memory_mb: int | None = None
    style: str = ""


def make_photo(original: bytes, folder: Path, recipe: PhotoRecipe, report: Reporter, means: Means) -> list[Image]:
    """Make every picture a guest gets from the photo file `original`, in `folder`/made. Returns the pictures.

    `folder` must exist and also holds the checkpoints. Each picture is reported once it is written and may be moved
    away then. Raises BadInput if `original` is not a picture, Unavailable if the photo cannot be made now, and any
    exception that `report` raises to end the work.
    """
    pictures = PictureFolder(folder / MADE)
    made: list[Image] = []

    def ready(images: list[Image]) -> None:
        report.images(images)
        made.extend(images)

    report.enter("dreaming")
    dreamed = kept_dream.kept(folder)
    if dreamed is None:
        dreaming = _Dreaming(folder, recipe.dream, report, means)
        placed = read_sphere(original, recipe.dream.width, people_finder(means.graphs), dreaming.sketch())
        if placed.stereo:
            report.stereo(placed.stereo)
        if not placed.shown_unchanged:
            ready([publish_original(pictures, placed.sphere, placed.heading)])
        dreamed = dreaming.dream(placed)
        kept_dream.keep(folder, dreamed)
    report.did("dream", dreamed.record)
    # Metadata must not differ between runs, or the files would not be bit-identical.
    record = {"recipe": {name: value for name, value in dreamed.record.items() if name not in UNSTEADY}}
    ready([publish_dream(pictures, dreamed.picture, means.style, record, dreamed.heading)])
    report.enter("upscaling")
    sphere, right_eye = _upscale(dreamed, folder, recipe, report, means)
    report.enter("publishing")
    started = time.monotonic()
    ready(publish_sphere(pictures, sphere, means.style, record, right_eye, dreamed.heading))
    ready([publish_thumb(pictures, dreamed.picture)])
    flat = flat_dream(original, dreamed.picture, sphere, recipe.dream.presence)
    if flat is not None:
        ready([publish_flat(pictures, flat, means.style, record)])
    report.measured("publish", "", sphere.shape[0] * sphere.shape[1] / 1e6, time.monotonic() - started)
    return made


class _Dreaming:
    """Dreams one photo, with previews."""

    def __init__(self, folder: Path, recipe: DreamRecipe, report: Reporter, means: Means) -> None:
        memory_mb = means.memory_mb
        if memory_mb is not None:
            weights = dream_weights_mb(means.graphs, recipe)
            # A limit too small for this dream must not fail the photo: raise it to what one tile at a time needs.
            memory_mb = max(memory_mb, math.ceil(needed_mb(recipe.width, recipe.width // 2, 1, weights)))
        self._report, self._recipe = report, recipe
        self._checkpoint = folder / "dream.checkpoint"
        self._dreamer = Dreamer(means.graphs, recipe, threads=means.threads, memory_mb=memory_mb, judged=False)
        self._shown = False

    def sketch(self) -> tuple[int, Sketch] | None:
        """The width of a small sphere, and how to dream it for the first previews while the whole one is not ready;
        None for a recipe that looks at the whole photo first, one that is small itself, and a dream that was begun."""
        recipe = self._recipe
        width = max(SKETCHED, -(-recipe.smallest // 64) * 64)
        looks = recipe.strongest or recipe.equalized or recipe.keep_faces or recipe.keep_people
        if looks or 2 * width > recipe.width or self._checkpoint.exists():
            return None

        def dream_small(sphere: np.ndarray, covered: np.ndarray, ready: Callable[[], bool]) -> None:
            def enough() -> bool:
                return self._report.cancelled() or (self._shown and ready())

            small = with_options(self._dreamer.recipe, width=width)
            with contextlib.suppress(Cancelled):
                self._dreamer(sphere, small, progress=self._preview, cancelled=enough, covered=covered)

        return width, dream_small

    def dream(self, placed: Placed) -> Dreamed:
        """Dream a sphere, and carry the dream over to the right eye if there is one."""
        dreamer = self._dreamer
        result = dreamer(
            placed.sphere,
            progress=self._heard,
            checkpoint=self._checkpoint,
            cancelled=self._report.cancelled,
            covered=placed.covered,
        )
        self._report.measured("dream", dreamer.spec.label, dream_work(dreamer.recipe), result.seconds)
        record = {**recipe_of(result), "seconds": round(result.seconds, 2)}
        if dreamer.retried:
            record["retried"] = dreamer.retried
        right_eye = placed.right_eye
        other = None if right_eye is None else second_eye(placed.sphere, right_eye, result.picture)
        return Dreamed(result.picture, other, record, placed.heading)

    def _heard(self, at: DreamProgress) -> None:
        self._report.progress(at.fraction, at.eta_seconds)
        self._preview(at)

    def _preview(self, at: DreamProgress) -> None:
        if not self._shown or self._report.preview_due():
            self._shown = True
            self._report.preview(at.preview(min(PREVIEW_WIDTH, self._recipe.width)))


def _upscale(
    dreamed: Dreamed, scratch: Path, recipe: PhotoRecipe, report: Reporter, means: Means
) -> tuple[np.ndarray, np.ndarray | None]:
    """Upscale the dream tile by tile, and its right eye if there is one."""
    wanted = recipe.upscale
    if wanted.scale == 1 and wanted.noise == "none":
        return dreamed.picture, dreamed.right_eye
    eyes = 1 if dreamed.right_eye is None else 2

    def enlarge(eye: np.ndarray, number: int) -> UpscaleResult:
        return upscale(
            eye,
            wanted,
            upscale_graphs(means.graphs),
            progress=lambda fraction: report.progress((number + fraction) / eyes),
            threads=means.threads,
            memory_mb=means.memory_mb,
            cancelled=report.cancelled,
            scratch=scratch,
        )

    try:
        result = enlarge(dreamed.picture, 0)
    except Unavailable as error:
        # Another engine helps only against failures of the engine itself, not against a full disk.
        if wanted.engine != "openvino" or error.code not in ("no_openvino", "graph"):
            raise
        fallbacks.note("openvino", f"{error}: ONNX Runtime upscales instead, which is slower. Reinstall openvino.")
        wanted = dataclasses.replace(wanted, engine="onnxruntime")
        result = enlarge(dreamed.picture, 0)
    report.measured("upscale", upscale_label(wanted), upscale_megapixels(recipe), result.seconds)
    report.did("upscale", _record(wanted.to_json(), result))
    right_eye = None if dreamed.right_eye is None else enlarge(dreamed.right_eye, 1).picture
    return result.picture, right_eye


def _record(recipe: str, result: UpscaleResult) -> dict[str, Any]:
    return {
        **json.loads(recipe),
        "precision": result.precision,
        "provider": result.provider,
        "networks": list(result.networks),
        "seconds": round(result.seconds, 2),
    }

"""dreamkiosk capture: take one photo with any source and save it."""

from __future__ import annotations

import shutil
from pathlib import Path

import click

from kiosk import settings as settings_file
from kiosk.capture.folder import FolderSource
from kiosk.capture.picamera import PiCamera
from kiosk.cli.progress import progress_bar
from kiosk.errors import BadInput, Unavailable
from kiosk.pictures.sphere_jpeg import save_jpeg
from kiosk.scenery.camera import photograph
from kiosk.scenery.scenes import DEFAULT_SCENE, DEFAULT_TIME, SCENES, make_scene
from kiosk.settings import FolderCapture, NoCapture
from kiosk.storage import DataFolder, atomic_file, check_target


@click.command()
@click.argument("target", metavar="OUT", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--source", type=click.Choice(["virtual", "folder", "picamera2"]), default="virtual", show_default=True)
@click.option("--scene", type=click.Choice(list(SCENES)), default=DEFAULT_SCENE, show_default=True)
@click.option(
    "--time", "hour", type=float, default=DEFAULT_TIME, show_default=True, help="Time of day in the scene, hours."
)
@click.option("--width", type=click.IntRange(64, 16384), default=2048, show_default=True, help="Width in pixels; even.")
@click.option(
    "--seed", type=click.IntRange(min=0), default=7, show_default=True, help="Varies clouds, trees and ruins."
)
@click.option(
    "--wait",
    type=click.FloatRange(min=0),
    default=30.0,
    show_default=True,
    help="Seconds to wait for a folder's photo.",
)
@click.pass_obj
def capture(
    data: DataFolder, target: Path, source: str, scene: str, hour: float, width: int, seed: int, wait: float
) -> None:
    """Take one photo and save it to the JPEG file OUT.

    The virtual camera takes a full sphere, 2:1, with GPano metadata. Files of other sources are saved unchanged.
    --scene, --time, --width and --seed apply only to the virtual camera.
    """
    if target.suffix.lower() not in (".jpg", ".jpeg"):
        raise BadInput(f"{target}: captures are JPEG files; use a name that ends in .jpg", "format")
    check_target(target)
    if source == "virtual":
        if not -1000 <= hour <= 1000:
            raise BadInput(f"--time must be an hour of the day, not {hour}", "time")
        with progress_bar("taking the photo") as report:
            picture = photograph(make_scene(scene, seed, hour), width, progress=report)
        save_jpeg(target, picture, quality=95)
        return
    camera = PiCamera() if source == "picamera2" else FolderSource(_watched_folder(data))
    camera.open()
    try:
        shot = camera.capture(patience=wait)
        if shot is None:
            raise Unavailable(f"no photo appeared within {wait:g} s", "no_photo")
        photo = shot.source()
        with atomic_file(target) as copy:
            if isinstance(photo, bytes):
                copy.write(photo)
            else:
                with photo.open("rb") as original:
                    shutil.copyfileobj(original, copy)
        camera.accepted(shot)
    finally:
        camera.close()


def _watched_folder(data: DataFolder) -> Path | None:
    settings = settings_file.load(data.settings).capture
    return settings.folder if isinstance(settings, FolderCapture | NoCapture) else None

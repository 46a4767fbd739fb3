"""dreamkiosk dream, from a picture file to a picture file, with the artist's controls."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from kiosk.cli import main
from kiosk.pictures.gpano import read_gpano
from kiosk.pipeline.sidecar import read_sidecar, sidecar_path
from tests.directions import box, written
from tests.portrait import hang_portrait

Run = Callable[..., tuple[int, dict, str]]
SMALL = ("--width", 256, "--octaves", 1, "--iterations", 3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of all tests here: the graphs are built once."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture
def run(folder: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Dream with these arguments: (exit status, what --json said, what was said to people)."""

    def run(*arguments: object) -> tuple[int, dict, str]:
        code = 0
        try:
            main(["--data", str(folder), "dream", *map(str, arguments), "--json"])
        except SystemExit as exit_:
            code = int(exit_.code or 0)
        out, err = capsys.readouterr()
        return code, json.loads(out) if out else {}, err

    return run


def texture(height: int, width: int, seed: int, sigma: float = 4) -> np.ndarray:
    """Soft spots that wrap around, uint8 [height, width, 3]."""
    noise = np.random.default_rng(seed).normal(size=(height, width, 3)).astype(np.float32)
    soft = cv2.GaussianBlur(cv2.copyMakeBorder(noise, 0, 0, 32, 32, cv2.BORDER_WRAP), (0, 0), sigma)[:, 32:-32]
    return np.clip(127 + soft / soft.std() * 35, 0, 255).astype(np.uint8)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    Image.fromarray(texture(128, 256, 0)).save(path)
    return path


@pytest.fixture
def guide(tmp_path: Path) -> Path:
    """Stripes and rings: nothing that is in the photo."""
    y, x = np.mgrid[0:160, 0:200]
    picture = np.stack([np.sin(x / 3) * 127 + 128, np.sin(np.hypot(x - 90, y - 80) / 2) * 127 + 128, x], -1)
    path = tmp_path / "guide.png"
    Image.fromarray(picture.astype(np.uint8)).save(path)
    return path


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


@pytest.mark.slow
@pytest.mark.parametrize("flat", [False, True])
def test_a_guided_dream_grows_like_its_guide(run: Run, photo: Path, guide: Path, tmp_path: Path, flat: bool) -> None:
    plain, guided = tmp_path / "plain.png", tmp_path / "guided.png"
    kind = ("--flat",) if flat else ()
    assert run(photo, plain, *SMALL, *kind)[0] == 0
    code, report, _ = run(photo, guided, *SMALL, *kind, "--guide", guide)
    assert code == 0
    # What is measured is the likeness: the mean of each position's product with the guide's nearest feature.
    assert report["objective"]["after"] > 1.1 * report["objective"]["before"]
    assert not np.array_equal(pixels(plain), pixels(guided))
    assert report["recipe"]["guide"] == read_sidecar(guided)[0].guide


@pytest.mark.slow
@pytest.mark.parametrize("name", ["dream.jpg", "dream.png"])
@pytest.mark.parametrize("control", ["guide", "class", "layers", "mask"])
def test_a_result_is_made_again_from_itself_or_its_sidecar_to_the_last_byte(
    run: Run, photo: Path, guide: Path, tmp_path: Path, name: str, control: str
) -> None:
    chosen = {
        "guide": ("--guide", guide),
        "class": ("--dream-of", "peacock", "--keep-nadir", 30),
        "layers": ("--layer", "fire6:0.5", "--channel", "fire4:3", "--keep-colors", "--seed", 7),
        "mask": ("--style", "eyes", "--mask", guide, "--strength", 0.7),
    }[control]
    files = {"guide": ("--guide", guide), "mask": ("--mask", guide)}.get(control, ())
    first = tmp_path / name
    assert run(photo, first, *SMALL, *chosen)[0] == 0
    for number, saved in enumerate((first, sidecar_path(first))):
        again = tmp_path / f"{number}-{name}"
        assert run(photo, again, "--recipe", saved, *files)[0] == 0
        assert again.read_bytes() == first.read_bytes()
        assert sidecar_path(again).read_bytes() == sidecar_path(first).read_bytes()


@pytest.mark.slow
def test_a_saved_recipe_asks_for_its_own_guide(run: Run, photo: Path, guide: Path, tmp_path: Path) -> None:
    first, again = tmp_path / "dream.jpg", tmp_path / "again.jpg"
    assert run(photo, first, *SMALL, "--guide", guide)[0] == 0
    for extra, said in ((), "--guide"), (("--guide", photo), "not the guide"):
        code, _, err = run(photo, again, "--recipe", first, *extra)
        assert (code, said in err, len(err.splitlines())) == (2, True, 1)
    assert not again.exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--guide", "{tmp}/none.png"), "cannot read"),
        (("--guide", "{tmp}/text.png"), "not a picture"),
        (("--guide", "{tmp}/tiny.png"), "at least 32"),
        (("--guide", "{photo}", "--dream-of", "peacock"), "a guide"),
        (("--guide", "{photo}", "--precision", "int8"), "fp32"),
        (("--layer", "fire6", "--channel", "384"), "channels 0 to 383"),
        (("--layer", "fire6", "--channel", "x"), "channels 0 to 383"),
        (("--layer", "fire6", "--layer", "fire8", "--channel", "1"), "name one layer"),
        (("--layer", "fire6", "--layer", "fire6:2"), "once"),
        (("--layer", "fire6:0"), "greater than 0"),
        (("--keep-nadir", "91"), "from 0 to 90"),
        (("--smooth", "4"), "smoothing must be from 0 to 3"),
        (("--chroma", "-1"), "chroma must be from 0 to 1"),
        (("--saturation", "9"), "saturation must be from 10 to 255"),
        (("--local", "1.1"), "local normalization must be from 0 to 1"),
        (("--decay", "2"), "decay must be from 0 to 1"),
        (("--jitter", "-1"), "jitter must be from 0"),
        (("--smallest", "9"), "the smallest octave must be from 64"),
        (("--keep-colors", "--chroma", "1"), "give one of them"),
        (("--strongest", "-1"), "the number of strongest channels must be from 0"),
        (("--strongest", "5", "--dream-of", "peacock"), "already chosen"),
        (("--strongest", "5", "--guide", "{photo}"), "do not work with a guide"),
        (("--equalized", "--guide", "{photo}"), "do not work with a guide"),
        (("--keep-nadir", "10", "--flat"), "no nadir"),
        (("--recipe", "{photo}"), "no recipe"),
        (("--views", "{tmp}/outside.jpg", "--flat"), "needs a sphere"),
    ],
)
def test_what_makes_no_sense_is_one_line_and_leaves_nothing(
    run: Run, photo: Path, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    (tmp_path / "text.png").write_text("not a picture")
    Image.fromarray(np.zeros((9, 9, 3), np.uint8)).save(tmp_path / "tiny.png")
    code, _, err = run(photo, tmp_path / "out.png", *(a.format(tmp=tmp_path, photo=photo) for a in arguments))
    assert code == 2
    assert said in err
    assert len(err.splitlines()) == 1
    assert not list(tmp_path.glob("out*"))


def test_single_channels_dream_apart(run: Run, photo: Path, tmp_path: Path) -> None:
    for name, channels in (("a", ("5",)), ("b", ("9",)), ("c", ("5", "9:0.5"))):
        given = [word for channel in channels for word in ("--channel", channel)]
        code, report, _ = run(photo, tmp_path / f"{name}.png", *SMALL, "--layer", "fire6", *given)
        assert code == 0
        assert report["objective"]["after"] > report["objective"]["before"]
    a, b, c = (pixels(tmp_path / f"{name}.png").astype(int) for name in "abc")
    assert np.abs(a - b).mean() > 2
    assert np.abs(a - c).mean() > 1


@pytest.mark.slow
def test_channels_of_several_layers_and_classes_dream_together(run: Run, photo: Path, tmp_path: Path) -> None:
    mixed = ("--layer", "fire6", "--channel", "conv10:84", "--channel", "fire4:7:0.5")
    for name, given in (("a", mixed), ("b", ("--channel", "conv10:84")), ("c", ("--dream-of", "lion and daisies"))):
        code, report, _ = run(photo, tmp_path / f"{name}.png", *SMALL, *given)
        assert code == 0
        assert report["objective"]["after"] > report["objective"]["before"]
        if name == "a":
            assert [layer for layer, _ in report["recipe"]["layers"]] == ["fire6", "conv10", "fire4"]
            assert report["recipe"]["channels"] == [["conv10", 84, 1.0], ["fire4", 7, 0.5]]
    a, b, c = (pixels(tmp_path / f"{name}.png").astype(int) for name in "abc")
    assert np.abs(a - b).mean() > 1
    assert np.abs(b - c).mean() > 1


@pytest.mark.slow
@pytest.mark.parametrize("kind", [(), ("--flat",)])
def test_the_strongest_channels_are_those_that_the_photo_excites_and_are_replayed(
    run: Run, photo: Path, guide: Path, tmp_path: Path, kind: tuple[str, ...]
) -> None:
    for control in (("--strongest", 4), ("--strongest", 3, "--equalized"), ("--equalized",)):
        first, again, other = (tmp_path / f"{name}.png" for name in ("first", "again", "other"))
        given = (*SMALL, "--layer", "fire6", "--layer", "fire4:0.5", *kind, *control)
        code, report, _ = run(photo, first, *given)
        assert code == 0
        assert report["objective"]["after"] > report["objective"]["before"]
        recipe = report["recipe"]
        assert recipe["strongest"] == 0
        assert recipe["equalized"] == ("--equalized" in control)
        picked = [layer for layer, _, _ in recipe["channels"]]
        count = control[1] if control[0] == "--strongest" else 0
        assert picked == ["fire6"] * count + ["fire4"] * count
        assert run(photo, again, "--recipe", first)[0] == 0
        assert again.read_bytes() == first.read_bytes()
        assert run(guide, other, *given, "--flat")[1]["recipe"]["channels"] != recipe["channels"] or not count


def test_a_recipe_from_before_tiles_were_measured_is_repeated_as_it_was(run: Run, photo: Path, tmp_path: Path) -> None:
    code, report, _ = run(photo, tmp_path / "new.png", *SMALL)
    assert code == 0
    assert len(report["recipe"]["tile"]) == 2
    old = tmp_path / "old.json"
    old.write_text(json.dumps({"recipe": {k: v for k, v in report["recipe"].items() if k != "tile"}}))
    code, report, _ = run(photo, tmp_path / "again.png", "--recipe", old)
    assert (code, report["recipe"]["tile"]) == (0, None)


@pytest.mark.slow
def test_everything_of_a_recipe_can_be_set(run: Run, photo: Path, tmp_path: Path) -> None:
    given = {
        "smallest": 128,
        "step": 2.5,
        "decay": 0.5,
        "jitter": 8,
        "wobble": 0.1,
        "residual": 0.25,
        "smooth": 1.0,
        "chroma": 0.4,
        "magenta": 0.5,
        "saturation": 60.0,
        "local": 0.7,
        "strength": 0.9,
        "octave_scale": 1.5,
    }
    words = [word for name, value in given.items() for word in (f"--{name.replace('_', '-')}", value)]
    code, report, _ = run(photo, tmp_path / "a.png", "--width", 256, "--iterations", 1, *words)
    assert code == 0
    assert {name: report["recipe"][name] for name in given} == given
    assert report["octaves"][0]["width"] == 128


def test_a_kept_nadir_stays_the_photo_and_the_dream_fades_out_around_it(run: Run, photo: Path, tmp_path: Path) -> None:
    assert run(photo, tmp_path / "whole.png", *SMALL)[0] == 0
    assert run(photo, tmp_path / "kept.png", *SMALL, "--keep-nadir", 30)[0] == 0
    before, whole, kept = (pixels(path) for path in (photo, tmp_path / "whole.png", tmp_path / "kept.png"))
    first = round(128 * 150 / 180) + 1
    np.testing.assert_array_equal(kept[first:], before[first:])
    np.testing.assert_array_equal(kept[: first - 8], whole[: first - 8])
    assert np.abs(whole[first:].astype(int) - before[first:]).mean() > 5


@pytest.mark.slow
@pytest.mark.parametrize("width", [256, 320])
@pytest.mark.parametrize("turn", [1 / 2, 1 / 4])
@pytest.mark.parametrize("control", ["plain", "guide", "stereo", "strongest"])
def test_a_turned_file_gives_the_turned_dream_to_the_last_bit(
    run: Run, photo: Path, guide: Path, tmp_path: Path, width: int, turn: float, control: str
) -> None:
    before = pixels(photo)
    if control == "stereo":
        before = np.concatenate([before, np.roll(before, 3, axis=1)])
    chosen = {"guide": ("--guide", guide), "strongest": ("--strongest", 4, "--equalized")}.get(control, ())
    for name, columns in (("a", 0), ("b", round(256 * turn))):
        Image.fromarray(np.roll(before, columns, axis=1)).save(tmp_path / f"{name}-in.png")
        few = ("--width", width, "--octaves", 3, "--octave-scale", 1.3, "--iterations", 1)
        assert run(tmp_path / f"{name}-in.png", tmp_path / f"{name}.png", *few, *chosen)[0] == 0
    a, b = pixels(tmp_path / "a.png"), pixels(tmp_path / "b.png")
    np.testing.assert_array_equal(b, np.roll(a, round(width * turn), axis=1))


def test_views_show_the_dream_from_inside(run: Run, photo: Path, tmp_path: Path) -> None:
    assert run(photo, tmp_path / "dream.png", *SMALL, "--views", tmp_path / "views.png")[0] == 0
    assert pixels(tmp_path / "views.png").std() > 20


@pytest.mark.slow
def test_the_way_to_the_dream_and_the_fall_into_it_are_kept_in_a_folder(run: Run, photo: Path, tmp_path: Path) -> None:
    frames = tmp_path / "frames"
    few = ("--width", 256, "--octaves", 2, "--iterations", 4, "--style", "eyes")
    assert run(photo, tmp_path / "dream.png", *few, "--frames", frames)[0] == 0
    pictures = [pixels(path).astype(int) for path in sorted(frames.glob("frame-*.jpg"))]
    assert 6 <= len(pictures) <= 9  # the photo and eight steps, of which some may change too little
    assert np.abs(pictures[0] - pixels(photo)).mean() < 3
    assert np.abs(pictures[-1] - pixels(tmp_path / "dream.png")).mean() < 3
    for name in ("journey.webp", "zoom.webp"):
        with Image.open(frames / name) as moving:
            shown = [
                np.asarray(moving.convert("RGB")).astype(int) for n in range(moving.n_frames) if not moving.seek(n)
            ]
        changes = [np.abs(a - b).mean() for a, b in zip(shown, [*shown[1:], shown[0]], strict=True)]
        assert len(shown) >= 10
        assert changes[-1] < 1.5 * np.median(changes)


def test_the_dream_of_a_sphere_keeps_its_heading_and_says_what_its_tags_got_wrong(run: Run, tmp_path: Path) -> None:
    stale = box((256, 128), 0, 32, 256, 64, PoseHeadingDegrees=225)
    (tmp_path / "photo.jpg").write_bytes(written(texture(128, 256, 0), xmp=stale))
    code, report, said = run(tmp_path / "photo.jpg", tmp_path / "dream.jpg", *SMALL)
    assert code == 0, said
    found = read_gpano(tmp_path / "dream.jpg")
    assert found
    assert (found.is_full, found.pose_heading_degrees) == (True, 225)
    (note,) = report["notes"]
    assert "256 x 64" in note


def test_both_eyes_of_a_stereo_photo_dream_alike(run: Run, tmp_path: Path) -> None:
    disparity = 5
    left = texture(128, 256, 3, sigma=8)
    Image.fromarray(np.concatenate([left, np.roll(left, -disparity, axis=1)])).save(tmp_path / "eyes.png")
    code, report, _ = run(tmp_path / "eyes.png", tmp_path / "dream.jpg", *SMALL)
    assert (code, report["width"], report["height"], report["stereo"]) == (0, 256, 256, "top-bottom")
    found = read_gpano(tmp_path / "dream.jpg")
    assert found
    assert (found.stereo_mode, found.full_width, found.full_height) == ("top-bottom", 256, 128)
    assert run(tmp_path / "eyes.png", tmp_path / "dream.png", *SMALL)[0] == 0
    added = pixels(tmp_path / "dream.png").astype(float) - pixels(tmp_path / "eyes.png")
    # Away from the poles, where a column is no angle any more.
    first, second = added[20:108], np.roll(added[128:], disparity, axis=1)[20:108]
    assert np.corrcoef(first.ravel(), second.ravel())[0, 1] > 0.9
    assert np.corrcoef(first.ravel(), added[128:][20:108].ravel())[0, 1] < 0.8


@pytest.mark.slow
def test_a_deadline_makes_the_dream_smaller_and_each_dream_teaches_the_pace(
    run: Run, photo: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What a process did before the command was called is none of its deadline's affair.
    monkeypatch.setattr(time, "process_time", lambda: 1000.0)

    def planned(pace: float) -> tuple[float, float]:
        """What is dreamed at this pace, width times iterations, and the pace that is known afterwards."""
        book = json.loads((folder / "speed.json").read_text())
        book["dream"] = dict.fromkeys(book["dream"], pace)
        (folder / "speed.json").write_text(json.dumps(book))
        code, report, said = run(photo, tmp_path / "dream.png", "--width", 512, "--deadline", 60)
        assert code == 0, said
        learned = json.loads((folder / "speed.json").read_text())["dream"]
        return report["width"] * report["recipe"]["iterations"], next(iter(learned.values()))

    assert run(photo, tmp_path / "dream.png", *SMALL, "--deadline", 600)[0] == 0
    fast, slower = planned(1e6)
    slow, faster = planned(0.08)
    assert slow < fast
    assert slower < 1e6
    assert faster > 0.08


@pytest.mark.slow
def test_faces_stay_and_the_recipe_says_so(run: Run, tmp_path: Path) -> None:
    photo, out, again = (tmp_path / name for name in ("face.png", "dream.png", "again.png"))
    before = hang_portrait(texture(128, 256, 0), 0, 0, 90)
    Image.fromarray(before).save(photo)
    assert run(photo, out, *SMALL, "--keep-faces")[0] == 0
    after = np.array(Image.open(out))
    np.testing.assert_array_equal(after[58:72, 120:136], before[58:72, 120:136])
    assert np.abs(after[:, :60].astype(int) - before[:, :60]).mean() > 2
    assert read_sidecar(sidecar_path(out))[0].keep_faces
    assert run(photo, again, "--recipe", out)[0] == 0
    assert again.read_bytes() == out.read_bytes()

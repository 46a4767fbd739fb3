"""The pages' view mathematics, by itself: angles, rays, the phone's sensors, a headset's projection."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

VIEW = (Path(__file__).parents[3] / "kiosk" / "web").resolve() / "shared" / "sphere" / "view.js"


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A function that gives the values of JavaScript expressions in which `v` is the module."""
    module = tmp_path_factory.mktemp("view") / "view.mjs"
    module.write_bytes(VIEW.read_bytes())

    def evaluate(*expressions: str) -> list[Any]:
        script = f"import * as v from '{module}'; console.log(JSON.stringify([{','.join(expressions)}]));"
        command = ["node", "--input-type=module", "-e", script]
        return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    return evaluate


def gaze(angles: dict[str, float]) -> tuple[float, float]:
    """Yaw and pitch in degrees."""
    return np.rad2deg(angles["yaw"]), np.rad2deg(angles["pitch"])


ANGLES = [(0, 0), (30, 20), (-150, -70), (179, 5), (90, 89), (-45, -89)]


def test_an_orientation_looks_where_its_angles_say(view: Any) -> None:
    found = view(*(f"v.gazeOf(v.fromAngles({yaw} * v.DEGREE, {pitch} * v.DEGREE))" for yaw, pitch in ANGLES))
    np.testing.assert_allclose([gaze(one) for one in found], ANGLES, atol=1e-3)


def test_a_direction_has_the_angles_that_it_was_made_of(view: Any) -> None:
    found = view(*(f"v.anglesOf(v.direction({yaw} * v.DEGREE, {pitch} * v.DEGREE))" for yaw, pitch in ANGLES))
    np.testing.assert_allclose([gaze(one) for one in found], ANGLES, atol=1e-6)


def test_the_ray_through_the_edge_of_the_view_is_half_the_field_away(view: Any) -> None:
    (found,) = view("v.anglesOf(v.ray(v.matrix(v.fromAngles(20 * v.DEGREE, 0)), Math.tan(40 * v.DEGREE), 0))")
    np.testing.assert_allclose(gaze(found), (60, 0), atol=1e-4)


@pytest.mark.parametrize(
    ("reading", "expected"),
    [
        ((0, 90, 0, 0), (0, 0)),  # upright, facing north
        ((90, 90, 0, 0), (-90, 0)),  # turned left, to the west
        ((0, 120, 0, 0), (0, 30)),  # tipped back: looks up
        ((0, 60, 0, 0), (0, -30)),
        ((0, 0, -90, 90), (90, 0)),  # held sideways, with the page turned along
        ((0, 0, 90, -90), (-90, 0)),
    ],
)
def test_the_sensors_say_where_the_back_of_the_phone_looks(
    view: Any, reading: tuple[float, ...], expected: tuple[float, float]
) -> None:
    (found,) = view(f"v.gazeOf(v.fromSensors({','.join(map(str, reading))}))")
    np.testing.assert_allclose(gaze(found), expected, atol=1e-3)


def test_the_first_reading_of_the_sensors_does_not_change_the_yaw(view: Any) -> None:
    (found,) = view("""(() => {
      const view = new v.View();
      view.turn(50 * v.DEGREE, 0);
      view.sense(v.fromSensors(120, 90, 0, 0));
      const first = view.gaze();
      view.sense(v.fromSensors(110, 100, 0, 0));
      const second = view.gaze();
      view.sense(null);
      return [first, second, view.gaze()];
    })()""")
    np.testing.assert_allclose([gaze(one) for one in found], [(50, 0), (60, 10), (60, 10)], atol=1e-3)


def test_the_rays_of_a_headset_are_those_of_its_projection(view: Any) -> None:
    left, right, down, up = -1.2, 0.9, -1.1, 1.0
    columns = [
        [2 / (right - left), 0, 0, 0],
        [0, 2 / (up - down), 0, 0],
        [(right + left) / (right - left), (up + down) / (up - down), -1, -1],
        [0, 0, -0.2, 0],
    ]
    (found,) = view(f"v.raysOf({json.dumps(np.ravel(columns).tolist())})")
    expected = [(right - left) / 2, (up - down) / 2, (right + left) / 2, (up + down) / 2]
    np.testing.assert_allclose(found, expected)


def test_a_view_is_as_wide_as_its_longer_side_says_and_never_upside_down(view: Any) -> None:
    wide, tall, pitch, narrow, widest = view(
        "new v.View().frustum(2)", "new v.View().frustum(.5)",
        "(() => { const view = new v.View(); view.turn(0, 3); return view.pitch; })()",
        "(() => { const view = new v.View(); view.zoom(.01); return view.fov; })()",
        "(() => { const view = new v.View(); view.zoom(100); return view.fov; })()",
    )  # fmt: skip
    half = np.tan(np.deg2rad(85 / 2))
    np.testing.assert_allclose([wide, tall], [[half, half / 2], [half / 2, half]])
    assert pitch < np.pi / 2
    np.testing.assert_allclose([narrow, widest], [np.pi / 7, np.deg2rad(110)])

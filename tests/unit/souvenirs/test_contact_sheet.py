"""The contact sheet's geometry, and what an eye inside a sphere sees."""

from __future__ import annotations

import numpy as np
import pytest

from kiosk.souvenirs.contact_sheet import BACKGROUND, Cell, Grid, draw_sheet
from kiosk.sphere.view import rectilinear


def cells(count: int, width: int = 120, height: int = 90) -> list[Cell]:
    return [Cell(np.full((height, width, 3), 40 + 5 * n, np.uint8), f"Style {n}", f"style-{n}") for n in range(count)]


@pytest.mark.parametrize(("count", "columns", "rows"), [(1, 1, 1), (6, 3, 2), (7, 3, 3), (25, 5, 5)])
def test_every_picture_is_where_the_grid_says(count: int, columns: int, rows: int) -> None:
    sheet = draw_sheet(cells(count), columns)
    grid = Grid(count, columns, 120, 90)
    assert grid.rows == rows
    assert sheet.shape == (grid.size[1], grid.size[0], 3)
    for index in range(count):
        x, y = grid.corner(index)
        assert (sheet[y : y + 90, x : x + 120] == 40 + 5 * index).all()


def test_pictures_keep_a_gap_and_have_room_for_their_labels() -> None:
    grid = Grid(4, 2, 120, 90)
    corners = [grid.corner(n) for n in range(4)]
    assert corners[1][0] - corners[0][0] == 120 + grid.gap
    assert corners[2][1] - corners[0][1] == 90 + grid.label
    sheet = draw_sheet(cells(4), 2)
    assert (sheet[:, : grid.gap] == BACKGROUND).all()
    for x, y in corners:
        assert (sheet[y + 90 : y + 90 + grid.label, x : x + 120] != BACKGROUND).any()


def test_a_long_title_ends_before_the_next_cell() -> None:
    one, other = (Cell(np.zeros((90, 120, 3), np.uint8), title, "") for title in ("W" * 200, ""))
    grid = Grid(2, 2, 120, 90)
    sheet = draw_sheet([one, other], 2)
    x, y = grid.corner(1)
    assert (sheet[y + 90 :, x - grid.gap :] == BACKGROUND).all()


@pytest.mark.parametrize(
    ("yaw", "pitch", "longitude", "latitude"),
    [(0, 0, 0, 0), (90, 0, 90, 0), (180, 0, 180, 0), (-45, 30, -45, 30), (0, 90, 0, 90), (10, -60, 10, -60)],
)
def test_the_middle_of_a_view_is_the_direction_looked_in(
    yaw: float, pitch: float, longitude: float, latitude: float
) -> None:
    width = 720
    lon = (np.arange(width) + 0.5) / width * 2 * np.pi - np.pi
    lat = np.pi / 2 - (np.arange(width // 2) + 0.5) / (width // 2) * np.pi
    directions = np.stack(
        [np.outer(np.cos(lat), np.sin(lon)), np.outer(np.sin(lat), np.ones(width)), np.outer(np.cos(lat), np.cos(lon))],
        axis=-1,
    ).astype(np.float32)
    seen = rectilinear(directions, 65, 65, yaw=yaw, pitch=pitch, fov=60)[32, 32]
    lon0, lat0 = np.radians(longitude), np.radians(latitude)
    wanted = [np.cos(lat0) * np.sin(lon0), np.sin(lat0), np.cos(lat0) * np.cos(lon0)]
    np.testing.assert_allclose(seen, wanted, atol=0.02)


def test_a_view_across_the_edge_of_the_picture_has_no_seam() -> None:
    width = 512
    lon = (np.arange(width) + 0.5) / width * 2 * np.pi
    picture = np.repeat(np.repeat(np.cos(lon)[None, :, None], width // 2, 0), 3, 2).astype(np.float32)
    row = rectilinear(picture, 201, 101, yaw=180, fov=90)[50, :, 0]
    assert np.abs(np.diff(row)).max() < 0.02


def test_up_in_the_photo_is_up_in_the_view_and_right_is_right() -> None:
    picture = np.zeros((128, 256, 3), np.uint8)
    picture[:64, :, 0] = 255
    picture[:, 128:, 1] = 255
    seen = rectilinear(picture, 40, 30, fov=80)
    assert seen[0, 20, 0] == 255
    assert seen[-1, 20, 0] == 0
    assert seen[15, -1, 1] == 255
    assert seen[15, 0, 1] == 0

"""What a window sees beyond the edges of a sphere and of a plain picture."""

import numpy as np
import pytest

from kiosk.sphere.padding import flat_window, sphere_window


def picture(height, width):
    return np.arange(height * width * 3, dtype=np.int32).reshape(height, width, 3)


def pad_sphere(photo, border):
    height, width = photo.shape[:2]
    return sphere_window(photo, -border, -border, height + 2 * border, width + 2 * border)


@pytest.mark.parametrize("border", [0, 1, 5])
def test_left_and_right_edges_are_neighbors(border):
    photo = picture(8, 16)
    middle = pad_sphere(photo, border)[border : border + 8]
    assert np.array_equal(middle, np.concatenate([photo, photo, photo], 1)[:, 16 - border : 32 + border])


def test_the_row_beyond_a_pole_is_the_polar_row_turned_by_half_a_width():
    photo = picture(8, 16)
    padded = pad_sphere(photo, 2)
    assert np.array_equal(padded[1, 2:-2], np.roll(photo[0], 8, axis=0))
    assert np.array_equal(padded[0, 2:-2], np.roll(photo[1], 8, axis=0))
    assert np.array_equal(padded[-2, 2:-2], np.roll(photo[-1], 8, axis=0))


def test_padding_turns_with_the_picture():
    photo = picture(6, 12)
    for turn in range(12):
        turned = pad_sphere(np.roll(photo, turn, axis=1), 4)
        assert np.array_equal(turned[:, 4:16], np.roll(pad_sphere(photo, 4)[:, 4:16], turn, axis=1))


def test_a_function_of_direction_continues_smoothly_over_the_poles():
    height, width, border = 64, 128, 20
    rows = (np.arange(-border, height + border) + 0.5) / height * np.pi
    columns = (np.arange(-border, width + border) + 0.5) / width * 2 * np.pi
    # x of the direction is sin(colatitude) cos(longitude): past a pole the colatitude turns negative and the formula
    # still holds, so it is its own reference.
    everywhere = np.sin(rows)[:, None] * np.cos(columns)[None]
    inside = everywhere[border:-border, border:-border]
    assert np.allclose(pad_sphere(inside[..., None], border)[..., 0], everywhere)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 2), (3, 5), (2, 4)])
def test_tiny_pictures_can_be_padded_by_more_than_their_size(height, width):
    photo = picture(height, width)
    padded = pad_sphere(photo, 9)
    assert padded.shape == (height + 18, width + 18, 3)
    assert np.array_equal(padded[9 : 9 + height, 9 : 9 + width], photo)


def test_a_window_is_a_piece_of_the_padded_picture():
    photo = picture(7, 10)
    padded = pad_sphere(photo, 6)
    assert np.array_equal(sphere_window(photo, -6, 4, 9, 12), padded[:9, 10:22])


def test_a_plain_picture_repeats_its_edge():
    photo = picture(4, 5)
    expected = np.pad(photo, ((3, 3), (3, 3), (0, 0)), mode="edge")
    assert np.array_equal(flat_window(photo, -3, -3, 10, 11), expected)

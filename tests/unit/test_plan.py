"""The arithmetic of a plan: the wanted recipe where there is time, less where there is not, never nothing."""

import dataclasses

import pytest

from kiosk.errors import BadInput
from kiosk.nets.memory import needed_mb
from kiosk.nets.recipe import DreamRecipe, UpscaleRecipe
from kiosk.pipeline.plan import (
    MARGIN,
    SMALLEST_WIDTH,
    PhotoRecipe,
    Speeds,
    dream_megapixels,
    enlarged_megapixels,
    make_plan,
    predict,
    time_left,
    wanted_recipe,
    within_memory,
)
from kiosk.settings import Dream

WANTED = PhotoRecipe(DreamRecipe(precision="fp32"), UpscaleRecipe(scale=2, precision="fp32"))
FAST = Speeds(dream=1000, upscale=1000, publish=1000)


def test_the_work_of_a_dream_is_pixels_times_iterations_over_all_octaves():
    recipe = DreamRecipe(width=2048, octaves=2, octave_scale=2.0, iterations=10)
    assert dream_megapixels(recipe) == pytest.approx((2048 * 1024 + 1024 * 512) * 10 / 1e6)


def test_the_enlarged_sphere_is_two_to_one():
    assert enlarged_megapixels(WANTED) == pytest.approx(4096 * 2048 / 1e6)


def test_a_dream_is_as_wide_as_its_memory_allows():
    assert within_memory(WANTED, 4096) == WANTED
    wide = PhotoRecipe(dataclasses.replace(WANTED.dream, width=16384), WANTED.upscale)
    for limit in (512, 1024, 2048):
        width = within_memory(wide, limit).dream.width
        assert needed_mb(width, width // 2, 1) <= limit < needed_mb(width + 64, width // 2 + 32, 1)
    assert within_memory(wide, 1).dream.width == SMALLEST_WIDTH


def test_with_time_enough_nothing_is_taken_away():
    assert make_plan(WANTED, FAST, 60).recipe == WANTED


def test_a_prediction_is_the_sum_of_its_stages():
    plan = predict(WANTED, Speeds(dream=2, upscale=1, publish=20))
    assert plan.seconds == plan.dream_seconds + plan.upscale_seconds + plan.publish_seconds
    assert plan.upscale_seconds == pytest.approx(8.388608)
    assert plan.publish_seconds == pytest.approx(8.388608 / 20)


def test_without_an_enlargement_there_is_nothing_to_wait_for():
    flat = PhotoRecipe(WANTED.dream, dataclasses.replace(WANTED.upscale, scale=1))
    assert predict(flat, FAST).upscale_seconds == 0


@pytest.mark.parametrize("speed", [8.0, 4.0, 2.0, 1.0, 0.5, 0.25])
def test_whatever_the_machine_the_plan_meets_the_deadline_where_any_can(speed):
    speeds = Speeds(dream=speed, upscale=speed / 2, publish=40)
    plan = make_plan(WANTED, speeds, 60)
    smallest = make_plan(WANTED, speeds, 0)
    assert plan.seconds <= 60 * MARGIN or plan == smallest


def test_a_slower_machine_never_gets_more_work():
    works = [
        dream_megapixels(make_plan(WANTED, Speeds(speed, speed / 2, 40), 60).recipe.dream)
        for speed in (8.0, 4.0, 2.0, 1.0, 0.5, 0.25, 0.1)
    ]
    assert works == sorted(works, reverse=True)


def test_iterations_go_before_width_and_width_before_the_enlargement():
    whole = predict(WANTED, Speeds(2, 100, 100)).seconds
    a_little_less = make_plan(WANTED, Speeds(2, 100, 100), whole * 0.95 / MARGIN).recipe
    assert (a_little_less.dream.width, a_little_less.dream.iterations) == (2048, 8)
    half = make_plan(WANTED, Speeds(2, 100, 100), whole * 0.5 / MARGIN).recipe
    assert half.dream.width < 2048
    assert half.upscale.scale == 2


def test_where_nothing_is_quick_enough_the_smallest_recipe_is_taken():
    recipe = make_plan(WANTED, Speeds(0.001, 0.001, 0.001), 60).recipe
    assert recipe.dream.width == 512
    assert recipe.dream.iterations == 6
    assert recipe.upscale.scale == 1


def test_a_width_below_the_smallest_step_is_kept():
    small = PhotoRecipe(dataclasses.replace(WANTED.dream, width=256), WANTED.upscale)
    assert make_plan(small, Speeds(0.001, 0.001, 0.001), 60).recipe.dream.width == 256


@pytest.mark.parametrize(("waited", "left"), [(0, 60), (20, 40), (30, 30), (50, 30), (1000, 30), (-5, 60)])
def test_waiting_in_the_queue_shortens_the_dream_to_half_at_most(waited, left):
    assert time_left(60, waited) == left


def test_the_operators_settings_and_the_jobs_own_parameters_make_the_recipe():
    settings = Dream(width=1024, upscale=4, style="dogs")
    recipe = wanted_recipe(settings, "eyes", {"dream": {"seed": 7}, "upscale": {"noise": "1"}})
    assert (recipe.dream.width, recipe.dream.seed) == (1024, 7)
    assert recipe.dream.layers == (("fire6", 1.0),)
    assert (recipe.upscale.scale, recipe.upscale.noise) == (4, "1")


@pytest.mark.parametrize("fixed", [{"dream": {"colour": 1}}, {"upscale": {"zoom": 9}}])
def test_a_parameter_that_does_not_exist_is_refused(fixed):
    with pytest.raises(BadInput):
        wanted_recipe(Dream(), None, fixed)


def test_an_unknown_style_is_refused_by_name():
    with pytest.raises(BadInput, match="cubism"):
        wanted_recipe(Dream(), "cubism")


def test_a_recipe_survives_its_json():
    recipe = wanted_recipe(Dream(), "peacocks")
    assert PhotoRecipe.from_json(recipe.to_json()) == recipe


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"dream": {}}', '{"dream": 1, "upscale": {}}', "not json"])
def test_what_is_no_recipe_is_refused(text):
    with pytest.raises(BadInput):
        PhotoRecipe.from_json(text)

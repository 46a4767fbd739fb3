"""The arithmetic of a plan: the wanted recipe where there is time, less where there is not, never nothing."""

import dataclasses

import pytest

from kiosk.errors import BadInput
from kiosk.nets.engine.memory import needed_mb
from kiosk.planning.plan import (
    MARGIN,
    SMALLEST_WIDTH,
    Speeds,
    dream_work,
    enlarged_megapixels,
    make_plan,
    plan_dream,
    predict,
    time_left,
    upscale_megapixels,
    within_memory,
)
from kiosk.planning.wanted import wanted_recipe
from kiosk.recipes.photo import PhotoRecipe
from kiosk.recipes.recipe import DreamRecipe, UpscaleRecipe
from kiosk.settings import Dream

WANTED = PhotoRecipe(DreamRecipe(precision="fp32"), UpscaleRecipe(scale=2, precision="fp32"))
FAST = Speeds(dream=1000, upscale=1000, publish=1000)


def test_the_work_of_a_dream_grows_with_its_pixels_and_iterations():
    recipe = DreamRecipe(width=2048, octaves=2, octave_scale=2.0, iterations=10)
    pixels = (2048 * 1024 + 1024 * 512) * 10 / 1e6
    assert pixels < dream_work(recipe) < 1.5 * pixels, "tiles overlap, but the caps hold fewer pixels"
    assert dream_work(dataclasses.replace(recipe, iterations=20)) == pytest.approx(2 * dream_work(recipe))


def test_the_enlarged_sphere_is_two_to_one():
    assert enlarged_megapixels(WANTED) == pytest.approx(4096 * 2048 / 1e6)


def test_the_work_of_an_enlargement_is_every_doubling():
    four = PhotoRecipe(WANTED.dream, dataclasses.replace(WANTED.upscale, scale=4))
    assert upscale_megapixels(four) == pytest.approx((4096 * 2048 + 8192 * 4096) / 1e6)
    assert predict(four, Speeds(1, 2, 1)).upscale_seconds == pytest.approx(upscale_megapixels(four) / 2)


EVEN = Speeds(dream=4, upscale=4, publish=100)
EIGHT_K = PhotoRecipe(WANTED.dream, dataclasses.replace(WANTED.upscale, scale=4))


def ways(seconds, speeds=EVEN, memory_mb=None):
    recipe = make_plan(EIGHT_K, speeds, seconds, memory_mb).recipe
    return recipe.dream.width, recipe.upscale.scale


def test_of_two_ways_to_one_size_the_wider_dream_is_taken_where_there_is_time():
    wide = dataclasses.replace(WANTED.dream, width=4096, octaves=WANTED.dream.octaves + 2)
    slow = predict(PhotoRecipe(wide, WANTED.upscale), EVEN).seconds
    quick = predict(EIGHT_K, EVEN).seconds
    assert quick < slow
    assert ways(slow / MARGIN * 1.01) == (4096, 2)
    assert ways(slow / MARGIN * 0.99) == (2048, 4)
    assert ways(quick / MARGIN * 1.01) == (2048, 4)


def test_which_way_is_taken_depends_on_what_the_machine_is_quick_at():
    assert ways(60, Speeds(dream=20, upscale=2, publish=100)) == (4096, 2)
    assert ways(60, Speeds(dream=2, upscale=20, publish=100)) == (2048, 4)


def test_a_wider_dream_has_to_fit_into_the_memory():
    needed = needed_mb(4096, 2048, 1)
    assert ways(10_000, memory_mb=needed + 1) == (4096, 2)
    assert ways(10_000, memory_mb=needed - 1) == (2048, 4)


def test_a_wider_dream_keeps_the_large_forms_and_the_size():
    wider = make_plan(EIGHT_K, FAST, 10_000).recipe
    assert enlarged_megapixels(wider) == enlarged_megapixels(EIGHT_K)
    smallest, wanted = (r.dream.width / r.dream.octave_scale ** (r.dream.octaves - 1) for r in (wider, EIGHT_K))
    assert smallest == pytest.approx(wanted, rel=0.1)


def test_a_dream_that_is_only_doubled_is_not_widened():
    assert make_plan(WANTED, FAST, 10_000).recipe == WANTED


def test_a_narrower_dream_is_enlarged_to_the_wanted_size_where_that_is_quick():
    speeds = Speeds(dream=0.5, upscale=100, publish=100)
    recipe = make_plan(WANTED, speeds, predict(WANTED, speeds).seconds * 0.2).recipe
    assert recipe.dream.width < 1100
    assert recipe.dream.width * recipe.upscale.scale > 3000


def test_noise_is_not_removed_by_a_slower_network_when_time_is_short():
    noisy = PhotoRecipe(WANTED.dream, dataclasses.replace(WANTED.upscale, noise="1"))
    recipe = make_plan(noisy, Speeds(0.001, 0.001, 0.001), 60).recipe
    assert (recipe.upscale.scale, recipe.upscale.noise) == (1, "none")


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


def test_two_eyes_are_enlarged_and_published_but_dreamed_once():
    one, two = (predict(WANTED, Speeds(2, 1, 20), eyes) for eyes in (1, 2))
    assert (two.dream_seconds, two.upscale_seconds, two.publish_seconds) == (
        one.dream_seconds,
        2 * one.upscale_seconds,
        2 * one.publish_seconds,
    )
    assert make_plan(WANTED, Speeds(2, 1, 20), one.seconds / MARGIN, eyes=2).recipe != WANTED


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
        dream_work(make_plan(WANTED, Speeds(speed, speed / 2, 40), 60).recipe.dream)
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


@pytest.mark.parametrize("fixed", [{"dream": {"color": 1}}, {"upscale": {"zoom": 9}}])
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


def test_what_is_said_to_be_enough_is_enough():
    with pytest.raises(BadInput, match="--deadline") as caught:
        plan_dream(WANTED.dream, 1.0, 0.5, kept_back=1.3)
    least = int(str(caught.value).split("--deadline ")[1].split()[0])
    assert plan_dream(WANTED.dream, 1.0, least, kept_back=1.3).width == 512

"""Waiting after failures."""

from kiosk.backoff import Backoff


def test_waits_double_up_to_the_cap_and_start_again_after_a_success():
    backoff = Backoff(first=1, cap=10)
    assert [backoff.next() for _ in range(6)] == [1, 2, 4, 8, 10, 10]
    backoff.reset()
    assert backoff.next() == 1


def test_they_grow_by_the_factor():
    backoff = Backoff(first=1, cap=15, factor=4)
    assert [backoff.next() for _ in range(4)] == [1, 4, 15, 15]


def test_any_number_of_failures_still_waits_the_cap():
    backoff = Backoff()
    waits = [backoff.next() for _ in range(100_000)]
    assert waits[0] == 1
    assert set(waits[5:]) == {30}


def test_a_first_wait_beyond_the_cap_is_the_cap():
    assert Backoff(first=60, cap=30).next() == 30

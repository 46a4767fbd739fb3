"""Waiting after failures."""

from kiosk.capture.backoff import Backoff


def test_waits_double_up_to_the_cap_and_start_again_after_a_success():
    backoff = Backoff(first=1, cap=10)
    assert [backoff.next() for _ in range(6)] == [1, 2, 4, 8, 10, 10]
    backoff.reset()
    assert backoff.next() == 1


def test_a_thousand_failures_still_wait_the_cap():
    backoff = Backoff()
    assert [backoff.next() for _ in range(1000)][-1] == 30

"""time_limit: in the main thread, in others, nested, and with somebody else's timer."""

from __future__ import annotations

import contextlib
import signal
import threading
import time

import pytest

from plugrad.testing.runner import TimeLimitExceeded, alarms, time_limit


def spin():
    while True:
        pass


@pytest.mark.parametrize("work", [spin, lambda: time.sleep(60)])
def test_ends_what_takes_too_long(work):
    start = time.monotonic()
    with pytest.raises(TimeLimitExceeded), time_limit(0.1):
        work()
    assert time.monotonic() - start < 5


def test_lets_through_what_is_quick():
    with time_limit(0.2):
        result = 1
    time.sleep(0.3)
    assert result == 1


def test_none_is_no_limit():
    with time_limit(0):
        time.sleep(0.01)


def test_no_op_swallows_it():
    def careless():
        with contextlib.suppress(Exception):
            spin()

    with pytest.raises(TimeLimitExceeded), time_limit(0.1):
        careless()


def test_in_another_thread():
    found = []

    def work():
        try:
            with time_limit(0.1):
                spin()
        except TimeLimitExceeded as error:
            found.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(10)
    assert len(found) == 1


def test_many_limits_share_a_handler_which_is_put_back():
    before = signal.getsignal(signal.SIGALRM)
    with alarms():
        for _ in range(3):
            with pytest.raises(TimeLimitExceeded), time_limit(0.05):
                spin()
            with time_limit(1.0):
                pass
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_a_timer_that_rings_for_an_earlier_limit_waits_for_the_next():
    start = time.monotonic()
    with alarms():
        with time_limit(0.2):
            pass
        with pytest.raises(TimeLimitExceeded), time_limit(0.4):
            spin()
    assert 0.4 <= time.monotonic() - start < 5


def test_one_limit_within_another():
    def work():
        with pytest.raises(TimeLimitExceeded), time_limit(0.1):
            spin()
        with time_limit(60):
            pass
        spin()

    with alarms(), pytest.raises(TimeLimitExceeded), time_limit(0.3):
        work()


def test_the_timer_of_somebody_else_goes_on_afterwards():
    rung = []
    handler = signal.signal(signal.SIGALRM, lambda *_: rung.append(1))
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    try:
        with alarms(), time_limit(20.0):
            pass
        assert not rung
        time.sleep(0.5)
        assert rung == [1]
    finally:
        signal.signal(signal.SIGALRM, handler)

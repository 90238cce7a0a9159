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

"""The timers of a real runtime: their order, and what is kept of those that were cancelled."""

import asyncio

import pytest

from antipodes.runtime.main import run_main
from antipodes.runtime.precise import CANCELLED_MIN, PreciseTimers

pytestmark = pytest.mark.skipif(not PreciseTimers.available(), reason="needs timerfd")


def test_timers_go_off_in_the_order_of_their_times() -> None:
    async def main() -> list[int]:
        loop = asyncio.get_running_loop()
        timers, called, ended = PreciseTimers(loop), list[int](), loop.create_future()
        for number in (5, 1, 4, 0, 3, 2, 5):
            timers.later(number / 1000, called.append, number)
        timers.later(0.006, ended.set_result, None)
        await ended
        assert len(timers) == 0
        timers.close()
        return called

    assert run_main(main()) == [0, 1, 2, 3, 4, 5, 5]


def test_cancelled_timers_are_not_kept_until_their_time() -> None:
    async def main() -> list[str]:
        loop = asyncio.get_running_loop()
        timers, called, ended = PreciseTimers(loop), list[str](), loop.create_future()
        timers.later(0.02, called.append, "early")
        timers.later(0.03, ended.set_result, None)
        late = timers.later(3600, called.append, "late")
        for number in range(20 * CANCELLED_MIN):
            timers.later(300 + number % 7, called.append, "never").cancel()
            assert len(timers) <= 2 * CANCELLED_MIN
        late.cancel()
        late.cancel()
        await ended
        timers.close()
        return called

    assert run_main(main()) == ["early"]


def test_what_a_cancelled_timer_would_have_called_is_let_go() -> None:
    async def main() -> None:
        timers = PreciseTimers(asyncio.get_running_loop())
        timer = timers.later(3600, print, "never")
        timer.cancel()
        assert (timer.function, timer.arguments) == (None, ())
        timers.close()

    run_main(main())

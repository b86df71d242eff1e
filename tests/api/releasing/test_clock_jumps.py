"""A wall clock that jumps, as one does that NTP puts right: what is waited for is measured by the other clock."""

from __future__ import annotations

from datetime import timedelta

import pytest

from flipgate.core.values.base import but
from flipgate.steps.acting.world import World, utc_now
from flipgate.steps.releasing.queue import join_builds


@pytest.mark.parametrize("minutes", [-60, 60], ids=["back", "ahead"])
def test_builds_join_for_as_long_as_was_said_though_the_wall_clock_jumps(world: World, minutes: int) -> None:
    spec = world.application.spec
    world.application = but(world.application, spec=but(spec, policy=but(spec.policy, join_builds_seconds=30)))
    began, slept = utc_now(), [0.0]

    def sleep(seconds: float) -> None:
        slept[0] += seconds
        assert slept[0] < 60, "it waits on"

    world.monotonic, world.sleep = lambda: slept[0], sleep
    world.now = lambda: began + timedelta(seconds=slept[0], minutes=minutes if slept[0] else 0)
    assert join_builds(world, {"web": "shop/web:2"}, "ci") == {}
    assert slept[0] == 30

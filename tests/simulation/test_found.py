"""Orders of events that the search found, and that broke a promise: each as short as it could be made."""

from __future__ import annotations

import pytest

from tests.simulation.plans import Nap, Plan
from tests.simulation.simulation import live
from tests.simulation.streams import Trace
from tests.simulation.weather import Weather

PODS = (94, 25, 41, 13, 2, 68, 33, 84, 8, 7, 18, 72, 77, 71, 23, 6, 69, 12, 29, 47)
"""How long pods of one life take to come and go."""

FOUND: dict[str, tuple[Plan, Trace]] = {
    "a way back without a release sleeps, reconcile finishes it: the workers go back, too": (
        Plan(actors=("rollback",), naps=(Nap("rollback", "entry", 0, 900.0),)),
        {"rollback 0": [9, 0, 4, 0]},
    ),
    "a deploy sleeps over an abort: what it was about to write on the side is refused": (
        Plan(actors=("build", "abort"), naps=(Nap("deploy-dark", "PATCH deployments", 0, 400.0),)),
        {"abort 0": [0, 5]},
    ),
    "one of two routes' patches back hangs: it is sent again, and nothing stays behind": (
        Plan(Weather(late_patch=6), routes=2, actors=("build", "approver", "rollback")),
        {"rollback 0": [0, 0, 0, 0, 5, 81]},
    ),
    "a rollback sleeps as it stops a worker: that had no time yet, and the other side's starts all the same": (
        Plan(
            actors=("build", "approver", "rollback"),
            naps=(Nap("rollback", "PATCH deployments", 4, 900.0), Nap("reconcile", "GET leases", 2, 900.0)),
        ),
        {"rollback 0": [0, 98, 0, 0], "the cluster": [*[0] * 37, *PODS]},
    ),
    "a rollback cannot read the side that it takes: it tries once users are there, and a scale-down is refused": (
        Plan(
            Weather(garbled=120),
            actors=("build", "approver", "rollback"),
            naps=(Nap("scale-down", "PATCH deployments", 0, 45.0),),
        ),
        {"rollback 0": [7, *[0] * 13, 119]},
    ),
}


@pytest.mark.parametrize("name", FOUND)
def test_no_promise_is_broken_where_one_was(name: str) -> None:
    plan, trace = FOUND[name]
    outcome = live(plan, given=trace)
    assert not outcome.broken, "\n".join([outcome.broken, *outcome.story])

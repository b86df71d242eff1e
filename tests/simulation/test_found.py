"""Orders of events that the search found, and that broke a promise: each as short as it could be made."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.simulation.plans import Nap, Plan
from tests.simulation.simulation import live
from tests.simulation.streams import Trace
from tests.simulation.weather import Weather

PODS = (94, 25, 41, 13, 2, 68, 33, 84, 8, 7, 18, 72, 77, 71, 23, 6, 69, 12, 29, 47)
"""How long pods of one life take to come and go."""


def at(places: Mapping[int, int]) -> list[int]:
    """A list of what was drawn that is 0 but for these places."""
    return [places.get(place, 0) for place in range(max(places) + 1)]


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
    "a patch of a move is not answered for, another is sent back and hangs, the first arrives: it is kept whole": (
        Plan(Weather(late_write=60, late_patch=6, refused=250), routes=2, actors=("build", "approver", "build")),
        {"flip-traffic 3": at({102: 5, 123: 249, 173: 5, 174: 3, 210: 5, 211: 14})},
    ),
    "a rollback without a record comes while an older one is written down: its mark stays until it is known, too": (
        Plan(
            Weather(late_write=6, throttled=20, garbled=60, asleep=120, lag_seconds=1.0),
            routes=2,
            workers="new-first",
            actors=("build", "approver", "build", "rollback"),
        ),
        {
            "the cluster": at({0: 95, 1: 18, 2: 84, 3: 31, 4: 76, 9: 51, 28: 89, 30: 57, 31: 71}),
            "build 1": [7, 70],
            "rollback 0": at({0: 8, 1: 98, 2: 4, 24: 5}),
            "deploy-dark 1": at({114: 5, 116: 24, 117: 5}),
            "reconcile 1": at({11: 19}),
            "deploy-dark 2": at({36: 19, 39: 19, 57: 19, 62: 59, 69: 19, 97: 19, 117: 5}),
            "flip-traffic 4": at({617: 19, 694: 119, 695: 43, 767: 19, 772: 59}),
            "deploy-dark 5": at({1: 59, 67: 19, 172: 19, 275: 11}),
        },
    ),
    "a rollback dies as it hands workers over, and reconcile as it begins that again: the next turn does it": (
        Plan(Weather(killed=60, clocks=120), workers="new-first", actors=("rollback",)),
        {
            "the cluster": at({2: 93, 11: 27, 14: 45, 15: 16, 16: 64, 17: 67}),
            "rollback 0": at({0: 9, 1: 94, 2: 4, 359: 59}),
            "reconcile 2": at({77: 59}),
        },
    ),
    "a rollback to a side at rest, at once, dies before it has scaled that up: whoever goes on does": (
        Plan(Weather(killed=60, clocks=250), actors=("rollback",)),
        {"rollback 0": at({0: 9, 2: 4, 3: 3, 53: 59})},
    ),
    "a rollback's patch is not answered for, another goes to the other side by name: that one has the last word": (
        Plan(Weather(late_write=60, bursts=250), workers="new-first", actors=("build", "approver", *["rollback"] * 2)),
        {"rollback 0": at({20: 59}), "rollback 1": at({1: 86, 2: 4})},
    ),
    "a rollback to a side by name sleeps before its patch, and that side's release is aborted: no patch leads there": (
        Plan(
            Weather(throttled=6, clocks=120),
            routes=2,
            workers="new-first",
            actors=("build", "rollback", "rollback"),
            naps=(Nap("rollback", "entry", 0, 400.0),),
        ),
        {"rollback 0": at({0: 9, 2: 4, 3: 3}), "rollback 1": at({0: 9, 1: 33})},
    ),
    "what takes a side back from a scale-down hangs twice: it is taken until it is, before the rollback has ended": (
        Plan(
            Weather(late_write=250, late_patch=6),
            routes=2,
            workers="new-first",
            actors=("build", "approver", "rollback"),
        ),
        {
            "rollback 0": at({0: 3, 1: 78, 6: 5, 7: 5, 8: 35, 18: 5, 26: 5, 28: 19}),
            "deploy-dark 1": at({13: 23, 14: 71, 22: 53, 35: 5, 36: 97, 51: 5}),
            "scale-down 4": at({15: 5, 16: 14}),
        },
    ),
    "a rollback dies before it has stamped the side that it left, and the next one cannot read the record once": (
        Plan(
            Weather(killed=250, garbled=60),
            workers="old-first",
            actors=("build", "approver", "rollback", "canceller", "canceller"),
        ),
        {"rollback 0": at({0: 6, 65: 59, 73: 249}), "canceller 1": at({0: 1, 1: 49}), "roll-back 6": at({1: 59})},
    ),
    "what takes the side that users left from a hand-over hangs: that one's late write starts no second worker": (
        Plan(
            Weather(late_patch=6, bursts=250, garbled=250),
            workers="old-first",
            actors=("build", "approver", "rollback", "build"),
        ),
        {
            "the cluster": at({19: 50, 23: 71, 28: 51, 29: 37, 30: 16, 31: 83, 33: 43, 34: 44, 35: 69}),
            "rollback 0": at({0: 5, 1: 37, 74: 89, 75: 70}),
            "build 1": at({0: 1, 1: 4}),
            "flip-traffic 2": at({58: 249, 59: 78}),
            "flip-traffic 4": at({315: 249, 316: 36, 483: 5, 484: 28}),
        },
    ),
    "what takes the side that users come back to hangs twice: a hand-over that wakes stops none of its workers": (
        Plan(Weather(late_patch=6, asleep=60), actors=("build", "approver", "rollback")),
        {
            "the cluster": [*[0] * 10, *[90] * 10],
            "flip-traffic 2": at({390: 59, 391: 29, 392: 1}),
            "rollback 0": at({0: 1, 1: 25, 50: 5, 53: 90, 114: 5, 117: 90, 135: 5, 138: 90}),
        },
    ),
    "whoever goes on with a hand-over back cannot list the pods that end once: no second worker starts beside them": (
        Plan(Weather(refused=60), actors=("build", "approver", "rollback"), naps=(Nap("rollback", "entry", 1, 400.0),)),
        {"rollback 0": [2], "the cluster": [*[0] * 10, *[90] * 40], "scale-down 3": at({47: 59})},
    ),
    "a build sleeps over an abort whose history is not written: it looks again, and none is forgotten": (
        Plan(
            Weather(lost_answer=60),
            actors=("build", "approver", "build", "abort"),
            naps=(Nap("deploy-dark", "GET ingressroutes", 2, 900.0),),
        ),
        {"build 1": [6], "abort 0": at({0: 1, 11: 59})},
    ),
    "a scale-down sleeps before it tells that it is done, and the next release is opened: its own is found by name": (
        Plan(actors=("build", "approver", "build"), naps=(Nap("scale-down", "POST events", 4, 3.0),)),
        {"build 1": [5, 30]},
    ),
    "a run sleeps over an outage that is told, and over its end: it does not tell it again": (
        Plan(Weather(lost_answer=60, garbled=60, asleep=60), workers="new-first", actors=("build", "build", "build")),
        {
            "build 1": [8],
            "deploy-dark 1": at({114: 59, 115: 28}),
            "deploy-dark 2": at({170: 59}),
            "reconcile 2": at({8: 59, 58: 59}),
            "reconcile 3": at({48: 59}),
            "deploy-dark 3": at({5: 59, 6: 75}),
        },
    ),
}


@pytest.mark.parametrize("name", FOUND)
def test_no_promise_is_broken_where_one_was(name: str) -> None:
    plan, trace = FOUND[name]
    outcome = live(plan, given=trace)
    assert not outcome.broken, "\n".join([outcome.broken, *outcome.story])

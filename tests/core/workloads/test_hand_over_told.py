"""What a person is told of workers, CronJobs and consumers before users move."""

from __future__ import annotations

from typing import Any

from flipgate.core.values.unread import Unread
from flipgate.core.workloads.hand_over_told import told
from flipgate.core.workloads.scaled_objects import ScaledObject
from flipgate.core.workloads.view import SideState
from tests.core.builders import BLUE, GREEN, cron_job, deployment, shop, side, without
from tests.core.builders import told as told_to

LEDGER = "{name: ledger, role: mixed, replicas: 1, consume: {configMap: ledger-consume}}"
NIGHTLY = "{name: nightly, role: cron}"
APP = shop(NIGHTLY, LEDGER)


def state(which: Any, mailers: int, *, suspended: bool) -> SideState:
    ledger = deployment("ledger", replicas=1)
    objects = [deployment("mailer", replicas=mailers), cron_job(suspended=suspended), ledger, told_to("true")]
    return side(which, *objects)


def lines(old: SideState, new: SideState, order: Any = "old-first", scaled: Any = None, **counts: int) -> list[str]:
    return told(APP.handed_over(), order, old, new, {"mailer": 3, **counts}, scaled or {})


OLD, NEW = state(BLUE, 5, suspended=False), state(GREEN, 0, suspended=True)


def test_what_stops_where_and_what_starts_where_with_how_many_pods_in_which_order() -> None:
    assert lines(OLD, NEW) == [
        "old-first: once users have moved, all that works stops on blue before it starts on green: for a moment "
        "nothing works",
        "mailer: blue stops 5 pods, green starts 5 pods",
        "nightly: suspended on blue, resumed on green",
        "ledger: its pods stop to consume on blue, and consume on green; they serve on both",
    ]
    assert lines(OLD, NEW, "new-first")[0].endswith("for a moment both sides work")


def test_a_cron_job_that_somebody_suspended_stays_so() -> None:
    found = lines(state(BLUE, 5, suspended=True), NEW)
    assert "nightly: is suspended on blue by somebody, and stays suspended on green" in found


def test_what_a_side_does_not_have_is_said() -> None:
    found = lines(without(OLD, "mailer"), without(NEW, "nightly"))
    assert "mailer: blue has none, green starts 3 pods" in found
    assert "nightly: suspended on blue, green has none" in found
    assert "mailer: blue stops 5 pods, green has none" in lines(OLD, without(NEW, "mailer"))


def test_of_what_keda_scales_it_is_said_who_says_how_many_also_where_nobody_could_look() -> None:
    keda = ScaledObject("mail-queue", "shop-green", "ScaledObject", deployment="mailer")
    (said,) = [line for line in lines(OLD, NEW, scaled={"mailer": (keda,)}) if line.startswith("mailer")]
    assert said.endswith("green starts 5 pods; from then on ScaledObject mail-queue says how many")
    assert lines(OLD, NEW, scaled=Unread("no permission"))[-1] == (
        "whether KEDA scales any of it is not known: no permission"
    )


def test_where_nothing_is_handed_over_nothing_is_said() -> None:
    assert told([], "old-first", OLD, NEW, {}, {}) == []

"""A release whose old side rests, and that a Traefik replica does not show: looked for a few times, then a person's."""

from __future__ import annotations

from functools import reduce

from flipgate.core.record.going_on import SETTLE_TRIES, goes_on, seen_in_vain
from flipgate.core.record.phases import Phase
from flipgate.core.record.pipelines import SCALE_DOWN
from flipgate.core.record.record import Record
from flipgate.core.record.stopped import Failure, forget_stop, note_stop
from flipgate.core.way_back.next_step import next_step
from tests.core.builders import GREEN, LIVE, at, record, release
from tests.core.cli.looks import facts

UNPROVEN = Failure("TrafficNotProven", "not every Traefik replica shows green: traefik-2", verdict=True)


def stopped(now: Record, why: Failure, number: int) -> Record:
    name = now.release.name if now.release else ""
    return note_stop(forget_stop(now), name, SCALE_DOWN, why, actor="run", run="", now=at(10 + number))


def after(stops: int, why: Failure = UNPROVEN) -> Record:
    settling = record(active=GREEN, release=release(*LIVE, Phase.SETTLING))
    return reduce(lambda now, number: stopped(now, why, number), range(stops), settling)


def test_reconcile_looks_a_few_times_and_then_leaves_it_to_a_person() -> None:
    assert goes_on(after(SETTLE_TRIES - 1), at(60))
    assert not goes_on(after(SETTLE_TRIES), at(60))
    assert seen_in_vain(after(SETTLE_TRIES))
    assert not seen_in_vain(forget_stop(after(SETTLE_TRIES))), "a run that a person started is at work"


def test_other_stops_are_gone_on_with() -> None:
    assert goes_on(after(2 * SETTLE_TRIES, Failure("LiveSideNotReady", "web 0/2", verdict=True)), at(60))


def test_status_says_what_to_type() -> None:
    told = next_step(facts(after(SETTLE_TRIES), routes=GREEN))
    assert (told["by"], told["command"]) == ("person", "flipgate scale-down shop --unseen")
    assert "traefik-2; nobody looks again: mend that replica" in told["step"]
    before = next_step(facts(after(SETTLE_TRIES - 1), routes=GREEN))
    assert before["by"] == "run"

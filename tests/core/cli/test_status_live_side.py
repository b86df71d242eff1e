"""`flipgate status` where users are on a side that is short: told before all else, with what to type."""

from __future__ import annotations

from typing import Any

import click
import pytest

from flipgate.cli._status_text import many, one
from flipgate.cli.status import DATA
from flipgate.core.record.occupant import Contract, Occupant
from flipgate.core.record.phases import Phase
from flipgate.core.record.record import Condition, ConditionStatus, Record
from flipgate.core.values.sides import Side
from flipgate.core.values.unread import Unread
from flipgate.core.way_back.facts import Facts
from flipgate.core.way_back.live_side import LiveSide, LiveSideReason
from flipgate.core.way_back.next_step import next_step
from flipgate.core.workloads.view import SideState
from tests.core.builders import (
    BLUE,
    GREEN,
    LIVE,
    NOW,
    RUN,
    at,
    deployment,
    question,
    record,
    release,
    shop,
    side,
    without,
)
from tests.core.cli.looks import data, facts
from tests.core.way_back.test_live_side import FLUX, carrying, rest, web

RED = "\x1b[31m\x1b[1m"
SCALE = "kubectl -n shop-blue scale deployment/web --replicas=2"
BACK = 'flipgate rollback shop --reason "..."'
TO_GREEN = 'scale it up; or send them to green, which is up: flipgate rollback shop --to green --reason "..."'
LOOK = "kubectl -n shop-green get deployments,pods"


def seen(*objects: Any, remembered: Record | None = None, which: Side = BLUE, **more: Any) -> Facts:
    """Users on a side with these objects; the other one is up."""
    state = side(which, *objects)
    sides = {which: state, which.other: more.pop("other", None) or side(which.other)}
    usual = {"sides": sides, "live": LiveSide(which, state)}
    return facts(remembered or carrying(2), routes=which, **{**usual, **more})


def live(**more: Any) -> Record:
    """A release live on green, in its soak."""
    sides = {each: Occupant(images=RUN, since=NOW, replicas={"web": 2}) for each in Side}
    return record(**{"active": GREEN, "release": release(*LIVE, settle_after=at(90)), "sides": sides, **more})


def lines(looked: Facts) -> list[str]:
    return one(data(looked), at(90), wide=False)


def test_it_is_the_first_line_in_red_with_how_long_and_the_line_to_type() -> None:
    since = Condition(
        type="LiveSideReady", status=ConditionStatus.FALSE, reason="TooFewPods", message="", since=at(-210), side=BLUE
    )
    looked = seen(web(0, by=FLUX), remembered=carrying(2, conditions=(since,)))
    first, title, *others = lines(looked)

    assert first.startswith(f"{RED}shop: users are on blue, which is not ready for 5m (NoReadyPod): web 0 of 2 Ready, ")
    assert "set to 0 by kustomize-controller (Apply) at 2026-03-01 11:58:11 UTC" in first
    assert first.endswith(f". Next: {SCALE}\x1b[0m")
    assert click.unstyle(title).startswith("shop  (namespace")
    assert not [line for line in others if "LiveSideReady" in line], "once is enough"
    (told,) = [each for each in data(looked)["conditions"] if each["type"] == "LiveSideReady"]
    assert (told["status"], told["reason"], told["since"]) == ("False", "NoReadyPod", "2026-03-01T11:56:30.000Z")


def test_a_side_whose_pods_are_all_ready_only_has_fewer_than_declared() -> None:
    looked = seen(web(1), remembered=carrying(2))
    few = "users are on blue, which has fewer pods than declared"
    assert lines(looked)[0].startswith(f"{RED}shop: {few} for 60s (TooFewPods): web 1 of 2 Ready, asks for 1")
    assert next_step(looked)["step"].startswith(f"{few} (TooFewPods): scale it up")


def test_of_many_the_short_ones_come_first_and_each_row_has_it_in_a_word() -> None:
    named = [{**data(each), "application": name} for name, each in {"well": seen(), "ill": seen(web(0))}.items()]
    first, header, *rows = many(named, at(30))

    assert first.startswith(
        f"{RED}ill: users are on blue, which is not ready as seen now (NoReadyPod): web 0 of 2 Ready"
    )
    assert "ACTIVE  LIVE SIDE   PHASE" in header
    assert [row.split()[:3] for row in rows] == [["well", "blue", "ready"], ["ill", "blue", "NoReadyPod"]]


def test_a_live_side_that_serves_or_cannot_be_judged_leads_nothing() -> None:
    blind = seen(live=LiveSide(BLUE, Unread("no answer")), sides={GREEN: side(GREEN)}, problems={"side blue": "why"})
    for looked, shown in ((seen(), "True"), (blind, "\x1b[31mUnknown\x1b[0m")):
        title, *others = lines(looked)
        assert click.unstyle(title).startswith("shop  (namespace")
        assert [line for line in others if f"Condition   LiveSideReady {shown} for 60s" in line]
    moving = seen(web(0), remembered=carrying(2, release=release(Phase.DARK, Phase.FLIPPING)))
    assert [each["type"] for each in data(moving)["conditions"]] == ["Drifted", "Unwatched"]
    rows = many([data(blind), data(moving)], at(30))
    assert [row.split()[2] for row in rows[1:]] == ["?", "-"]


ADOPT = 'flipgate adopt shop --reason "..."'


def told(todo: str, which: Side = BLUE, *, reason: str = "NoReadyPod") -> str:
    lacks = "has fewer pods than declared" if reason == "TooFewPods" else "is not ready"
    return f"users are on {which}, which {lacks} ({reason}): {todo}"


SHORT = {
    "foreign": (
        seen(web(0, by=FLUX)),
        told("scale it up; kustomize-controller will write it again until its source is put right, too"),
        SCALE,
    ),
    "put to rest by flipgate": (
        seen(web(0, by="flipgate"), remembered=carrying(4, rest())),
        told("flipgate itself put it to rest, and reconcile scales it up again: this does so now"),
        "kubectl -n shop-blue scale deployment/web --replicas=4",
    ),
    "with a way back": (
        seen(web(0), remembered=live(), which=GREEN),
        told(f"scale it up; or send them to blue, which is up: {BACK}", GREEN),
        "kubectl -n shop-green scale deployment/web --replicas=2",
    ),
    "nothing to scale": (
        seen(web(2, ready=0), remembered=live(), which=GREEN),
        told(f"send them to blue, which is up; or look why: {LOOK}", GREEN),
        BACK,
    ),
    "nothing to scale nor to go back to": (
        seen(web(2, ready=0), remembered=live(), which=GREEN, other=side(BLUE, web(0))),
        told("look why", GREEN),
        LOOK,
    ),
    "images": (
        seen(web(image="acme/web:9"), remembered=live(), which=GREEN),
        told(
            f"set the release's images again; or send them to blue, which is up: {BACK}", GREEN, reason="ImagesChanged"
        ),
        "kubectl -n shop-green set image deployment/web web=acme/web:1",
    ),
    "images that may be right": (
        seen(web(image="acme/web:9"), remembered=carrying(2)),
        told(f"set the release's images again; or, where it is right so: {ADOPT}", reason="ImagesChanged"),
        "kubectl -n shop-blue set image deployment/web web=acme/web:1",
    ),
    "too few pods that may be right": (
        seen(web(1), remembered=carrying(2)),
        told(f"scale it up; or, where it is right so: {ADOPT}", reason="TooFewPods"),
        SCALE,
    ),
    "drift from a side that is up": (seen(web(0), remembered=carrying(2, active=GREEN)), told(TO_GREEN), SCALE),
    "drift to the way back": (seen(web(0), remembered=live()), told(TO_GREEN), SCALE),
    "drift from a side that is not": (
        seen(web(0), remembered=carrying(2, active=GREEN), other=without(side(GREEN), "web")),
        told("scale it up"),
        SCALE,
    ),
    "while a question waits": (
        seen(web(0), remembered=carrying(2, release=release(Phase.DARK), question=question())),
        told("scale it up"),
        SCALE,
    ),
}


@pytest.mark.parametrize("drifts", [True, False], ids=["drift", "release"])
def test_the_first_line_names_the_way_back_too_where_the_other_side_is_up(drifts: bool) -> None:
    looked = seen(web(0), remembered=carrying(2, active=GREEN)) if drifts else SHORT["with a way back"][0]
    line = 'flipgate rollback shop --to green --reason "..."' if drifts else BACK
    assert lines(looked)[0].endswith(f"; or send users to the other side, which is up: {line}\x1b[0m")


@pytest.mark.parametrize(("looked", "step", "command"), SHORT.values(), ids=SHORT.keys())
def test_what_to_type_comes_before_all_else_that_waits(looked: Facts, step: str, command: str) -> None:
    assert next_step(looked) == {"step": step, "by": "person", "command": command}


def test_nobody_is_sent_to_a_side_whose_code_is_too_old() -> None:
    done = Contract(reason="legacy_id is gone", by="ana", at=at(9))
    old = Occupant(images=RUN, since=NOW, replicas={"web": 2}, contracted=done)
    sides = {BLUE: old, GREEN: Occupant(images=RUN, since=NOW, replicas={"web": 2})}
    assert "rollback" not in str(next_step(seen(web(0), remembered=live(sides=sides), which=GREEN)))
    drifted = record(active=BLUE, sides=sides)
    assert "rollback" not in str(next_step(seen(web(0), remembered=drifted, which=GREEN)))


def test_what_was_released_is_what_the_side_s_occupant_has() -> None:
    state: SideState = side(GREEN, deployment("web", image="acme/web:2"))
    looked = facts(live(), application=shop(), routes=GREEN, live=LiveSide(GREEN, state))
    (told,) = [each for each in data(looked)["conditions"] if each["type"] == "LiveSideReady"]
    assert told["reason"] == "ImagesChanged"


def test_the_help_names_every_reason() -> None:
    for word in ("LiveSideReady", *LiveSideReason):
        assert word in DATA, word

"""Which Events a release leaves on the cluster's own objects, and what they look like."""

from __future__ import annotations

import re
from typing import Any

import pytest

from flipgate.core.record.announcement import Announcement
from flipgate.core.record.approvals import pose
from flipgate.core.record.events import (
    KEPT,
    LONGEST_MESSAGE,
    LONGEST_NAME,
    WARNINGS,
    InvolvedObject,
    event,
    event_name,
    involved_objects,
    worth_an_event,
)
from flipgate.core.record.outbox import events_written
from flipgate.core.record.phases import TRANSITIONS, Phase, Reason
from flipgate.core.record.record import open_release
from tests.core.builders import GREEN, NOW, at, question, record, release, shop

ROUTE = InvolvedObject("IngressRoute", "edge", "live")
WEB, MAILER = (InvolvedObject("Deployment", "shop-green", name) for name in ("web", "mailer"))
BAD_ENDS = {Phase.FAILED, Phase.ABORTED, Phase.REJECTED, Phase.EXPIRED, Phase.ROLLING_BACK, Phase.ROLLED_BACK}
SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")


def said(**facts: Any) -> Announcement:
    usual = {
        "id": "m-1",
        "release": "r-1",
        "side": GREEN,
        "text": "shop r-1: dark",
        "reason": "ChecksPassed",
        "at": NOW,
    }
    return Announcement(**{**usual, **facts})


def written(message: Announcement, involved: InvolvedObject = WEB) -> dict[str, Any]:
    return event("shop", message, involved, "apps/v1", "uid-1")


def test_a_change_of_phase_is_noted_on_the_routes_and_the_releases_side_a_question_on_the_routes_alone() -> None:
    asked = pose(open_release(record(), release(Phase.DARK), NOW), question())
    changed, wanted = asked.outbox
    assert involved_objects(shop(), changed) == (ROUTE, WEB, MAILER)
    assert (wanted.reason, involved_objects(shop(), wanted)) == ("DecisionWanted", (ROUTE,))


def test_the_state_of_the_live_side_is_noted_on_its_workloads_too() -> None:
    for reason in ("LiveSideShort", "LiveSideFound"):
        assert involved_objects(shop(), said(reason=reason, release="")) == (ROUTE, WEB, MAILER)


def test_warnings_are_the_reasons_for_which_a_release_ends_badly_or_goes_back_or_people_have_to_look() -> None:
    into = {why for news in TRANSITIONS.values() for new, whys in news.items() if new in BAD_ENDS for why in whys}
    stops = {"DeployStopped", "FlipStopped", "ScaleDownStopped", "Frozen", "GatesNotPassed", "BreakGlass"}
    whys = stops | {"LiveSideShort", "Drifted", "WorksTwice", "MaintenanceLeftOn"}
    assert into | {Reason.MOVE_UNDONE} | whys == WARNINGS
    assert [written(said(reason=why))["type"] for why in ("ChecksFailed", "BakePassed", "DecisionWanted")] == [
        "Warning",
        "Normal",
        "Normal",
    ]


def test_an_event_names_its_object_and_says_when_it_was() -> None:
    found = written(said(url="https://prefect.example/run/1", at=at(1.5)))
    assert found["involvedObject"] == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "namespace": "shop-green",
        "name": "web",
        "uid": "uid-1",
    }
    assert found["metadata"]["namespace"] == "shop-green"
    assert found["message"] == "shop r-1: dark https://prefect.example/run/1"
    assert {found["firstTimestamp"], found["lastTimestamp"]} == {"2026-03-01T12:00:01Z"}


def test_one_announcement_has_one_name_an_object() -> None:
    names = [event_name(said(id=f"m-{n}"), involved) for n in (1, 2) for involved in (ROUTE, WEB, MAILER)]
    assert len(set(names)) == len(names)
    assert names[:3] == [event_name(said(text="otherwise"), involved) for involved in (ROUTE, WEB, MAILER)]
    namesakes = [InvolvedObject(kind, "edge", "live") for kind in ("IngressRoute", "Deployment")]
    assert len({event_name(said(), involved) for involved in namesakes}) == 2


def test_what_came_later_is_named_later() -> None:
    names = [event_name(said(id=f"m-{n}", at=at(n / 1000)), WEB) for n in range(20)]
    assert names == sorted(names)


@pytest.mark.parametrize("unit", ["a", "a-", "a.", "a-b."])
def test_every_name_is_one_that_kubernetes_takes(unit: str) -> None:
    for length in range(1, LONGEST_NAME + 1):
        name = event_name(said(), InvolvedObject("Deployment", "x", (unit * LONGEST_NAME)[:length].rstrip("-.")))
        assert SUBDOMAIN.fullmatch(name), name
        assert len(name) <= LONGEST_NAME


def test_a_long_message_is_cut_to_what_the_api_takes() -> None:
    assert len(written(said(text="ü" * 2_000))["message"].encode()) in range(LONGEST_MESSAGE - 1, LONGEST_MESSAGE + 1)


@pytest.mark.parametrize(
    ("message", "worth"),
    [
        (said(), True),
        (said(noted=True), False),
        (said(reason=""), False),
        (said(at=NOW - KEPT), False),
        (said(at=at(60)), True),
    ],
    ids=["news", "noted", "without a reason", "too late", "of a clock ahead"],
)
def test_only_news_is_worth_an_event(message: Announcement, worth: bool) -> None:
    assert worth_an_event(message, NOW) is worth


def test_noting_marks_the_messages_named_and_keeps_all() -> None:
    both = record(outbox=(said(), said(id="m-2")))
    now = events_written(both, {"m-1", "gone"})
    assert [(m.id, m.noted) for m in now.outbox] == [("m-1", True), ("m-2", False)]
    assert events_written(now, {"m-1"}) == now

"""What `flipgate status` makes of a look: next steps, the way back, drift, and what could not be read."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest

from flipgate.cli._status_data import way_back
from flipgate.cli._status_text import many, one
from flipgate.core.record.announcement import Announcement
from flipgate.core.record.intents import MOVE_ROUTES
from flipgate.core.record.occupant import Occupant
from flipgate.core.record.phases import Phase, QuestionKind
from flipgate.core.record.record import Decision, EntryState, JournalEntry, Record
from flipgate.core.values.base import but
from flipgate.core.values.sides import Side
from flipgate.core.way_back.facts import Facts, question_state
from flipgate.core.way_back.next_step import next_step
from flipgate.core.way_back.way_back import WayBackReason
from flipgate.core.workloads.view import SideState
from tests.core.builders import (
    BAKING,
    BLUE,
    DARK,
    GREEN,
    LIVE,
    NOW,
    RUN,
    approval,
    at,
    cron_job,
    deployment,
    on,
    question,
    record,
    release,
    route,
    route_object,
    shop,
    side,
    stamped,
    traefik_service,
    traffic,
    weighted,
)
from tests.core.cli.looks import data, facts, live, text

# What comes next


@pytest.mark.parametrize(
    ("phases", "by", "command"),
    [
        ((Phase.DEPLOYING,), "run", 'flipgate rollback shop --reason "..."'),
        (DARK, "person", "flipgate flip shop"),
        (LIVE[:3], "run", 'flipgate rollback shop --reason "..."'),
        (BAKING, "run", 'flipgate rollback shop --reason "..."'),
        (LIVE, "person", "flipgate scale-down shop"),
        ((*LIVE, Phase.SETTLING), "run", 'flipgate rollback shop --reason "..."'),
        ((*LIVE, Phase.ROLLING_BACK), "run", 'flipgate rollback shop --reason "..."'),
        ((*LIVE, Phase.ROLLING_BACK, Phase.ROLLED_BACK), "nobody", "flipgate deploy shop --image NAME=REF"),
    ],
    ids=lambda value: str(value[-1]) if isinstance(value, tuple) else "",
)
def test_each_phase_says_who_is_next_and_what_to_type(phases: tuple[Phase, ...], by: str, command: str) -> None:
    told = next_step(facts(record(release=release(*phases))))

    assert (told["by"], told["command"]) == (by, command)
    assert told["step"]


def test_at_rest_anybody_may_deploy() -> None:
    assert next_step(facts(record()))["command"] == "flipgate deploy shop --image NAME=REF"


def test_before_adopting_adopt() -> None:
    seen = facts(managed=False)

    assert next_step(seen)["command"] == "flipgate adopt shop"
    assert data(seen)["phase"] == "unmanaged"
    assert data(seen)["undelivered"] == 0


def test_an_open_question_names_its_end_and_the_person_s_line() -> None:
    told = next_step(facts(record(release=release(*DARK), question=question())))

    assert told == {
        "step": "a person decides before 2026-03-01 12:01:00 UTC; no decision means no",
        "by": "person",
        "command": 'flipgate approve shop --reason "..."',
    }


def test_an_answered_question_waits_for_its_run() -> None:
    told = next_step(facts(record(release=release(*DARK), question=question(), approval=approval())))

    assert told == {"step": "flip's run acts on the approval", "by": "run", "command": "flipgate flip shop"}


def test_the_soak_waits_for_the_clock() -> None:
    told = next_step(facts(live(settle_after=at(90)), routes=GREEN))

    assert told["by"] == "clock"
    assert "blue stays up as the way back until 2026-03-01 12:01:30 UTC" in told["step"]


def test_a_question_about_the_old_side_is_a_question_too() -> None:
    asked = question(kind=QuestionKind.SCALE_DOWN)
    told = next_step(facts(but(live(), question=asked), routes=GREEN))

    assert told["command"] == 'flipgate approve shop --reason "..."'


def test_what_a_flip_was_asked_is_no_question_of_the_soak() -> None:
    left = but(live(settle_after=at(90)), question=question(), approval=approval(spent_by=7))
    told = next_step(facts(left, routes=GREEN))

    assert (told["by"], told["command"]) == ("clock", 'flipgate rollback shop --reason "..."')


def test_an_open_entry_is_told_before_the_phase() -> None:
    entry = JournalEntry(id=4, step=MOVE_ROUTES, state=EntryState.BEGUN, actor="ana@desk/7", at=NOW)
    seen = facts(record(release=release(*LIVE[:3]), journal=(entry,)), routes=GREEN)

    assert (
        "MoveRoutes of ana@desk/7 is under way since 12:00:00 UTC; both sides are protected" in next_step(seen)["step"]
    )
    assert data(seen)["openEntry"]["step"] == MOVE_ROUTES
    assert data(seen)["drift"] is None


def test_drift_is_told_before_all_else() -> None:
    seen = facts(record(release=release(*DARK), question=question()), routes=GREEN)

    assert next_step(seen)["command"] == 'flipgate rollback shop --to blue --reason "..."'
    assert data(seen)["drift"] == "the routes say green (IngressRoute edge/live -> green); the record says blue"
    assert many([data(seen)], at(30))[1].endswith("drifted")


def test_a_route_that_follows_says_whom_and_leaves_the_side_to_it() -> None:
    followed = traefik_service(weighted(on(BLUE)))
    follower = route(route_object([{"kind": "TraefikService", "name": "live"}]), name="front")
    told = data(facts(record(), traffic=traffic(follower, followed)))

    assert (told["activeByRoutes"], told["drift"]) == ("blue", None)
    assert [(each["side"], each["via"], each["others"]) for each in told["routes"]] == [
        (None, ["TraefikService edge/live"], []),
        ("blue", [], []),
    ]


# Questions


@pytest.mark.parametrize(
    ("answer", "seconds", "state"),
    [
        (None, 30, "open"),
        (None, 61, "expired"),
        (approval(), 30, "approved"),
        (approval(), 61, "expired"),
        (approval(decision=Decision.REJECT), 30, "rejected"),
        (approval(spent_by=7), 30, "void"),
        (approval(question="another"), 30, "void"),
    ],
)
def test_the_state_of_a_question(answer: Any, seconds: float, state: str) -> None:
    remembered = record(release=release(*DARK), question=question(), approval=answer)

    assert question_state(remembered, question(), at(seconds)) == state


# The way back


def test_the_way_back_is_fast_when_the_old_side_has_what_it_carried() -> None:
    assert way_back(facts(live(), routes=GREEN)) == {
        "way": "fast",
        "side": "blue",
        "services": [{"name": "web", "ready": 2, "wanted": 2}],
    }


def test_the_way_back_is_slow_when_the_old_side_carried_more_than_it_has() -> None:
    carried = {BLUE: Occupant(images=RUN, replicas={"web": 5}, since=NOW), GREEN: Occupant(images=RUN, since=NOW)}
    seen = facts(but(live(), sides=carried), routes=GREEN)

    assert way_back(seen)["way"] == "slow"
    assert "Way back    blue, slow: 2 of 5 pods Ready (short: web 2/5)" in text(seen)


def test_there_is_no_way_back_from_a_first_release_and_nobody_is_told_to_type_one() -> None:
    nothing_ran = {BLUE: Occupant(since=NOW), GREEN: Occupant(images=RUN, since=NOW)}
    soaking = but(live(settle_after=at(90)), sides=nothing_ran)
    seen = facts(soaking, routes=GREEN)

    assert way_back(seen) == {"way": "none", "side": None, "services": []}
    assert "Way back    none: a first release" in text(seen)
    assert (next_step(seen)["by"], next_step(seen)["command"]) == ("clock", "")
    baking = record(release=release(*BAKING), active=GREEN, sides=nothing_ran)
    assert next_step(facts(baking, routes=GREEN))["command"] == "flipgate flip shop"


@pytest.mark.parametrize(
    ("remembered", "way"), [(record(), "none"), (record(release=release(*DARK)), "abort")], ids=["settled", "dark"]
)
def test_without_users_on_the_new_side_there_is_nothing_to_go_back_from(remembered: Record, way: str) -> None:
    assert way_back(facts(remembered)) == {"way": way, "side": None, "services": []}


def both(blue: str, green: str) -> dict[Side, SideState]:
    """Both sides, each with a stamp on its `web`."""
    return {BLUE: stamped(side(BLUE), blue, "web"), GREEN: stamped(side(GREEN), green, "web")}


def test_an_unreadable_record_leaves_the_way_back_to_routes_and_stamps() -> None:
    unread = {"managed": None, "problems": {"record": "cannot be read"}}
    up = facts(**unread, sides=both("4", "3"))
    at_rest = {BLUE: up.sides[BLUE], GREEN: stamped(side(GREEN, deployment(replicas=0)), "3", "web")}
    down = facts(**unread, sides=at_rest)

    assert way_back(up) == {"way": "fast", "side": "green", "services": [{"name": "web", "ready": 2, "wanted": 1}]}
    assert next_step(up)["command"] == 'flipgate rollback shop --reason "..."'
    assert way_back(down)["way"] == "none"
    assert data(down)["wayBack"]["why"] == "green is not Ready: web 0 of 1"


@pytest.mark.parametrize("stamps", [("3", "4"), ("3", "3"), ("unrecorded", "4")], ids=str)
def test_with_users_back_where_they_came_from_and_the_record_unreadable_nobody_is_told_to_roll_back(
    stamps: tuple[str, str],
) -> None:
    seen = facts(managed=None, problems={"record": "cannot be read"}, sides=both(*stamps))

    assert way_back(seen) == {"way": "none", "side": None, "services": []}
    assert "Way back    none: without the record nobody can say that green was live before" in text(seen)
    assert next_step(seen)["command"] == "kubectl -n flipgate get configmap record-shop -o yaml"
    assert "a rollback is refused (NoWayBack)" in next_step(seen)["step"]


def test_with_the_routes_unread_the_way_back_is_unknown() -> None:
    assert way_back(facts(managed=None, traffic=None))["way"] == "unknown"


# What could not be read


def test_what_cannot_be_read_hides_nothing_else() -> None:
    seen = facts(managed=None, problems={"record": "record of shop: cannot be read."})
    told, shown = data(seen), text(seen)

    assert (told["phase"], told["managed"], told["activeByRoutes"], told["activeByRecord"]) == (
        "unknown",
        None,
        "blue",
        None,
    )
    assert told["problems"] == [{"of": "record", "fact": "record of shop: cannot be read."}]
    assert "IngressRoute edge/live -> blue" in shown
    assert "record of shop: cannot be read." in shown
    assert "web      serving  2/2" in shown
    assert "Journal     unknown" in shown
    assert "Drifted \x1b[31mUnknown\x1b[0m as seen now (Unreadable): record of shop: cannot be read." in shown
    assert "unreadable: record" in many([told], at(30))[1]


def test_a_side_that_cannot_be_read_leaves_the_other() -> None:
    told = data(facts(record(), sides={GREEN: side(GREEN)}, problems={"side blue": "no permission"}))

    blue = {"namespace": "shop-blue", "active": True, "contracted": None, "works": [], "stop": "", "services": []}
    assert told["sides"]["blue"] == blue
    assert [service["name"] for service in told["sides"]["green"]["services"]] == ["web", "mailer"]


# Keys and text


def test_the_keys_are_those_that_the_help_names() -> None:
    from flipgate.cli.status import DATA

    told = data(facts(but(live(settle_after=at(9)), question=question()), routes=GREEN))
    objects = [told, *(told[name] for name in ("next", "release", "waitsFor", "wayBack"))]
    objects += [told["routes"][0], told["conditions"][0], told["sides"]["blue"]]
    for key in (key for each in objects for key in each):
        assert key in DATA, key
    for reason in WayBackReason:
        assert reason in DATA, reason
    assert told["since"] == "2026-03-01T12:00:04.000Z"
    assert told["release"]["phaseSeconds"]["live"] == 26.0
    assert told["sides"]["green"]["active"] is True


def test_the_text_of_a_release_that_soaks() -> None:
    shown = text(facts(live(settle_after=at(90)), routes=GREEN))

    assert "Active      \x1b[1mgreen\x1b[0m by the routes, green by the record" in shown
    assert "Phase       live (BakePassed) since 2026-03-01 12:00:04 UTC (26s)" in shown
    assert "Release     3f2a9c01d4e8-1 on green, opened by ci" in shown
    assert "Way back    blue, fast: 2 of 2 pods Ready" in shown
    assert "SERVICE  ROLE     BLUE  IMAGE     GREEN (active)  IMAGE" in shown


def test_digests_are_cut_for_people_and_whole_when_wide() -> None:
    digest = "acme.example:5000/shop/web@sha256:" + "0123456789abcdef" * 4
    seen = facts(record(), sides={BLUE: side(BLUE, deployment(image=digest)), GREEN: side(GREEN)})

    assert "web@0123456789ab" in text(seen)
    assert digest not in text(seen)
    assert digest in text(seen, wide=True)


def test_times_are_rough_for_people() -> None:
    seen = data(facts(live(), routes=GREEN))

    assert "2h" in many([seen], at(4) + timedelta(hours=2, minutes=50))[1]


NIGHTLY = shop("{name: nightly, role: cron}")


def with_cron_jobs(remembered: Record, *, suspended: Side) -> Facts:
    sides = {
        which: side(which, deployment("mailer", replicas=0), cron_job(suspended=which is suspended)) for which in Side
    }
    return facts(remembered, application=NIGHTLY, sides=sides)


def test_a_cron_job_is_suspended_or_scheduled_and_one_that_runs_on_the_dark_side_is_said() -> None:
    told = data(with_cron_jobs(record(), suspended=GREEN))
    assert [told["sides"][name]["services"][2]["suspended"] for name in ("blue", "green")] == [False, True]
    assert told["sides"]["blue"]["services"][0]["suspended"] is None
    text = "\n".join(one(told, at(60), wide=False))
    assert re.search(r"nightly +cron +scheduled +\S+ +suspended", text)
    assert "Dark side" not in text
    both = data(with_cron_jobs(record(), suspended=BLUE))
    assert both["sides"]["green"]["works"] == ["CronJob shop-green/nightly is not suspended"]
    shown = "\n".join(one(both, at(60), wide=False))
    assert "work may be done twice: CronJob shop-green/nightly" in shown
    assert "  kubectl -n shop-green patch cronjob nightly --type=json" in shown
    assert "Condition   DarkSideWorks" in shown
    baking = record(release=release(*BAKING))
    assert data(with_cron_jobs(baking, suspended=BLUE))["sides"]["green"]["works"] == []


def test_what_was_not_told_says_for_how_long_and_where_it_is_said_why() -> None:
    seen = facts(live())
    told = but(live(), outbox=(Announcement(id="1", release="", side=GREEN, text="up", at=at(-90)),))
    assert data(facts(told))["undeliveredSince"] == "2026-03-01T11:58:30.000Z"
    assert data(seen)["undeliveredSince"] is None
    assert "1 announcement, the oldest for 2m: the log of reconcile, which tries again" in text(facts(told))
    assert "Untold      none" in text(seen)

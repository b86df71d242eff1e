"""Conditions in `flipgate status`, and which side is seen to answer."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from flipgate.cli._status_text import many, one
from flipgate.core.git import agreement
from flipgate.core.git.agreement import awaits_merge, noted
from flipgate.core.record.conditions import DRIFTED, ROUTES_IN_GIT, WAY_BACK_READY
from flipgate.core.record.merge_request import MergeRequest
from flipgate.core.record.occupant import Contract, Occupant
from flipgate.core.record.record import Condition, ConditionStatus, Record
from flipgate.core.spec.git import GitSpec
from flipgate.core.values.base import but
from flipgate.core.values.sides import Side
from flipgate.core.values.unread import Unread
from flipgate.core.way_back.facts import Facts, Observed
from flipgate.core.way_back.next_step import next_step
from flipgate.core.way_back.unwatched import Reconciled
from flipgate.core.way_back.way_back import OldSide
from flipgate.core.workloads.render import configuration_hash
from tests.core.builders import BLUE, GREEN, LIVE, NOW, at, deployment, record, release, shop, side
from tests.core.cli.looks import data, facts, live, text

# Conditions


def soaking(old: OldSide | None = None, *, carried: dict[str, Any] | None = None, **more: Any) -> Facts:
    """A release live on green, and blue as it was when users left it; `carried` changes what was noted of it."""
    noted = {"images": {"web": "acme/web:1", "mailer": "acme/mailer:1"}, "configuration": configuration_hash({})}
    sides = {BLUE: Occupant(since=NOW, **{**noted, **(carried or {})}), GREEN: Occupant(since=NOW)}
    found = old or OldSide(side(BLUE), {}, (), ())
    return facts(live().model_copy(update={"sides": sides, **more}), routes=GREEN, old=found)


def test_conditions_are_judged_now_and_keep_the_record_s_time_while_their_status_stays() -> None:
    before = [
        Condition(type=kind, status=ConditionStatus.FALSE, reason="Earlier", message="", since=at(3))
        for kind in (WAY_BACK_READY, DRIFTED)
    ]
    ready, drifted, _, unwatched = data(soaking(conditions=tuple(before)))["conditions"]

    assert ready == {
        "type": "WayBackReady",
        "status": "True",
        "reason": "WayBackOpen",
        "message": "blue has its pods Ready (web 2), with the images and the configuration it was live with",
        "since": "2026-03-01T12:00:30.000Z",
    }
    assert (drifted["status"], drifted["reason"], drifted["since"]) == (
        "False",
        "AsRecorded",
        "2026-03-01T12:00:03.000Z",
    )
    assert (unwatched["type"], unwatched["status"]) == ("Unwatched", "False")


def test_drifted_is_a_condition_of_every_phase_and_unknown_is_said() -> None:
    moved, _unwatched = data(facts(record(), routes=GREEN))["conditions"]
    blind, _unwatched = data(facts(record(), traffic=None, problems={"routes": "no permission"}))["conditions"]

    assert (moved["status"], moved["reason"], moved["message"]) == (
        "True",
        "RoutesElsewhere",
        "the routes say green (IngressRoute edge/live -> green); the record says blue",
    )
    assert (blind["status"], blind["reason"], blind["message"]) == ("Unknown", "Unreadable", "no permission")
    assert data(facts(managed=False))["conditions"] == []


def test_the_way_back_and_its_condition_say_the_same() -> None:
    changed = text(soaking(OldSide(side(BLUE, deployment(image="acme/web:9")), {}, (), ())))
    assert "Way back    blue, fast: 2 of 2 pods Ready, but WayBackReady is False (ImagesChanged)" in changed
    assert (
        "WayBackReady \x1b[31mFalse\x1b[0m as seen now (ImagesChanged): Deployment shop-blue/web has image" in changed
    )

    short = text(soaking(OldSide(side(BLUE), {}, (), ()), carried={"replicas": {"web": 5}}))
    assert "Way back    blue, slow: 2 of 5 pods Ready (short: web 2/5)\n" in short
    assert "as seen now (NotReady): Deployment shop-blue/web has 2 of 5 pods Ready" in short

    open_ = text(soaking())
    assert "Way back    blue, fast: 2 of 2 pods Ready\n" in open_
    assert "Condition   WayBackReady True as seen now (WayBackOpen): " in open_


@pytest.mark.parametrize("at_rest", [False, True], ids=["in the soak", "after it"])
def test_a_contract_migration_closes_the_way_back_in_words_and_data(at_rest: bool) -> None:
    done = Contract(reason="legacy_id is gone", by="ana", at=at(9))
    seen = soaking(carried={"contracted": done}, **({"release": None} if at_rest else {}))
    told = data(seen)

    assert told["wayBack"]["way"] == "none"
    assert told["sides"]["blue"]["contracted"] == {
        "reason": "legacy_id is gone",
        "by": "ana",
        "at": "2026-03-01T12:00:09.000Z",
    }
    closed = "done 2026-03-01 12:00:09 UTC by ana: legacy_id is gone"
    assert f"Way back    closed: blue runs code from before a contract migration, {closed}" in text(seen)
    assert ("ContractMigrationDone" in text(seen)) is not at_rest


def test_nobody_is_sent_back_over_a_closed_way() -> None:
    done = Contract(reason="legacy_id is gone", by="ana", at=at(9))
    seen = soaking(carried={"contracted": done}, release=release(*LIVE, settle_after=at(90)))

    assert next_step(seen) == {
        "step": "blue stays up until 2026-03-01 12:01:30 UTC, and is no way back any more",
        "by": "clock",
        "command": "",
    }


# Whether anybody watches


def test_an_overdue_reconcile_stands_above_everything_else() -> None:
    """Nothing that should happen by itself does: the first line says so, in the list of all applications as well."""
    last = Reconciled(succeeded=at(30) - timedelta(minutes=25), since=NOW - timedelta(days=3))
    seen = data(facts(record(), reconciled=last))
    (unwatched,) = [each for each in seen["conditions"] if each["type"] == "Unwatched"]

    assert (unwatched["status"], unwatched["reason"]) == ("True", "ReconcileOverdue")
    assert unwatched["since"] == "2026-03-01T11:50:30.000Z", "three intervals after the last success"
    assert unwatched["message"].startswith(
        "reconcile last succeeded 2026-03-01 11:35:30 UTC, 25 min ago: 5 intervals of 300 s. Until it succeeds again "
        "no question expires, "
    )
    assert "Next: prefect flow-run ls --flow-name reconcile" in unwatched["message"]

    fact, _, command = unwatched["message"].partition(" Next: ")
    shown = f"\x1b[31m\x1b[1mUnwatched (ReconcileOverdue): {fact}\x1b[0m"
    assert one(seen, at(30), wide=False)[1:3] == [f"  Warning     {shown}", f"              {command}"]
    assert "\n".join(one(seen, at(30), wide=False)).count("ReconcileOverdue") == 1
    assert many([seen], at(30))[-1] == f"shop: {shown}"


def test_a_reconcile_that_succeeds_is_a_condition_among_others() -> None:
    last = Reconciled(succeeded=at(-70), since=NOW - timedelta(days=3))
    seen = data(facts(record(), reconciled=last))

    words = "Unwatched False for 3d (Reconciled): reconcile last succeeded 2026-03-01 11:58:50 UTC, 100 s ago"
    assert f"  Condition   {words}" in one(seen, at(30), wide=False)
    assert len(many([seen], at(30))) == 2


@pytest.mark.parametrize("remembered", [record(), None], ids=["a record", "none that can be read"])
def test_what_cannot_be_read_is_unknown_and_hides_nothing_else(remembered: Record | None) -> None:
    seen = data(facts(remembered, managed=True, reconciled=Unread("the API server said 403")))
    drifted, *_, unwatched = seen["conditions"]

    assert (drifted["type"], unwatched["status"], unwatched["reason"]) == ("Drifted", "Unknown", "Unreadable")
    assert (
        "Unwatched \x1b[31mUnknown\x1b[0m as seen now (Unreadable): reconcile's last success could not be read: the API"
        in ("\n".join(one(seen, at(30), wide=False)))
    )
    assert seen["problems"] == []


# Which side answers


@pytest.mark.parametrize(
    ("seen", "side", "shown"),
    [
        ([("a", GREEN), ("b", GREEN)], "green", "green, as 2 Traefik replicas show it now"),
        ([("a", GREEN), ("b", BLUE)], None, "unknown: a: HTTP 200 from green; b: HTTP 200 from blue"),
        ([("a", GREEN), ("b", None)], None, "unknown: a: HTTP 200 from green; b: HTTP 200 from None"),
        ([(None, None)], None, "unknown: HTTP 200 from None"),
        ([], None, "unknown: no Traefik replica was asked"),
    ],
)
def test_the_side_that_answers_is_named_only_when_every_replica_shows_it(
    seen: list[tuple[str | None, Side | None]], side: str | None, shown: str
) -> None:
    observed = tuple(Observed(replica, shows, f"HTTP 200 from {shows}") for replica, shows in seen)
    looked = facts(record(), observed=observed)

    assert data(looked)["activeByTraffic"] == side
    assert [each["replica"] for each in data(looked)["traffic"]] == [replica for replica, _ in seen]
    assert f"Traffic     {shown}\n" in text(looked)
    assert data(looked)["problems"] == []


def test_what_is_known_of_git_says_when_it_was_looked_at() -> None:
    """Only who pushes asks Git: `status` has what reconcile found, and that is minutes old, or older."""
    git = GitSpec.model_validate({"repository": "https://git.example/c.git", "routes": ["routes.yaml"]})
    application = shop().model_copy(update={"spec": shop().spec.model_copy(update={"git": git})})
    remembered = agreement.noted(record(), agreement.is_behind(BLUE, "the server is away", at(0)), at(0))
    remembered = agreement.noted(remembered, agreement.is_behind(BLUE, "the server is away", at(300)), at(300))
    told = data(facts(remembered, application=application, now=at(540)))
    (found,) = [each for each in told["conditions"] if each["type"] == "RoutesInGit"]
    assert (found["since"], found["lookedAt"]) == ("2026-03-01T12:00:00.000Z", "2026-03-01T12:05:00.000Z")
    shown = "\n".join(one(told, at(540), wide=False))
    assert (
        "for 9m (GitBehind), looked at 4m ago; reconcile looks again within five minutes: the server is away" in shown
    )
    assert all("lookedAt" not in each for each in told["conditions"] if each is not found), "judged now"


def test_git_that_agrees_is_no_warning() -> None:
    git = GitSpec.model_validate({"repository": "https://git.example/c.git", "routes": ["routes.yaml"]})
    application = shop().model_copy(update={"spec": shop().spec.model_copy(update={"git": git})})
    remembered = agreement.noted(record(), agreement.agrees(BLUE, "commit abc leads to blue", at(0)), at(0))
    shown = "\n".join(one(data(facts(remembered, application=application)), at(30), wide=False))
    assert "RoutesInGit True" in shown


REQUEST = MergeRequest(branch="flipgate/shop/green", to=GREEN, at=at(), commit="0" * 40, url="https://git.example/7")
ASKS = {
    "repository": "https://git.example/acme/config",
    "routes": ("a.yaml",),
    "request": {"command": ("open",)},
    "flux": {"routes": {"name": "routing"}},
}


def awaiting(routes: Side, *, remembered: Record | None = None, request: MergeRequest | None = REQUEST) -> Facts:
    """The shop, with a request that leads to green, and the routes at this side."""
    spec = GitSpec.model_validate(ASKS, by_name=True)
    application = shop().model_copy(update={"spec": shop().spec.model_copy(update={"git": spec})})
    waits = but(remembered or record(active=routes), merge_request=request)
    waits = noted(waits, awaits_merge(REQUEST, spec, at()), at())
    return facts(waits, application=application, routes=routes)


def test_a_request_that_leads_away_from_users_is_not_to_be_merged() -> None:
    seen = awaiting(BLUE)
    (found,) = [each for each in seen.conditions if each.type == ROUTES_IN_GIT]
    assert found.message.startswith(
        "do not merge https://git.example/7 (branch flipgate/shop/green): it leads to green. While nobody has, Git "
        "leads to blue, as the routes do; reconcile makes that request empty, within five minutes"
    )
    assert "do not merge" not in data(seen)["next"]["step"]
    assert "merge https" not in data(seen)["next"]["step"]


def test_after_a_merge_a_person_merges_the_way_back_too() -> None:
    seen = awaiting(BLUE, request=None)
    (found,) = [each for each in seen.conditions if each.type == ROUTES_IN_GIT]
    assert "reconcile does, within five minutes, and where it does not opens a request" in found.message
    assert "which a person has to merge" in found.message
    assert "pushed" not in found.message


def test_a_request_that_waits_is_the_persons_next_step() -> None:
    seen = data(awaiting(GREEN))
    assert seen["next"]["by"] == "person"
    assert seen["next"]["step"].startswith("merge https://git.example/7 (branch flipgate/shop/green): ")
    asks = data(awaiting(GREEN, remembered=record(active=GREEN, release=release(side=BLUE))))
    assert asks["next"]["step"].endswith(
        "meanwhile merge https://git.example/7 (branch flipgate/shop/green): Git follows users to green"
    )
    (found,) = [each for each in seen["conditions"] if each["type"] == ROUTES_IN_GIT]
    assert "also where people commit to a.yaml" in found["message"]
    deleted = "git push https://git.example/acme/config --delete flipgate/shop/green, and reconcile opens it anew"
    assert f"Was it closed unmerged: {deleted}; or `flipgate rollback`" in found["message"]

"""WayBackReady: each reason by itself, the most important first, with a time since when, told once a turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from flipgate.core.record import conditions
from flipgate.core.record.occupant import Contract, Occupant
from flipgate.core.record.phases import BEFORE_TRAFFIC, TERMINAL, WITH_WAY_BACK, Phase
from flipgate.core.record.record import Condition, ConditionStatus, Record
from flipgate.core.values.base import but
from flipgate.core.values.unread import Unread
from flipgate.core.way_back.contract import close, side_to_close
from flipgate.core.way_back.way_back import Autoscaler, OldSide, Quota, WayBackReason, judge_way_back, way_back_of
from flipgate.core.workloads.render import configuration_hash
from flipgate.core.workloads.view import SideState
from tests.core.builders import (
    BLUE,
    GREEN,
    NOW,
    at,
    deployment,
    record,
    refuses,
    release,
    shop,
    side,
    to_side,
    traffic,
    without,
)

SETTINGS = {"settings": {"limit": "5"}}
IMAGES = {"web": "acme/web:1", "mailer": "acme/mailer:1"}
MIGRATED = Contract(reason="orders.legacy_id is gone", by="ana", at=at(20))
DENIED = "no permission to list resourcequotas in namespace shop-blue"
TRUE, FALSE, UNKNOWN = ConditionStatus


def occupant(**facts: Any) -> Occupant:
    """What blue carried while it was live."""
    usual: dict[str, Any] = {"images": IMAGES, "replicas": {"web": 2, "mailer": 3}, "since": NOW}
    return Occupant(**{**usual, "configuration": configuration_hash(SETTINGS), **facts})


def live(*, phase: Phase = Phase.LIVE, **facts: Any) -> Record:
    """A release on green, in its soak or in another phase."""
    opened = release(phase)
    return record(active=GREEN, release=opened, sides={BLUE: occupant(**facts), GREEN: Occupant(since=NOW)})


def blue(*deployments: Any) -> SideState:
    """Blue in the soak: its worker has stopped."""
    return side(BLUE, *(deployments or (deployment("mailer", image="acme/mailer:1", replicas=0),)))


def old(**pieces: Any) -> OldSide:
    """All pieces as they should be."""
    needs = {"web": {"requests.cpu": Decimal("0.5")}, "mailer": {"requests.cpu": Decimal("0.25")}}
    usual: dict[str, Any] = {"side": blue(), "configuration": SETTINGS, "quotas": (), "autoscalers": (), "needs": needs}
    return OldSide(**{**usual, **pieces})


def judged(found: OldSide, remembered: Record | None = None) -> Condition:
    condition = judge_way_back(remembered or live(), shop(), found, at(30))
    assert condition is not None
    return condition


def quota(resource: str, hard: str, used: str | None) -> Quota:
    return Quota("few", {resource: Decimal(hard)}, {resource: Decimal(used)} if used is not None else {})


def condition(status: ConditionStatus, seconds: float = 0, **facts: Any) -> Condition:
    usual: dict[str, Any] = {"type": conditions.WAY_BACK_READY, "reason": "Any", "message": "as it is"}
    return Condition(**{**usual, "status": status, "since": at(seconds), **facts})


# One reason each


def test_an_old_side_as_users_left_it_is_ready() -> None:
    found = judged(old())

    assert (found.type, found.status, found.reason, found.since) == ("WayBackReady", TRUE, "WayBackOpen", at(30))
    assert found.message == "blue has its pods Ready (web 2), with the images and the configuration it was live with"


SMALL = deployment("web", replicas=1)
HALF = deployment("web")
HALF["status"]["readyReplicas"] = 1
REFUSED = deployment("mailer", image="acme/mailer:1", replicas=3)
REFUSED["status"]["replicas"] = 1


def case(reason: str, said: str, found: OldSide | None = None, **carried: Any) -> tuple[Any, ...]:
    """The old side as it is found, and what it carried that is not usual."""
    return reason, said, found or old(), carried


@pytest.mark.parametrize(
    ("reason", "said", "found", "carried"),
    [
        case("ContractMigrationDone", "by ana (orders.legacy_id is gone): the code", contracted=MIGRATED),
        case("WorkloadMissing", "Deployment shop-blue/web is missing", old(side=without(blue(), "web"))),
        case("WorkloadMissing", "Deployment shop-blue/mailer is missing", old(side=without(blue(), "mailer"))),
        case("NotReady", "Deployment shop-blue/web has 1 of 2 pods Ready.", old(side=blue(HALF))),
        case("NotReady", "web has 1 of 2 pods Ready (it asks for 1)", old(side=blue(SMALL))),
        case("NotReady", "web has 2 of 5 pods Ready (it asks for 2)", replicas={"web": 5}),
        case(
            "ImagesChanged",
            "Deployment shop-blue/web has image acme/web:9, was live with acme/web:1",
            old(side=blue(deployment("web", image="acme/web:9"))),
        ),
        case(
            "ConfigurationChanged",
            "the ConfigMaps that shop-blue reads (settings (missing)) are not as they were while it was live: hash "
            f"{configuration_hash({'settings': None})}, was {configuration_hash(SETTINGS)}",
            old(configuration={"settings": None}),
        ),
        case(
            "QuotaTooSmall",
            "ResourceQuota shop-blue/few: pods 2 of 4 used, 3 more wanted (pods missing: mailer 3)",
            old(quotas=(quota("pods", "4", "2"),)),
        ),
        case(
            "QuotaTooSmall",
            "pods 3 of 3 used, 2 more wanted (pods missing: mailer 2)",
            old(side=blue(REFUSED), quotas=(quota("pods", "3", "3"),)),
        ),
        case("QuotaTooSmall", "cpu 1 of 1.7 used, 0.75 more wanted", old(quotas=(quota("cpu", "1.7", "1"),))),
        case(
            "AutoscalerMayShrink",
            "HorizontalPodAutoscaler shop-blue/web-scaler may shrink web to 1 pods, 2 are wanted",
            old(autoscalers=(Autoscaler("web-scaler", "web", 1),)),
        ),
        case("Unreadable", DENIED, old(quotas=Unread(DENIED))),
        case("Unreadable", "no answer", old(autoscalers=Unread("no answer"))),
        case("Unreadable", "no answer", old(configuration=Unread("no answer"))),
        case("Unreadable", "nobody noted what was in them", configuration=""),
        case(
            "Unreadable",
            "nobody noted which image it was live with",
            old(side=side(BLUE)),
            images={"web": "acme/web:1"},
        ),
        case("Unreadable", "knows yet how much pods is used", old(quotas=(quota("pods", "9", None),))),
        case("Unreadable", "the pods of mailer do not name", old(quotas=(quota("limits.cpu", "9", "0"),))),
        case("Unreadable", "it was not looked at", OldSide()),
    ],
)
def test_each_reason_names_what_was_found_and_what_was_wanted(
    reason: str, said: str, found: OldSide, carried: dict[str, Any]
) -> None:
    condition = judged(found, live(**carried))

    assert (condition.status, condition.reason) == (UNKNOWN if reason == "Unreadable" else FALSE, reason)
    assert said in condition.message
    assert ". Next: " in condition.message


@pytest.mark.parametrize(
    "pieces",
    [
        {"quotas": (quota("pods", "5", "2"),)},
        {"quotas": (quota("pods", "1", "2"),), "side": side(BLUE)},  # nothing is missing: nothing has to be admitted
        {"quotas": (quota("persistentvolumeclaims", "0", "0"), quota("requests.storage", "0", "0"))},
        {"autoscalers": (Autoscaler("web", "web", 2), Autoscaler("mailer", "mailer", 1))},
    ],
)
def test_what_leaves_room_enough_closes_nothing(pieces: dict[str, Any]) -> None:
    assert judged(old(**pieces)).status is TRUE


# All of them at once

OTHER_WEB = deployment("web", image="acme/web:9")
MAILER = deployment("mailer", image="acme/mailer:1", replicas=0)
SHORT = side(BLUE, deployment("web", replicas=1, image="acme/web:9"), MAILER)
WORST = old(
    side=without(SHORT, "mailer"),
    configuration={"settings": {"limit": "6"}},
    quotas=(quota("pods", "1", "1"),),
    autoscalers=(Autoscaler("web", "web", 1),),
)
"""Everything that can be wrong at once, but for what was not read."""

BETTER: tuple[tuple[WayBackReason, dict[str, Any]], ...] = (
    (WayBackReason.CONTRACT_MIGRATION_DONE, {}),
    (WayBackReason.WORKLOAD_MISSING, {"side": SHORT}),
    (WayBackReason.NOT_READY, {"side": side(BLUE, OTHER_WEB, MAILER)}),
    (WayBackReason.IMAGES_CHANGED, {"side": side(BLUE, MAILER)}),
    (WayBackReason.CONFIGURATION_CHANGED, {"configuration": SETTINGS}),
    (WayBackReason.QUOTA_TOO_SMALL, {"quotas": Unread(DENIED)}),
    (WayBackReason.AUTOSCALER_MAY_SHRINK, {"autoscalers": ()}),
    (WayBackReason.UNREADABLE, {"quotas": ()}),
    (WayBackReason.WAY_BACK_OPEN, {}),
)
"""Each reason, with what is put right after it was seen."""


def test_the_most_important_reason_comes_first_and_no_other_fact_is_lost() -> None:
    assert [reason for reason, _ in BETTER] == list(WayBackReason)
    found, remembered = WORST, live(contracted=MIGRATED)
    for reason, better in BETTER:
        condition = judged(found, remembered)
        assert condition.reason == reason
        assert condition.status is {"Unreadable": UNKNOWN, "WayBackOpen": TRUE}.get(reason, FALSE)
        found, remembered = replace(found, **better), live()


@pytest.mark.parametrize("phase", sorted(Phase))
def test_it_means_something_only_while_users_could_go_back(phase: Phase) -> None:
    condition = judge_way_back(live(phase=phase), shop(), old(), at(30))

    assert (condition is not None) is (phase in WITH_WAY_BACK)


def test_where_nothing_ever_ran_there_is_nothing_to_go_back_to() -> None:
    assert way_back_of(live(images={})) is None
    assert way_back_of(record()) is None


# Since when, and who is told


def noted(remembered: Record, *found: Condition) -> Record:
    return conditions.recorded(remembered, found)


def ready(remembered: Record) -> Condition | None:
    return conditions.condition_of(remembered.conditions, conditions.WAY_BACK_READY)


def told(remembered: Record) -> list[tuple[str, str]]:
    return [(message.reason, message.text) for message in remembered.outbox]


def test_since_is_kept_as_long_as_the_status_stays_and_no_longer() -> None:
    now = noted(live(), condition(TRUE, 1))
    now = noted(now, condition(TRUE, 2, message="another message"))
    kept = ready(now)
    assert kept is not None
    assert (kept.since, kept.message) == (at(1), "another message")

    turned = ready(noted(now, condition(FALSE, 3)))
    assert turned is not None
    assert turned.since == at(3)
    assert noted(now, condition(TRUE, 9, message="another message")) == now, "nothing changed, so nothing is written"


@pytest.mark.parametrize(
    ("turns", "reasons"),
    [
        ([TRUE], []),
        ([TRUE, FALSE], ["WayBackLost"]),
        ([TRUE, UNKNOWN], ["WayBackLost"]),
        ([FALSE], ["WayBackLost"]),
        ([TRUE, FALSE, UNKNOWN, FALSE], ["WayBackLost"]),
        ([TRUE, FALSE, TRUE], ["WayBackLost", "WayBackFound"]),
        ([TRUE, UNKNOWN, TRUE, FALSE], ["WayBackLost", "WayBackFound", "WayBackLost"]),
    ],
    ids=lambda value: ",".join(str(each) for each in value),
)
def test_lost_and_found_again_is_a_message_each(turns: Sequence[ConditionStatus], reasons: list[str]) -> None:
    now = live()
    for seconds, status in enumerate(turns):
        now = noted(now, condition(status, seconds))

    assert [reason for reason, _ in told(now)] == reasons
    assert len({message.id for message in now.outbox}) == len(reasons)
    assert {message.side for message in now.outbox} <= {BLUE}


@pytest.mark.parametrize("between", [(UNKNOWN, ""), (FALSE, "")], ids=["not readable", "only pods"])
def test_what_was_told_is_not_told_again_when_it_was_out_of_sight(between: tuple[ConditionStatus, str]) -> None:
    """An API server that answers every other time, a container that crashes: a message every five minutes."""
    now = noted(live(), condition(TRUE))
    for seconds, (status, changed) in enumerate([(FALSE, "a"), between, (FALSE, "a"), between, (FALSE, "a")]):
        now = noted(now, condition(status, seconds + 1, changed=changed))
    assert [reason for reason, _ in told(now)] == ["WayBackLost"]
    other = noted(now, condition(FALSE, 20, changed="b"))
    assert [reason for reason, _ in told(other)] == ["WayBackLost", "WayBackLost"]
    again = noted(noted(other, condition(TRUE, 30)), condition(FALSE, 40, changed="b"))
    assert [reason for reason, _ in told(again)][2:] == ["WayBackFound", "WayBackLost"]


def test_the_messages_say_what_is_so_and_for_how_long_it_was_not() -> None:
    lost = condition(FALSE, 10, reason="NotReady", message="web has 1 of 2 pods Ready. Next: look")
    now = noted(noted(noted(live(), condition(TRUE)), lost), condition(TRUE, 70, message="all is well"))

    assert told(now) == [
        (
            "WayBackLost",
            "shop 3f2a9c01d4e8-1: the way back to blue is lost (NotReady): web has 1 of 2 pods Ready. Next: look",
        ),
        ("WayBackFound", "shop 3f2a9c01d4e8-1: the way back to blue is found again, after 60 s: all is well"),
    ]
    blind = noted(live(), condition(UNKNOWN, reason="Unreadable", message=DENIED))
    assert f"is lost from sight (Unreadable): {DENIED}" in blind.outbox[0].text


def test_the_same_turn_written_by_two_is_one_message() -> None:
    first, second = (noted(live(), condition(FALSE, 5)) for _ in range(2))
    assert first.outbox[0].id == second.outbox[0].id


def test_what_a_person_gave_up_is_no_loss() -> None:
    assert noted(noted(live(phase=Phase.SETTLING), condition(TRUE)), condition(FALSE, 5)).outbox == ()


def test_conditions_of_others_stay_and_one_that_means_nothing_any_more_goes() -> None:
    held = condition(TRUE, type="Held")
    now = noted(but(live(), conditions=(held, condition(TRUE))))

    assert now.conditions == (held,)


# Contract migrations


def test_closing_tells_once_and_turns_the_condition_with_it() -> None:
    closed = close(noted(live(), condition(TRUE)), BLUE, MIGRATED)
    turned = ready(closed)

    assert turned is not None
    assert (turned.status, turned.reason, turned.since) == (FALSE, "ContractMigrationDone", MIGRATED.at)
    assert turned.message == judged(old(), closed).message
    assert [reason for reason, _ in told(closed)] == ["WayBackClosed"]
    assert "the way back to blue is closed: a contract migration was done" in closed.outbox[0].text
    assert noted(closed, judged(old(), closed)) == closed, "the next look has nothing to add"
    assert [(e.step, e.actor) for e in closed.journal] == [("Contract", "ana")]


@pytest.mark.parametrize("phase", sorted({Phase.FLIPPING} | WITH_WAY_BACK))
def test_of_a_release_that_users_are_on_it_is_the_side_across_whatever_the_routes_say(phase: Phase) -> None:
    assert side_to_close(live(phase=phase), None) is BLUE


def test_of_no_release_it_is_the_side_that_the_routes_do_not_name() -> None:
    settled = but(live(phase=Phase.SETTLED), release=None, last=release(Phase.SETTLED))

    assert side_to_close(settled, traffic(to_side(GREEN))) is BLUE
    with refuses("NothingToClose", match="nothing ever ran on green"):
        side_to_close(settled, traffic(to_side(BLUE)))


@pytest.mark.parametrize("phase", sorted(BEFORE_TRAFFIC | {Phase.ROLLING_BACK} | TERMINAL - {Phase.SETTLED}))
def test_where_the_other_side_is_no_way_back_there_is_nothing_to_close(phase: Phase) -> None:
    with refuses("NothingToClose", match=r"no way back to close: .*release 3f2a9c01d4e8-1"):
        side_to_close(live(phase=phase), traffic(to_side(BLUE)))


def test_routes_that_name_no_one_side_are_named() -> None:
    with refuses("RoutesSplit", match="IngressRoute edge/live"):
        side_to_close(record(), traffic(to_side(BLUE), to_side(GREEN)))

"""LiveSideReady: each reason by itself, what is no shortage, who did it, since when, and told once a turn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pytest

from flipgate.core.record import conditions
from flipgate.core.record.conditions import LIVE_SIDE_READY, condition_of
from flipgate.core.record.intents import MOVE_ROUTES, REST_SIDE
from flipgate.core.record.occupant import Occupant
from flipgate.core.record.outbox import delivered
from flipgate.core.record.phases import MOVING, Phase
from flipgate.core.record.record import Condition, ConditionStatus, EntryState, JournalEntry, Record
from flipgate.core.values.sides import Side
from flipgate.core.values.unread import Unread
from flipgate.core.way_back.live_side import LiveSide, judge_live_side, rested
from flipgate.core.way_back.way_back import Autoscaler
from flipgate.core.workloads.view import SideState
from flipgate.steps.acting.outbox import as_blocks
from tests.core.builders import BLUE, GREEN, NOW, RUN, at, cron_job, deployment, record, release, shop, side, without

TRUE, FALSE, UNKNOWN = ConditionStatus
DENIED = "no permission to list horizontalpodautoscalers.autoscaling in namespace shop-blue"
FLUX = "kustomize-controller"


def owned(obj: dict[str, Any], manager: str, operation: str = "Apply", **fields: Any) -> dict[str, Any]:
    """The object with one more entry in its managedFields."""
    entry = {"manager": manager, "operation": operation, "time": "2026-03-01T11:58:11Z", "fieldsV1": fields}
    meta = {**obj["metadata"], "managedFields": [*obj["metadata"].get("managedFields", []), entry]}
    return {**obj, "metadata": meta}


def web(replicas: int = 2, *, ready: int | None = None, by: str = "", image: str = "acme/web:1") -> dict[str, Any]:
    """Blue's web; `by` set how many pods it asks for."""
    obj = deployment("web", replicas=replicas, image=image)
    obj["status"]["readyReplicas"] = replicas if ready is None else ready
    return owned(obj, by, **{"f:spec": {"f:replicas": {}}}) if by else obj


def carrying(carried: int, *journal: JournalEntry, **facts: Any) -> Record:
    """Blue live, with so many `web` when it was brought up."""
    occupant = Occupant(images=RUN, replicas={"web": carried, "mailer": 3}, since=NOW)
    return record(sides={BLUE: occupant, GREEN: Occupant(images=RUN, since=NOW)}, journal=journal, **facts)


def rest(which: Side = BLUE, web: int = 0, state: EntryState = EntryState.UNDONE, number: int = 7) -> JournalEntry:
    intent = {"side": str(which), "replicas": {"web": web, "mailer": 0}}
    return JournalEntry(id=number, step=REST_SIDE, state=state, actor="settle 4f", at=NOW, ended=NOW, intent=intent)


def judged(*objects: Any, remembered: Record | None = None, autoscalers: Any = (), of: Any = None) -> Condition:
    state = of or side(BLUE, *objects)
    found = judge_live_side(remembered or carrying(2), shop(), LiveSide(BLUE, state, autoscalers), at(30))
    assert found is not None
    return found


# One reason each


def test_a_live_side_as_it_was_released_serves() -> None:
    found = judged()

    assert (found.type, found.status, found.reason, found.since) == ("LiveSideReady", TRUE, "LiveSideServes", at(30))
    assert found.message == (
        "blue has Ready pods of each serving service (carried: web 2), with the images of its release"
    )
    assert found.side is BLUE


def case(reason: str, said: str, *objects: Any, **found: Any) -> tuple[Any, ...]:
    return reason, said, objects, found


@pytest.mark.parametrize(
    ("reason", "said", "objects", "found"),
    [
        case(
            "NoReadyPod",
            "web 0 of 2 Ready, asks for 0, carried 3, set to 0 by kustomize-controller (Apply) at 2026-03-01 11:58:11 "
            "UTC. Next: kubectl -n shop-blue scale deployment/web --replicas=3",
            web(0, by=FLUX),
            remembered=carrying(3),
        ),
        case(
            "TooFewPods",
            "web 1 of 2 Ready, asks for 1, carried 2, set to 1 by kubectl (Apply) at 2026-03-01 11:58:11 UTC. Next: "
            "kubectl -n shop-blue scale deployment/web --replicas=2",
            web(1, by="kubectl"),
        ),
        case("TooFewPods", "web 1 of 2 Ready, asks for 1, carried 2. Next: kubectl", web(1)),
        case(
            "NoReadyPod",
            "web 0 of 2 Ready, asks for 2, carried 2. Next: kubectl -n shop-blue get deployments,pods",
            web(2, ready=0, by=FLUX),
        ),
        case(
            "TooFewPods",
            "web 7 of 10 Ready, asks for 10, carried 10. Next: kubectl -n shop-blue get deployments,pods",
            web(10, ready=7),
            remembered=carrying(10),
        ),
        case(
            "WorkloadMissing",
            "Deployment shop-blue/web is missing. Next: kubectl -n shop-blue get deployments,pods",
            of=without(side(BLUE), "web"),
        ),
        case("WorkloadMissing", "Deployment shop-blue/mailer is missing", of=without(side(BLUE), "mailer")),
        case(
            "ImagesChanged",
            "web runs acme/web:9, the release has acme/web:1. Next: kubectl -n shop-blue set image deployment/web "
            "web=acme/web:1",
            web(image="acme/web:9"),
        ),
        case("Unreadable", "no answer. Next: kubectl auth can-i --list -n shop-blue", of=Unread("no answer")),
        case(
            "Unreadable",
            f"web 1 of 2 Ready, asks for 1, carried 2; whether an autoscaler shrank it is not known: {DENIED}",
            web(1),
            autoscalers=Unread(DENIED),
        ),
        case("NoReadyPod", "web 0 of 1 Ready", web(2, ready=0), autoscalers=Unread(DENIED)),
        case("TooFewPods", "web 1 of 2 Ready, asks for 1", web(1), autoscalers=(Autoscaler("web", "web", 2),)),
    ],
)
def test_each_reason_says_what_was_found_who_did_it_and_what_to_type(
    reason: str, said: str, objects: Sequence[Any], found: dict[str, Any]
) -> None:
    condition = judged(*objects, **found)

    assert (condition.status, condition.reason) == (UNKNOWN if reason == "Unreadable" else FALSE, reason)
    assert said in condition.message


NO_SHORTAGE = {
    "a pod of four that is being replaced": partial(judged, web(4, ready=3), remembered=carrying(4)),
    "one that grows": partial(judged, web(10, ready=2)),
    "what a person took away above the file's number": partial(judged, web(2), remembered=carrying(5)),
    "what an autoscaler shrank": partial(judged, web(1), autoscalers=(Autoscaler("web", "web", 1),)),
    "an autoscaled one that grows": partial(
        judged,
        web(9, ready=2),
        remembered=carrying(9),
        autoscalers=(Autoscaler("a", "web", 4), Autoscaler("b", "web", 2)),
    ),
    "a worker": partial(judged, deployment("mailer", image="acme/mailer:1", replicas=0)),
    "a rest that it was brought up from": partial(judged, web(2), remembered=carrying(5, rest(web=0))),
    "a rest of the other side": partial(judged, remembered=carrying(2, rest(GREEN))),
}


@pytest.mark.parametrize("found", NO_SHORTAGE.values(), ids=NO_SHORTAGE.keys())
def test_what_is_no_shortage(found: Callable[[], Condition]) -> None:
    assert found().status is TRUE


def test_a_service_that_the_next_release_brings_is_not_missed_before_it_is_there() -> None:
    with_search = shop("{name: search, role: serving, replicas: 2}")
    for search in (None, deployment("search", replicas=0, image="acme/search:1")):
        state = side(BLUE, *([search] if search else []))
        state = state if search else without(state, "search")
        found = judge_live_side(carrying(2), with_search, LiveSide(BLUE, state), at(0))
        assert found is not None
        assert found.status is TRUE


# The most important first, and nothing is lost


def test_the_most_important_reason_comes_first_and_no_other_fact_is_lost() -> None:
    services = ("{name: search, role: serving, replicas: 2}", "{name: nightly, role: cron}")
    images = {**RUN, "search": "acme/search:1", "nightly": "acme/nightly:0"}
    occupant = Occupant(images=images, replicas={"web": 2, "search": 6}, since=NOW)
    remembered = record(sides={BLUE: occupant, GREEN: Occupant(since=NOW)})
    night = owned(
        cron_job(suspended=False),
        "helm-controller",
        **{"f:spec": {"f:jobTemplate": {"f:spec": {"f:template": {"f:spec": _image("nightly")}}}}},
    )
    state = side(BLUE, web(0), deployment("search", replicas=1, image="acme/search:1"), night)
    found = judge_live_side(remembered, shop(*services), LiveSide(BLUE, without(state, "mailer")), at(0))

    assert found is not None
    assert found.reason == "NoReadyPod"
    assert found.message == (
        "web 0 of 2 Ready, asks for 0, carried 2; Deployment shop-blue/mailer is missing; search 1 of 2 Ready, asks "
        "for 1, carried 6; nightly runs acme/nightly:1, the release has acme/nightly:0, set by helm-controller (Apply) "
        "at 2026-03-01 11:58:11 UTC. Next: kubectl -n shop-blue scale deployment/search --replicas=6 && kubectl -n "
        "shop-blue scale deployment/web --replicas=2"
    )


def _image(container: str) -> dict[str, Any]:
    return {"f:containers": {f'k:{{"name":"{container}"}}': {".": {}, "f:image": {}}}}


def test_images_are_set_again_with_one_line_each() -> None:
    spec = {"f:spec": {"f:template": {"f:spec": _image("web")}}}
    found = judged(
        owned(web(image="acme/web:9"), "kubectl-set", "Update", **spec), deployment("mailer", image="acme/mailer:3")
    )

    assert "acme/web:1, set by kubectl-set (Update) at 2026-03-01 11:58:11 UTC; mailer runs acme/mailer:3" in (
        found.message
    )
    assert found.message.endswith(
        "Next: kubectl -n shop-blue set image deployment/web web=acme/web:1 && "
        "kubectl -n shop-blue set image deployment/mailer mailer=acme/mailer:1"
    )


def test_of_several_who_own_the_field_the_latest_is_named_and_others_are_not() -> None:
    spec = {"f:spec": {"f:replicas": {}}}
    obj = owned(owned(web(1), "helm", **spec), "kubectl", "Update", **spec)
    obj["metadata"]["managedFields"][1]["time"] = "2026-03-01T11:59:00Z"
    obj = owned(obj, "kube-controller-manager", "Update", **{"f:status": {"f:replicas": {}}})
    obj["metadata"]["managedFields"] += [{"manager": "odd", "fieldsV1": None}, {"manager": "odder"}]

    assert "set to 1 by kubectl (Update) at 2026-03-01 11:59:00 UTC." in judged(obj).message


# When nothing is judged


@pytest.mark.parametrize("phase", sorted(Phase))
def test_neither_side_is_judged_while_users_are_moved(phase: Phase) -> None:
    found = judge_live_side(carrying(2, release=release(phase)), shop(), LiveSide(BLUE, side(BLUE, web(0))), at(0))

    assert (found is None) is (phase in MOVING)


def test_nor_while_a_move_is_open_nor_where_nothing_ever_ran_nor_where_the_routes_name_no_side() -> None:
    short = LiveSide(BLUE, side(BLUE, web(0)))
    moving = JournalEntry(id=1, step=MOVE_ROUTES, state=EntryState.BEGUN, actor="ana", at=NOW)
    nothing = record(sides={each: Occupant(since=NOW) for each in Side})

    assert judge_live_side(carrying(2, moving), shop(), short, at(0)) is None
    assert judge_live_side(nothing, shop(), short, at(0)) is None
    assert judge_live_side(carrying(2), shop(), None, at(0)) is None


# What flipgate itself put to rest


@pytest.mark.parametrize("state", sorted(EntryState))
def test_what_flipgate_itself_put_to_rest_has_to_be_what_it_carried(state: EntryState) -> None:
    """However its entry ended: a stale run's patch may arrive after another actor closed it."""
    remembered = carrying(5, rest(GREEN, number=6), rest(state=state), rest(GREEN, number=8))
    found = judged(web(0, by="flipgate"), remembered=remembered)

    assert found.reason == "NoReadyPod"
    assert (
        "web 0 of 5 Ready, asks for 0, carried 5, set to 0 by flipgate (Apply) at 2026-03-01 11:58:11 UTC: entry 7 "
        "(RestSide of settle 4f). Next: kubectl -n shop-blue scale deployment/web --replicas=5"
    ) in found.message


def shorts(remembered: Record, state: SideState) -> list[tuple[str, int]]:
    return [(short.workload.name, short.whole) for short in rested(remembered, shop(), state)]


@pytest.mark.parametrize(
    ("obj", "entries", "found"),
    [
        (web(0, by="flipgate"), [rest()], [("web", 5)]),
        (web(0), [rest()], [("web", 5)]),
        (web(1, by="flipgate"), [rest(web=1)], [("web", 5)]),
        (web(0, by=FLUX), [rest()], []),
        (web(0, by="kubectl"), [rest()], []),
        (web(1, by="flipgate"), [rest()], []),
        (web(0, by="flipgate"), [], []),
        (web(0, by="flipgate"), [rest(GREEN)], []),
        (web(5, ready=0, by="flipgate"), [rest()], []),
    ],
)
def test_it_is_flipgate_s_doing_where_the_journal_says_so_and_nobody_has_scaled_it_since(
    obj: dict[str, Any], entries: list[JournalEntry], found: list[tuple[str, int]]
) -> None:
    assert shorts(carrying(5, *entries), side(BLUE, obj)) == found


def test_a_count_that_was_kept_at_rest_is_too_few_whatever_autoscaler_there_is() -> None:
    found = judged(
        web(1, by="flipgate"), remembered=carrying(5, rest(web=1)), autoscalers=(Autoscaler("web", "web", 1),)
    )

    assert (found.status, found.reason) == (FALSE, "TooFewPods")


# Since when, and who is told


def condition(status: ConditionStatus, seconds: float = 0, which: Side = BLUE) -> Condition:
    facts = {"type": LIVE_SIDE_READY, "reason": "Any", "message": "as it is", "side": which}
    return Condition(**facts, status=status, since=at(seconds))


def noted(remembered: Record, *turns: Condition) -> Record:
    for turn in turns:
        remembered = conditions.recorded(remembered, [turn])
    return remembered


@pytest.mark.parametrize(
    ("turns", "reasons"),
    [
        ([TRUE], []),
        ([FALSE], ["LiveSideShort"]),
        ([TRUE, FALSE, FALSE], ["LiveSideShort"]),
        ([TRUE, UNKNOWN, UNKNOWN], ["LiveSideShort"]),
        ([TRUE, FALSE, UNKNOWN], ["LiveSideShort"]),
        ([TRUE, UNKNOWN, FALSE], ["LiveSideShort", "LiveSideShort"]),
        ([TRUE, FALSE, TRUE, TRUE], ["LiveSideShort", "LiveSideFound"]),
    ],
    ids=lambda value: ",".join(str(each) for each in value),
)
def test_each_turn_is_told_once_whether_a_release_is_open_or_not(
    turns: Sequence[ConditionStatus], reasons: list[str]
) -> None:
    for remembered in (record(), record(release=release(Phase.LIVE), active=GREEN)):
        done = noted(remembered, *(condition(status, seconds) for seconds, status in enumerate(turns)))
        assert [message.reason for message in done.outbox] == reasons
        assert len({message.id for message in done.outbox}) == len(reasons)
        assert {message.side for message in done.outbox} <= {BLUE}


def test_a_side_whose_pods_come_and_go_is_not_told_each_time() -> None:
    """A container that crashes: empty at one look, one pod of three at the next."""
    looks = [web(3, ready=ready) for ready in (1, 0, 1, 0, 1, 0)]
    found = [judged(look).model_copy(update={"since": at(seconds)}) for seconds, look in enumerate(looks)]
    assert {each.status for each in found} == {FALSE}
    assert [message.reason for message in noted(record(), *found).outbox] == ["LiveSideShort", "LiveSideShort"]


def test_a_service_that_crashes_and_that_others_have_changed_is_told_of_once() -> None:
    """It has a Ready pod at one look, and none at the next."""
    looks = [web(3, ready=ready, image=image) for image in ("acme/web:9", "acme/web:8") for ready in (1, 0, 1, 0)]
    done, told = record(), []
    for seconds, look in enumerate(looks):
        before = len(done.outbox)
        done = noted(done, judged(look).model_copy(update={"since": at(seconds)}))
        told.append(len(done.outbox) - before)
    assert told == [1, 1, 0, 0, 1, 0, 0, 0], "it is not ready, it is empty, others have set another image"


def test_the_message_stands_in_the_thread_of_the_release_that_users_are_on_or_by_itself() -> None:
    live = record(release=release(Phase.LIVE), active=GREEN)
    (told,) = noted(live, condition(FALSE, which=GREEN)).outbox
    assert told.release == "3f2a9c01d4e8-1"
    assert told.text == "shop 3f2a9c01d4e8-1: the live side green is not ready (Any): as it is"

    for other in (record(), record(release=release(Phase.DARK)), record(last=release(Phase.SETTLED))):
        short, found = noted(other, condition(FALSE), condition(TRUE, 240)).outbox
        assert (short.release, found.release) == ("", "")
        assert short.text == "shop: the live side blue is not ready (Any): as it is"
        assert found.text == "shop: the live side blue serves again, after 240 s: as it is"
        assert "'side `blue`  ·  2026-03-01 12:00:00 UTC'" in str(as_blocks(short)[1])
        assert delivered(other, short.id, release="", thread="1.1").threads == {}, "each stands by itself"


def test_another_side_is_another_condition() -> None:
    moved = noted(record(), condition(FALSE, 1, BLUE), condition(TRUE, 2, GREEN))
    now = condition_of(moved.conditions, LIVE_SIDE_READY)
    assert [message.reason for message in moved.outbox] == ["LiveSideShort"], "nothing was found again on green"
    assert (now and now.since) == at(2)

    both = noted(record(), condition(FALSE, 1, BLUE), condition(FALSE, 2, GREEN))
    now = condition_of(both.conditions, LIVE_SIDE_READY)
    assert [message.side for message in both.outbox] == [BLUE, GREEN]
    assert (now and now.since) == at(2)


def test_the_same_turn_written_by_two_is_one_message() -> None:
    first, second = (noted(record(), condition(FALSE, 5)) for _ in range(2))
    assert first.outbox[0].id == second.outbox[0].id

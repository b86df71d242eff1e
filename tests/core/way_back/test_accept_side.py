"""What others changed of the live side, taken as right: what is, what is not, and that it is not told again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from flipgate.core.record.intents import Rest
from flipgate.core.record.occupant import Occupant
from flipgate.core.record.phases import Phase
from flipgate.core.record.record import EntryState, JournalEntry, Record
from flipgate.core.values.reasons import Why
from flipgate.core.values.sides import Side
from flipgate.core.values.unread import Unread
from flipgate.core.way_back.accept_side import accepted, judge_acceptance, taken
from flipgate.core.way_back.going_back import NoWay
from flipgate.core.way_back.live_side import LiveSide, judge_live_side
from tests.core.builders import BLUE, DARK, GREEN, LIVE, NOW, RUN, at, deployment, record, release, shop, side

CARRIED = {"web": 2, "mailer": 3}


def known(**facts: Any) -> Record:
    sides = {each: Occupant(images=RUN, replicas=CARRIED, since=NOW) for each in Side}
    return record(**{"sides": sides, **facts})


def web(replicas: int = 2, *, ready: int | None = None, image: str = "acme/web:1", **status: Any) -> dict[str, Any]:
    obj = deployment("web", replicas=replicas, image=image)
    obj["status"].update({"readyReplicas": replicas if ready is None else ready, **status})
    return obj


def live(*objects: Any, autoscalers: Any = ()) -> LiveSide:
    return LiveSide(BLUE, side(BLUE, *objects), autoscalers)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (live(web()), []),
        (live(web(5)), []),
        (live(web(image="acme/web:9")), ["web acme/web:1 -> acme/web:9"]),
        (live(web(1)), ["web pods 2 -> 1"]),
        (live(web(1, image="acme/web:9")), ["web acme/web:1 -> acme/web:9; web pods 2 -> 1"]),
    ],
    ids=["as recorded", "more pods", "image", "fewer pods", "both"],
)
def test_what_is_taken_is_said_and_not_told_again(found: LiveSide, said: list[str]) -> None:
    judged = judge_acceptance(known(), shop(), found)
    assert not isinstance(judged, NoWay)
    assert [taken(known(), found, (each,)) for each in judged] == said
    if not judged:
        return
    now = accepted(known(), found, judged, "ana: it stays", "ana@vm", at(60))
    condition = judge_live_side(now, shop(), found, at(90))
    assert condition is not None
    assert condition.status == "True"
    assert judge_acceptance(now, shop(), found) == ()
    assert now.sides[GREEN] == known().sides[GREEN], "the way back is judged by what was noted of it"
    (entry,), (message,) = now.journal, now.outbox
    assert entry.outcome == f"ana: it stays: {'; '.join(said)}"
    assert message.reason == Why.LIVE_SIDE_ADOPTED
    assert message.text == f"shop: what the live side blue runs is right: {entry.outcome}"


REST = JournalEntry(
    id=7, step=Rest.step, state=EntryState.UNDONE, actor="settle", at=NOW, intent=Rest(BLUE, {"web": 1}).written()
)
IMAGE = web(image="acme/web:9")


@pytest.mark.parametrize(
    ("reason", "remembered", "found"),
    [
        (Why.WRONG_PHASE, known(release=release(*DARK)), live(IMAGE)),
        (Why.WRONG_PHASE, known(release=release(*LIVE, side=BLUE)), live(IMAGE)),
        (Why.UNREADABLE, known(), replace(live(), state=Unread("no answer"))),
        (Why.UNREADABLE, known(), live(web(1), autoscalers=Unread("no permission"))),
        (Why.LIVE_SIDE_NOT_READY, known(), live(web(0))),
        (Why.LIVE_SIDE_NOT_READY, known(), live(web(ready=1, image="acme/web:9"))),
        (Why.LIVE_SIDE_NOT_READY, known(), live(web(image="acme/web:9", updatedReplicas=1))),
        (Why.LIVE_SIDE_NOT_READY, known(), live(web(image="acme/web:9", observedGeneration=-1))),
        (Why.LIVE_SIDE_NOT_READY, known(journal=(REST,)), live(web(1))),
    ],
)
def test_what_is_open_unknown_or_not_up_is_refused(reason: str, remembered: Record, found: LiveSide) -> None:
    judged = judge_acceptance(remembered, shop(), found)
    assert isinstance(judged, NoWay)
    assert judged.reason == reason, judged


def test_after_it_even_fewer_pods_are_told_and_the_count_to_return_to_is_the_one_taken() -> None:
    found = live(web(1))
    judged = judge_acceptance(known(), shop(), found)
    assert not isinstance(judged, NoWay)
    now = accepted(known(), found, judged, "ana: it stays", "ana@vm", at(60))
    condition = judge_live_side(now, shop(), live(web(0)), at(90))
    assert condition is not None
    assert condition.message.endswith("scale deployment/web --replicas=1")


def test_a_release_that_is_rolled_back_has_ended() -> None:
    phases = (*LIVE, Phase.ROLLING_BACK, Phase.ROLLED_BACK)
    assert judge_acceptance(known(release=release(*phases)), shop(), live(IMAGE))

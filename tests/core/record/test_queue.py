"""Builds that wait: the newest of each service, told once, and taken by the next release."""

from __future__ import annotations

from datetime import timedelta

import pytest

from flipgate.adapters.store import parse_record
from flipgate.core.record import queue
from flipgate.core.record import record as records
from flipgate.core.record.going_on import Run, will_open
from flipgate.core.record.phases import Phase, Reason
from flipgate.core.record.record import Record
from flipgate.core.values.base import but
from flipgate.core.values.errors import Refused
from tests.core.builders import DARK, GREEN, LIVE, NOW, release
from tests.core.builders import record as built

LATER = NOW + timedelta(minutes=3)


def at(phase: Phase) -> Record:
    return built(release=release(phase, images={"web": "web:2", "mailer": "mailer:1"}))


@pytest.mark.parametrize("phase", Phase)
def test_a_build_waits_while_users_are_moved_or_on_a_release_that_has_not_settled(phase: Phase) -> None:
    waits = {Phase.FLIPPING, Phase.BAKING, Phase.LIVE, Phase.SETTLING, Phase.ROLLING_BACK}
    assert (queue.waits_for(at(phase)) is not None) is (phase in waits)


def test_without_a_release_nothing_waits() -> None:
    assert queue.waits_for(built()) is None
    with pytest.raises(Refused, match="no open release"):
        queue.enqueue(built(), {"web": "web:3"}, by="ci", now=NOW)


def test_nothing_is_opened_on_another_release_than_was_looked_at() -> None:
    seen, other = at(Phase.DARK), built(release=release(Phase.ABORTED, images={"web": "web:9"}))
    ended = records.advance(seen, Phase.SUPERSEDED, Reason.NEWER_BUILD, LATER, actor="ci")
    queue.need_as_seen(built(), built())
    queue.need_as_seen(ended, seen)  # by the very build that opens the next
    for before in (built(), but(seen, release=but(release(Phase.DARK), id="0" * 12))):
        with pytest.raises(Refused, match="was opened since what is live was looked at, and is `aborted`") as refused:
            queue.need_as_seen(other, before)
        assert refused.value.reason == "Superseded"


def test_what_gathers_to_be_released_again_keeps_its_mark_while_it_is_the_same_image() -> None:
    first = queue.gather(built(), {"web": "web:main"}, by="ci 7", now=NOW, again="mark")
    same = queue.gather(first, {"web": "web:main"}, by="ci 8", now=LATER)
    assert (same.queued["web"].again, same.queued["web"].by) == ("mark", "ci 8")
    assert queue.gather(first, {"web": "web:main"}, by="ci 8", now=LATER, again="new").queued["web"].again == "new"
    assert queue.gather(first, {"web": "web:2"}, by="ci 8", now=LATER).queued["web"].again == ""


def test_the_newest_of_each_service_waits_and_each_is_told() -> None:
    first = queue.enqueue(at(Phase.LIVE), {"web": "web:3"}, by="ci 7", now=NOW)
    both = queue.enqueue(first, {"mailer": "mailer:2"}, by="ci 8", now=LATER)
    newer = queue.enqueue(both, {"web": "web:4"}, by="ci 9", now=LATER)
    assert {name: (each.image, each.by) for name, each in newer.queued.items()} == {
        "web": ("web:4", "ci 9"),
        "mailer": ("mailer:2", "ci 8"),
    }
    texts = [message.text for message in newer.outbox]
    assert [text.partition(" waits")[0].partition(": ")[2] for text in texts] == [
        "web web:3",
        "mailer mailer:2, web web:3",
        "mailer mailer:2, web web:4",
    ]
    assert all("until release 3f2a9c01d4e8-1 (`live`) has ended" in text for text in texts)
    assert len({message.id for message in newer.outbox}) == 3
    assert [entry.step for entry in newer.journal] == ["BuildQueued"] * 3


def test_however_many_builds_come_one_of_each_service_waits_and_the_record_does_not_grow() -> None:
    def after(builds: int) -> Record:
        record = at(Phase.LIVE)
        for number in range(builds):
            record = queue.enqueue(record, {"web": f"web:b{number:04}"}, by="ci", now=NOW + timedelta(seconds=number))
        return record

    some, many = after(300), after(600)
    assert {name: each.image for name, each in many.queued.items()} == {"web": "web:b0599"}
    grown = len(many.model_dump_json()) - len(some.model_dump_json())
    assert abs(grown) < 100, "but for a number with a digit more"


def test_the_same_build_again_and_one_that_the_release_has_change_nothing() -> None:
    waits = queue.enqueue(at(Phase.BAKING), {"web": "web:3"}, by="ci", now=NOW)
    assert queue.enqueue(waits, {"web": "web:3"}, by="ci", now=LATER) == waits
    assert queue.enqueue(at(Phase.BAKING), {"web": "web:2"}, by="ci", now=NOW) == at(Phase.BAKING)


def test_the_release_s_own_image_built_again_takes_the_place_of_one_that_waits() -> None:
    waits = queue.enqueue(at(Phase.LIVE), {"web": "web:3", "mailer": "mailer:2"}, by="ci", now=NOW)
    assert set(queue.enqueue(waits, {"web": "web:2"}, by="ci", now=LATER).queued) == {"mailer"}


def test_what_waited_may_start_when_the_release_has_ended_and_is_taken_by_the_next() -> None:
    waits = queue.enqueue(at(Phase.LIVE), {"web": "web:3"}, by="ci", now=NOW)
    assert not queue.may_start(waits, LATER)
    over = but(waits, release=None, last=release(Phase.SETTLED))
    assert queue.may_start(over, LATER)
    assert not queue.may_start(but(over, queued={}), LATER)
    newer = {"web": "web:5", "mailer": "mailer:1"}
    one = release(Phase.DEPLOYING, id="a1", images=newer)
    taken = queue.dequeue(over, over.queued)
    assert records.open_release(taken, one, NOW).queued == {}, "web:3 is not released after web:5"
    assert set(records.open_release(over, one, NOW).queued) == {"web"}, "what has come since waits on"


def test_newer_images_come_before_those_that_waited() -> None:
    waits = queue.enqueue(at(Phase.LIVE), {"web": "web:3", "mailer": "mailer:2"}, by="ci", now=NOW)
    assert queue.joined(waits, {"web": "web:5"}) == {"web": "web:5", "mailer": "mailer:2"}


@pytest.mark.parametrize("phase", Phase)
def test_a_newer_build_goes_on_with_what_users_have_not_seen_and_with_nothing_else(phase: Phase) -> None:
    record = at(phase)
    live = but(record.sides[GREEN.other], images={"web": "web:1", "mailer": "mailer:1"})
    carried = queue.carried_on(records.occupied(record, GREEN.other, live))
    unseen = (Phase.DEPLOYING, Phase.DARK, Phase.SUPERSEDED)
    assert carried == ({"web": "web:2"} if phase in unseen else {})


def test_a_record_in_which_nothing_waits_is_as_the_version_before_wrote_it() -> None:
    assert "queued" not in built().model_dump_json(by_alias=True)
    waits = queue.enqueue(at(Phase.LIVE), {"web": "web:3"}, by="ci", now=NOW)
    assert parse_record(waits.model_dump_json(by_alias=True), "shop", "flipgate") == waits


def test_a_build_that_was_refused_is_told_once_and_stands_until_the_next() -> None:
    refused = queue.refuse_build(built(), "has no images", actor="event", now=NOW)
    assert refused.refused_build is not None
    assert [message.text for message in refused.outbox] == ["shop: has no images"]
    assert queue.refuse_build(refused, "has no images", actor="event", now=LATER) == refused
    opened = records.open_release(refused, release(Phase.DEPLOYING), LATER)
    live = but(at(Phase.LIVE), refused_build=refused.refused_build)
    queued = queue.enqueue(live, {"web": "web:3"}, by="ci", now=NOW)
    assert (opened.refused_build, queued.refused_build) == (None, None)
    assert "refused_build" not in opened.model_dump_json(by_alias=True)


def test_builds_gather_in_silence_and_may_start_once_none_has_come_for_a_while() -> None:
    one = queue.gather(built(), {"web": "web:2"}, by="ci", now=NOW)
    two = queue.gather(one, {"mailer": "mailer:2"}, by="ci", now=NOW + timedelta(seconds=50))
    assert (two.outbox, two.journal) == ((), ())
    assert queue.joined(two, {}) == {"web": "web:2", "mailer": "mailer:2"}
    assert not queue.may_start(two, NOW + timedelta(seconds=109), join_seconds=60)
    assert queue.may_start(two, NOW + timedelta(seconds=110), join_seconds=60)


def test_what_was_seen_waits_no_more_and_what_has_come_since_does() -> None:
    seen = queue.enqueue(at(Phase.LIVE), {"web": "web:1"}, by="ci", now=NOW)
    since = queue.enqueue(seen, {"mailer": "mailer:2"}, by="ci", now=LATER)
    assert set(queue.dequeue(since, seen.queued).queued) == {"mailer"}


def test_a_build_that_was_superseded_by_one_that_died_is_gone_on_with() -> None:
    superseded = release(Phase.DEPLOYING, Phase.SUPERSEDED, images={"web": "web:2", "mailer": "mailer:1"})
    record = built(last=superseded)
    live = but(record.sides[GREEN.other], images={"web": "web:1", "mailer": "mailer:1"})
    record = records.occupied(record, GREEN.other, live)
    assert queue.carried_on(record) == {"web": "web:2"}
    after = but(record, release=release(Phase.FAILED, id="a2"))
    assert queue.carried_on(after) == {}, "another was opened, and has ended"


@pytest.mark.parametrize(
    ("state", "minutes", "opens"),
    [
        ("SCHEDULED", 600, True),
        ("RUNNING", 1, True),
        ("RUNNING", 11, False),
        ("COMPLETED", 1, False),
        ("FAILED", 1, False),
        ("CANCELLED", 1, False),
    ],
)
def test_a_run_opens_what_waits_or_another_is_started(state: str, minutes: int, opens: bool) -> None:
    run = Run("id", "deploy", "", state, NOW)
    assert will_open(run, NOW + timedelta(minutes=minutes)) is opens


@pytest.mark.parametrize(
    ("images", "again", "has"),
    [
        ({"web": "acme/web:2"}, "", True),
        ({"web": "acme/web:2"}, "0" * 12, False),
        ({"web": "acme/web:3"}, "", False),
        ({}, "", False),
    ],
    ids=["its own", "pushed anew", "a newer one", "none"],
)
def test_what_the_release_in_the_way_has_does_not_wait_for_its_end(
    images: dict[str, str], again: str, has: bool
) -> None:
    live = built(release=release(*LIVE))
    assert (queue.has_them(live, images, again) is not None) is has
    assert queue.has_them(built(release=release(*DARK)), images) is None, "nothing waits there"


def test_but_it_takes_the_place_of_another_that_waits() -> None:
    waiting = queue.enqueue(built(release=release(*LIVE)), {"web": "acme/web:3"}, by="ci", now=NOW)
    assert queue.has_them(waiting, {"web": "acme/web:2"}) is None

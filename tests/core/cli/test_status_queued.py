"""What `flipgate status` says of builds that wait."""

from __future__ import annotations

from flipgate.core.record import queue
from flipgate.core.record.phases import Phase
from flipgate.core.values.base import but
from tests.core.builders import NOW, record, release
from tests.core.cli.looks import LIVE, data, facts, text

WAITS = queue.enqueue(
    record(release=release(*LIVE)), {"web": "acme/web:3", "mailer": "acme/mailer:2"}, by="ci", now=NOW
)


def test_what_is_queued_by_whom_and_until_when() -> None:
    found = facts(WAITS)
    assert data(found)["queued"] == [
        {"service": "mailer", "image": "acme/mailer:2", "at": "2026-03-01T12:00:00.000Z", "by": "ci"},
        {"service": "web", "image": "acme/web:3", "at": "2026-03-01T12:00:00.000Z", "by": "ci"},
    ]
    said = text(found)
    assert "Queued      mailer acme/mailer:2, built " in said
    assert "Queued      web acme/web:3, built " in said
    assert said.count("released by itself when 3f2a9c01d4e8-1 has ended") == 1


def test_what_may_start_says_who_starts_it() -> None:
    over = but(WAITS, release=None, last=release(*LIVE, Phase.SETTLING, Phase.SETTLED))
    assert "may start: reconcile starts it within minutes" in text(facts(over))
    assert data(facts(over))["next"]["by"] == "clock"


def test_without_a_queue_nothing_is_said_of_it() -> None:
    assert data(facts(record(release=release(*LIVE))))["queued"] == []
    assert "Queued" not in text(facts(record()))


def test_a_build_that_was_refused_is_said_in_red_letters() -> None:
    refused = queue.refuse_build(record(), "has no images", actor="event", now=NOW)
    assert data(facts(refused))["refusedBuild"] == {"fact": "has no images", "at": "2026-03-01T12:00:00.000Z"}
    assert "Build       \x1b[31mrefused 30s ago: has no images" in text(facts(refused))


def test_where_every_run_failed_a_person_is_told_what_to_type() -> None:
    over = but(WAITS, release=None, last=release(*LIVE, Phase.SETTLING, Phase.SETTLED))
    left = queue.leave(over, "nobody releases what waits: five runs failed", actor="reconcile", now=NOW)
    command = "flipgate deploy shop --image mailer=acme/mailer:2 --image web=acme/web:3"
    assert data(facts(left))["next"] == {
        "step": "mailer acme/mailer:2, web acme/web:3: nobody releases what waits: five runs failed",
        "by": "person",
        "command": command,
    }
    assert "reconcile starts it" not in text(facts(left))
    assert "BuildsLeft \x1b[31mTrue" in text(facts(left))
    assert queue.leave(left, "nobody releases what waits: five runs failed", actor="reconcile", now=NOW) == left


def test_a_newer_build_is_started_again() -> None:
    left = queue.leave(WAITS, "failed", actor="reconcile", now=NOW)
    assert queue.left(left)
    assert not queue.left(queue.enqueue(left, {"web": "acme/web:4"}, by="ci", now=NOW))
    assert not queue.left(queue.gather(left, {"web": "acme/web:4"}, by="ci", now=NOW))
    assert not queue.left(queue.dequeue(left, {}))

"""However much is said, and for however long nobody takes it: what is written stays below what a ConfigMap takes."""

from __future__ import annotations

import json
from datetime import timedelta
from functools import cache, reduce

import pytest
from hypothesis import Phase as HypothesisPhase
from hypothesis import given, settings
from hypothesis import strategies as st

from flipgate.adapters.store import parse_record
from flipgate.core.record.announcement import InChat
from flipgate.core.record.chain import LINKS_KEPT
from flipgate.core.record.in_chat import MOST_KEPT
from flipgate.core.record.intent import LEFT_OUT
from flipgate.core.record.intents import (
    BringUp,
    Rest,
)
from flipgate.core.record.phases import TRANSITIONS, Phase
from flipgate.core.record.record import (
    EntryState,
    JournalEntry,
    Question,
    Record,
)
from flipgate.core.record.release import DECISIONS_KEPT, Decided, QueuedImage, RefusedBuild, Release, frozen
from flipgate.core.record.size import JOURNAL, LIMIT_BYTES, SHORT_BYTES, SHORTER, Finished, written, written_release
from flipgate.core.record.ticks import Tick
from flipgate.core.record.verified import HISTORY, Kept, of_record, verify
from flipgate.core.record.who_may import WhoMay
from flipgate.core.spec.policy import LONGEST_TICK, LONGEST_TICK_NAME, MOST_APPROVERS, MOST_TICKS
from flipgate.core.values.base import but
from flipgate.core.values.verdicts import Evidence, Verdict
from flipgate.core.values.who import Identity
from tests.core.builders import NOW, record, release
from tests.core.large import (
    CHANGES,
    CONFIG_MAP_BYTES,
    INTENTS,
    LONG,
    LONG_OF,
    Change,
    advanced,
    answered,
    asked,
    gates,
    opened,
    tried,
    weeks,
)

NO_SHRINKING = [each for each in HypothesisPhase if each is not HypothesisPhase.shrink]
"""A record of this size takes long to be made smaller."""


def bare(one: Release | None) -> tuple[object, ...] | None:
    return (one.name, one.side, one.images, one.wanted, one.phase, one.changes[-1]) if one else None


def bare_question(now: Record) -> Question | None:
    return but(now.question, changes=(), plan=(), compared=(), evidence=()) if now.question else None


def decisive(now: Record) -> dict[str, object]:
    """What decides what happens next, and the newest release's newest message."""
    facts = ("epoch", "active", "sides", "open_entry", "conditions", "approval")
    return {
        **{name: getattr(now, name) for name in facts},
        "rests": {entry.intent["side"]: entry.intent for entry in now.journal if entry.step == Rest.step},
        "releases": (bare(now.release), bare(now.last)),
        "question": bare_question(now),
        "newest message": now.outbox[-1:],
        "messages": len(now.outbox) + now.left_out,
    }


def lost(kept: Record, whole: Record) -> list[str]:
    """What must never be left out, and was: by name, for the values are long."""
    before = decisive(whole)
    return [name for name, value in decisive(kept).items() if value != before[name]]


def differ(one: Record, other: Record) -> list[str]:
    return [name for name in Record.model_fields if getattr(one, name) != getattr(other, name)]


@cache
def kept(text: str) -> tuple[Record, str]:
    return written(weeks(text))


def waiting(whole: Record, text: str) -> dict[str, QueuedImage]:
    """A build of every service."""
    images = whole.sides[whole.active].images
    return {name: QueuedImage(image=image, at=NOW, by=text, again="0" * 12) for name, image in images.items()}


@pytest.mark.parametrize("text", LONG, ids=LONG_OF)
def test_the_largest_of_everything_is_written_and_read_back(text: str) -> None:
    whole = weeks(text)
    assert len(whole.model_dump_json(by_alias=True, indent=1).encode()) > 2 * CONFIG_MAP_BYTES, "or nothing is tested"
    now, stored = kept(text)
    assert len(stored.encode()) <= LIMIT_BYTES < CONFIG_MAP_BYTES
    assert differ(parse_record(stored, "shop", "flipgate"), now) == []
    assert written(now)[1] == stored, "what was written once is not shortened again"
    assert lost(now, whole) == []


@settings(max_examples=10, phases=NO_SHRINKING)
@given(st.sampled_from(LONG), st.lists(st.tuples(st.sampled_from(CHANGES), st.sampled_from(LONG)), max_size=6))
def test_whatever_happens_to_the_largest_of_records_it_can_be_written(
    before: str, happens: list[tuple[Change, str]]
) -> None:
    now, _ = kept(before)
    for change, text in happens:
        whole = tried(change, now, text)
        now, stored = written(whole)
        assert len(stored.encode()) <= LIMIT_BYTES
        assert differ(parse_record(stored, "shop", "flipgate"), now) == []
        assert lost(now, whole) == []


def test_a_record_of_usual_size_is_written_as_it_is() -> None:
    usual = answered(asked(advanced(opened(record(), "ana"), "so"), "why"), "yes")
    now, text = written(usual)
    assert now == usual.model_copy(update={"schema_version": now.schema_version})
    assert text == now.model_dump_json(by_alias=True, indent=1)


def test_what_was_left_out_says_so() -> None:
    now, _ = kept(LONG[0])
    assert any(entry.intent.get(LEFT_OUT) == "replicas" for entry in now.journal)
    assert now.last is not None
    assert {proof.detail for each in now.last.judgements for proof in each.proofs} == {"not kept, for want of room"}
    assert now.left_out > 0
    assert any(entry.outcome.endswith("…") for entry in now.journal)
    assert max(len(entry.outcome) for entry in now.journal) <= SHORT_BYTES


@pytest.mark.parametrize("text", LONG, ids=LONG_OF)
def test_a_finished_release_is_written_and_read_back_too(text: str) -> None:
    one = weeks(text).release
    assert one is not None
    entry = JournalEntry(id=1, step=BringUp.step, state=EntryState.DONE, actor=text, at=NOW, outcome=text)
    journal = tuple(
        but(entry, id=n, intent=INTENTS[n % len(INTENTS)].written(), at=NOW + timedelta(seconds=n)) for n in range(300)
    )
    texts = written_release(Finished(one, journal))
    assert sum(len(each.encode()) for each in texts) <= LIMIT_BYTES
    assert bare(Release.model_validate_json(texts[0])) == bare(one)
    assert JOURNAL.validate_json(texts[1])[-1].id == 299


def test_the_longest_of_chains_stands_beside_the_largest_of_everything() -> None:
    whole = weeks(LONG[0])
    waits = waiting(whole, LONG[0])
    kept, text = written(but(whole, queued=waits, release=lapsed(whole.release), last=lapsed(whole.last)))
    assert len(text.encode()) <= LIMIT_BYTES
    assert [len(each.chain.links) for each in kept.releases if each.chain] == [LINKS_KEPT] * 2
    many = {"changes": (*back_and_forth(100).changes, *kept.releases[0].changes[-1:])}
    kept, text = written(but(kept, **{of: but(getattr(kept, of), **many) for of in ("release", "last")}))
    assert len(text.encode()) <= CONFIG_MAP_BYTES * 0.93
    assert [len(each.changes) for each in kept.releases] == [LINKS_KEPT + 1] * 2


def lapsed(release: Release | None) -> Release:
    """The release, whose question nobody answered for weeks."""
    assert release
    said = Decided(kind="k" * 300, decision="e" * 300, by=LONG[0], via=LONG[0], reason=LONG[0], at=NOW)
    return reduce(lambda each, _: each.decided(said), range(LINKS_KEPT + 5), release)


def test_what_is_left_of_an_open_release_after_it_was_cut_is_what_its_chain_is_of() -> None:
    whole = weeks(LONG[0])
    now, _ = kept(LONG[0])
    assert whole.release
    assert now.release
    assert now.last
    assert whole.release.decisions != now.release.decisions, "or nothing was cut"
    assert verify([each for each in of_record(now) if each.name == now.release.name], most=0).broken == ()
    assert now.release.chain
    assert now.release.chain.before == now.last.head
    assert whole.last
    assert now.last.chain == whole.last.chain, "of one that has ended, people know the head"


@pytest.mark.parametrize("times", [8, 16, 28, 40, 200])
def test_a_release_of_many_phases_is_what_its_chain_is_of_however_much_was_cut(times: int) -> None:
    """A move that is refused at the last moment leads back to `dark`: it may come again."""
    now = but(weeks(LONG[0]), release=back_and_forth(times))
    for shorter in SHORTER:
        now = shorter(now)
    assert now.release
    assert now.release.changes[-1].phase is Phase.DARK
    assert verify([each for each in of_record(now) if each.name == now.release.name], most=0).broken == ()


def back_and_forth(times: int) -> Release:
    one = release(Phase.DEPLOYING).chained("")
    for _ in range(times):
        for phase in (Phase.DARK, Phase.FLIPPING):
            one = one.advanced(phase, min(TRANSITIONS[one.phase][phase]), NOW, LONG[0])
    return one.advanced(Phase.DARK, min(TRANSITIONS[one.phase][Phase.DARK]), NOW)


MANY = tuple(
    Evidence(f"gate {n}", Verdict.PASS, "web:80", "green", "x" * 200, "", output="x" * 4_000) for n in range(20)
)


def test_of_a_finished_release_the_journal_is_cut_before_what_its_chain_is_of() -> None:
    one, text = back_and_forth(4), "x" * 4_000
    said = Decided(kind="flip", decision="approve", by=text, via=text, reason=text, at=NOW, evidence=frozen(MANY))
    one = reduce(lambda each, _: each.decided(said), range(12), one)
    one = reduce(lambda each, _: each.judged("checks", MANY, NOW), range(12), one)
    entry = JournalEntry(id=1, step=BringUp.step, state=EntryState.DONE, actor=text, at=NOW, outcome=text)
    journal = tuple(but(entry, id=n, step=f"{n % 40}") for n in range(3_000))
    stored, journaled = written_release(Finished(one, journal))
    assert sum(len(each.encode()) for each in (stored, journaled)) <= LIMIT_BYTES
    assert len(JOURNAL.validate_json(journaled)) < len(journal), "or nothing was cut"
    again = json.loads(stored)
    kept = Kept(one.name, HISTORY, Release.model_validate_json(stored).chain, again)
    assert [each for each in verify([kept], most=50).broken if each.of == HISTORY] == []


def test_a_build_of_every_service_may_wait_beside_the_largest_of_everything() -> None:
    whole = weeks(LONG[0])
    waits = waiting(whole, LONG[0])
    refused = RefusedBuild(fact=LONG[0], at=NOW)
    asked = but(whole.question, look_first=(LONG[0],) * 5) if whole.question else None
    kept, text = written(but(whole, queued=waits, refused_build=refused, question=asked))
    assert len(text.encode()) <= LIMIT_BYTES
    assert {name: each.image for name, each in kept.queued.items()} == {n: e.image for n, e in waits.items()}


def said_often(release: Release | None, said: Decided) -> Release:
    """The release with as many decisions as are kept, each with all that one may have."""
    assert release
    return reduce(lambda each, _: each.decided(said), range(DECISIONS_KEPT), release)


@pytest.mark.parametrize("text", LONG[:4:3], ids=["letters", "as JSON"])
def test_the_longest_lists_of_ticks_and_approvers_stand_beside_the_largest_of_everything(text: str) -> None:
    whole, names = weeks(text), tuple(f"{n:02}".ljust(LONGEST_TICK_NAME, "t") for n in range(MOST_TICKS))
    logins = tuple(f"{n} {text}"[:200] for n in range(MOST_APPROVERS))
    members = {f"U{n}".ljust(31, "A"): login for n, login in enumerate(logins)}
    who = Identity(user=text, group=text, door=text, team=text)
    last = {"decision": "approve", "by": text, "via": text, "reason": text, "evidence": frozen(gates(text, 200))}
    said = Decided(kind="scale-down", at=NOW, identity=who, question=text, ticks=names, **last)
    assert whole.question
    assert whole.approval
    asked = but(
        whole.question,
        ticks=tuple(Tick(name=name, text=text[:LONGEST_TICK]) for name in names),
        who_may=WhoMay(users=logins, groups=logins, slack=members, slack_groups=("S" * 31,) * MOST_APPROVERS),
    )
    full = but(
        whole,
        question=asked,
        approval=but(whole.approval, ticks=names, identity=who),
        release=said_often(whole.release, said),
        last=said_often(whole.last, said),
        in_chat=(InChat(question=text, channel=text, message=text, text=text, said=text),) * MOST_KEPT,
        queued=waiting(whole, text),
    )
    now, stored = written(full)
    assert len(stored.encode()) <= LIMIT_BYTES
    assert lost(now, full) == []
    assert now.release
    assert now.release.decisions[-1].ticks == names
    assert verify([each for each in of_record(now) if each.name == now.release.name], most=0).broken == ()

"""A release's chain: whatever is changed, added or taken away later is named, the first of it first."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta
from functools import cache
from typing import Any

import pytest

from flipgate.core.record import approvals
from flipgate.core.record import record as records
from flipgate.core.record.chain import LINKS_KEPT, Chain, digest, hash_of
from flipgate.core.record.phases import TRANSITIONS, Phase, Reason
from flipgate.core.record.record import Decision, Record
from flipgate.core.record.release import DECISIONS_KEPT, PhaseChange, Release
from flipgate.core.record.verified import COPY, HISTORY, Broken, Kept, Verified, of_record, verify
from flipgate.core.values.base import but
from flipgate.core.values.verdicts import Evidence, Verdict
from tests.core.builders import BLUE, GREEN, NOW, approval, at, question, record, release

CHECKED = (Evidence("basket", Verdict.PASS, "web:80/basket", "green", "status 200", "status 200"),)
Stored = dict[str, Any]


def opened(now: Record, number: int) -> Record:
    change = PhaseChange(phase=Phase.DEPLOYING, reason=Reason.BUILD_ANNOUNCED, at=at(100 * number))
    made = release(id=f"{number:012x}", side=now.active.other, opened_by=f"ci {number}", changes=(change,))
    return records.open_release(now, made, at(100 * number))


def advanced(now: Record, phase: Phase, seconds: float, message: str = "") -> Record:
    reason = min(TRANSITIONS[now.phase][phase])
    return records.advance(now, phase, reason, at(seconds), actor="ci", message=message)


def decided(now: Record, seconds: float, decision: Decision = Decision.APPROVE) -> Record:
    name = records.need_release(now).name
    asked = question(id=f"flip-{name}-{seconds}", release=name, asked_at=at(seconds))
    said = approval(question=asked.id, decision=decision, by="ana", reason="looks good", at=at(seconds + 1))
    return approvals.answer(approvals.pose(now, asked), said)


def lived(now: Record, number: int, says: str = "then ") -> Record:
    """A release from its opening to its end, with one decision and what its checks said."""
    start = 100 * number
    now = records.judged(opened(now, number), "checks", CHECKED, at(start))
    now = decided(advanced(now, Phase.DARK, start + 1), start + 2)
    for n, phase in enumerate((Phase.FLIPPING, Phase.BAKING, Phase.LIVE, Phase.SETTLING, Phase.SETTLED), 5):
        now = advanced(now, phase, start + n, f"{says}{phase}")
    return now


def stored(one: Release, of: str) -> Kept:
    return Kept(one.name, of, one.chain, json.loads(one.model_dump_json(by_alias=True)), one.since)


@cache
def three() -> tuple[tuple[Kept, ...], Record]:
    """Three releases that ended, and a fourth that a person has said yes to."""
    now, kept = record(), []
    for number in (1, 2, 3):
        now = lived(now, number)
        assert now.last
        kept += [stored(now.last, COPY), stored(now.last, HISTORY)]
    return tuple(kept), decided(advanced(opened(now, 4), Phase.DARK, 401), 402)


def judged(kept: Iterable[Kept], now: Record | None = None, most: int = 50) -> Verified:
    return verify([*kept, *of_record(now or three()[1])], most)


def changed(number: int, of: str, change: Callable[[Stored], object]) -> list[Kept]:
    """What is kept, with this change to what one object has of one release; its chain is read out of that, too."""
    out = []
    for each in three()[0]:
        raw = copy.deepcopy(dict(each.stored))
        if (each.name, each.of) == (f"{number:012x}-1", of):
            change(raw)
        out.append(replace(each, chain=Chain.model_validate(raw["chain"]) if raw.get("chain") else None, stored=raw))
    return out


def set_to(path: str, value: Any) -> Callable[[Stored], object]:
    """`decisions.0.by`: one value changed."""
    *way, last = (int(word) if word.isdecimal() else word for word in path.split("."))

    def change(raw: Any) -> None:
        for word in way:
            raw = raw[word]
        raw[last] = value

    return change


def first(found: Verified) -> Broken:
    assert found.broken, "it was not noticed"
    return found.broken[0]


def test_what_was_written_is_right_and_each_release_continues_the_one_before() -> None:
    kept, now = three()
    found = judged(kept)
    assert found.broken == ()
    assert found.notes == ()
    assert [each.name[-3:] for each in found.releases] == ["1-1", "2-1", "3-1", "4-1"]
    assert now.release
    assert found.head == now.release.head
    assert found.links == 3 * 9 + 4, "what each was opened with, its phases, its decision"
    chains = [each.chain for each in found.releases if each.chain]
    assert [each.before for each in chains] == ["", *(each.head for each in chains[:-1])]


@pytest.mark.parametrize("of", [COPY, HISTORY])
@pytest.mark.parametrize(
    ("path", "value", "what"),
    [
        ("decisions.0.by", "mallory", "decision approve"),
        ("decisions.0.at", "2026-03-01T12:00:00Z", "decision approve"),
        ("decisions.0.evidence", [{"gate": "a", "verdict": "pass", "detail": ""}], "decision approve"),
        ("decisions.0.authority", "self-declared", "decision approve"),
        ("changes.3.message", "then, so they say, baking", "phase baking"),
        ("changes.6.reason", "SettleApproved", "phase settled"),
        ("images.web", "evil/web:1", "what it was opened with"),
        ("openedBy", "nobody", "what it was opened with"),
        ("chain.links.5.at", "2026-03-01T12:00:00Z", "phase baking"),
    ],
)
def test_a_changed_word_is_named_with_its_release_its_link_and_its_time(
    of: str, path: str, value: Any, what: str
) -> None:
    found = first(judged(changed(2, of, set_to(path, value))))
    assert (found.release, found.what) == (f"{2:012x}-1", what)
    assert found.at.startswith("2026-03-01 12:0")
    assert found.expected != found.found


def test_what_stands_there_and_what_was_written_are_said_where_another_object_has_it() -> None:
    found = first(judged(changed(1, HISTORY, set_to("decisions.0.by", "mallory"))))
    assert str(found) == (
        "release 000000000001-1, decision approve of 2026-03-01 12:01:43 UTC (history): is not as it was written; "
        "expected by 'ana', found by 'mallory'"
    )


def test_long_values_are_shown_where_they_differ() -> None:
    now = lived(record(), 1, says="looked at by each of the team, twice, in the morning, and in the evening; then ")
    assert now.last
    raw = json.loads(now.last.model_dump_json(by_alias=True))
    raw["changes"][4]["message"] += ", they say"
    found = first(judged([stored(now.last, COPY), replace(stored(now.last, HISTORY), stored=raw)], now))
    assert (found.expected, found.found) == (
        "message …e evening; then live'",
        "message …e evening; then live, they say'",
    )


@pytest.mark.parametrize("of", [COPY, HISTORY])
@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda raw: raw["decisions"].clear(), "decision approve"),
        (lambda raw: raw["changes"].pop(2), "phase flipping"),
        (lambda raw: raw["chain"]["links"].pop(4), "phase baking"),
        (lambda raw: raw["chain"]["links"].pop(), "phase settled"),
        (lambda raw: raw["decisions"].append(raw["decisions"][0]), ""),
        (lambda raw: raw["chain"].update(leftOut=2, links=raw["chain"]["links"][2:]), None),
        (lambda raw: raw["chain"].update(before="0" * 64), "what it was opened with"),
    ],
)
def test_what_is_taken_away_or_put_in_is_missed(of: str, change: Callable[[Stored], object], what: str | None) -> None:
    found = first(judged(changed(2, of, change)))
    assert found.release == f"{2:012x}-1"
    assert what is None or found.what == what


def forged(raw: Stored) -> None:
    """Changes a decision, and makes each hash after it anew, as whoever knows how it is made can."""
    raw["decisions"][0]["by"] = "mallory"
    chain = Chain.model_validate(raw["chain"])
    made = Chain(before=chain.before)
    for link in chain.links:
        content = digest(raw["decisions"][0]) if link.of == "decision" else link.content
        fresh = but(link, content=content)
        made = but(made, links=(*made.links, but(fresh, hash=hash_of(made.head, fresh))))
    raw["chain"] = made.model_dump(mode="json", by_alias=True)


def test_a_release_whose_hashes_were_made_anew_is_not_the_one_that_the_next_continues() -> None:
    kept = changed(2, HISTORY, forged)
    forged_copy = {(each.name, each.of): each for each in changed(2, COPY, forged)}
    both = [forged_copy[each.name, each.of] if each.of == COPY else each for each in kept]
    found = judged(both)
    assert [(each.release, each.found) for each in found.broken] == [(f"{3:012x}-1", three()[0][2].chain.head)]  # type: ignore[union-attr]
    assert "000000000002-1 was changed, or one after it is gone" in found.broken[0].fact
    assert first(judged(kept)).release == f"{2:012x}-1", "one object alone is held against the other"


def without(number: int, *of: str) -> list[Kept]:
    return [each for each in three()[0] if each.name != f"{number:012x}-1" or each.of not in of]


def test_a_release_that_is_gone_is_missed_by_the_next_one() -> None:
    for number, named in ((1, 2), (2, 3), (3, None)):
        found = judged(without(number, COPY, HISTORY))
        if named is None:  # the record has it still
            assert found.broken == ()
            assert found.notes == (
                "000000000003-1 has ended, and stands in the record alone: its copy comes with the next release",
            )
            continue
        assert (first(found).release, first(found).expected) == (
            f"{named:012x}-1",
            "none" if number == 1 else three()[0][0].chain.head,  # type: ignore[union-attr]
        )


def test_a_copy_that_is_gone_is_not_said_to_come_with_the_next_release() -> None:
    found = judged(without(3, COPY))
    assert (first(found).release, first(found).fact.partition(":")[0]) == (f"{3:012x}-1", "is gone")
    assert found.notes == ()


@pytest.mark.parametrize("of", [COPY, HISTORY])
def test_one_of_the_two_that_is_gone_is_missed(of: str) -> None:
    found = first(judged(without(2, of)))
    assert (found.release, found.of) == (f"{2:012x}-1", of)


def test_the_oldest_that_were_let_go_are_not_missed() -> None:
    found = judged(without(1, COPY, HISTORY), most=2)
    assert found.broken == ()
    assert found.releases[0].chain
    assert found.releases[0].chain.before == three()[0][0].chain.head  # type: ignore[union-attr]
    cut_short = [each for each in three()[0] if (each.name, each.of) != (f"{1:012x}-1", COPY)]
    assert judged(cut_short, most=2).broken == (), "letting it go was interrupted between the two"


def test_releases_of_before_there_were_chains_are_counted_and_one_that_lost_its_chain_is_named() -> None:
    old = [stored(release(Phase.DEPLOYING, Phase.SUPERSEDED, id=f"{n}ld"), HISTORY) for n in range(2)]
    found = judged([*old, *three()[0]])
    assert (found.broken, found.without) == ((), 2)
    found = judged([each for each in changed(2, HISTORY, lambda raw: raw.pop("chain")) if each.of == HISTORY])
    assert any("has no links, though a release before it has" in each.fact for each in found.broken)
    nothing = verify(old, 50)
    assert (nothing.links, nothing.head, nothing.without) == (0, "", 2)


def test_a_release_of_before_that_a_machine_whose_clock_is_ahead_opened_is_counted_as_one_of_before() -> None:
    one = but(
        release(id="0" * 12, side=GREEN),
        changes=(PhaseChange(phase=Phase.SETTLED, reason=Reason.OLD_SIDE_AT_REST, at=at(150)),),
    )
    before = replace(stored(one, HISTORY), made=at(90))
    found = judged([*three()[0], before])
    assert (found.without, found.broken) == (1, ())
    assert judged([*three()[0], replace(before, made=at(250))]).broken


def test_a_record_that_was_made_anew_is_noticed() -> None:
    found = first(judged(three()[0], opened(record(), 9)))
    assert (found.release, found.fact.partition(":")[0]) == (f"{9:012x}-1", "begins a chain of its own")


def test_a_hash_that_somebody_kept_is_found_as_long_as_its_link_is_what_it_was() -> None:
    kept, _ = three()
    assert kept[2].chain
    head = kept[2].chain.head
    found = judged(kept).link_of(head[:20])
    assert found
    assert (found[0].name, found[1].what) == (f"{2:012x}-1", "settled")
    assert judged(changed(2, COPY, forged)).link_of(head) is None


def test_clocks_that_differ_do_not_break_a_chain() -> None:
    now = records.settled(lived(record(), 5))
    late = now.last
    assert late
    now = advanced(opened(now, 4), Phase.SUPERSEDED, 401)
    assert now.last
    found = verify([stored(one, of) for one in (late, now.last) for of in (COPY, HISTORY)], 50)
    assert (found.broken, [each.name[11] for each in found.releases]) == ((), ["5", "4"])


def test_a_release_that_is_asked_about_for_weeks_keeps_its_newest_links_and_is_right() -> None:
    now = advanced(opened(record(), 1), Phase.DARK, 101)
    for n in range(LINKS_KEPT + 5):
        now = approvals.withdraw(decided(now, 110 + n, Decision.REJECT))
        assert now.release
        assert now.release.chain
        assert verify(of_record(now), 50).broken == (), n
    assert len(now.release.decisions) == DECISIONS_KEPT
    assert (len(now.release.chain.links), now.release.chain.left_out) == (LINKS_KEPT, 8)
    (note,) = verify(of_record(now), 50).notes
    assert "has let its 8 oldest links go" in note
    short = but(now.release, decisions=now.release.decisions[1:])
    assert verify(of_record(but(now, release=short)), 50).broken, "the newest decisions have to be there"


def test_a_copy_that_was_made_long_after_the_end_is_named() -> None:
    kept = [replace(each, made=each.made + timedelta(days=3)) if each.made else each for each in three()[0]]
    found = judged(kept)
    assert found.broken == ()
    assert [note.partition(" was made")[0] for note in found.notes] == [f"the copy of {n:012x}-1" for n in (1, 2, 3)]


def test_a_release_of_before_there_were_chains_gets_none_in_its_midst() -> None:
    now = advanced(record(release=release(side=GREEN), active=BLUE), Phase.DARK, 5)
    assert now.release
    assert now.release.chain is None
    assert "chain" not in now.model_dump_json()
    assert at(0) == NOW

"""The phase table: what leads where, for which reason, and what never can."""

from __future__ import annotations

import ast
import itertools

import pytest

from flipgate.core.record.phases import (
    AFTER_TRAFFIC,
    ASKED_IN,
    BEFORE_TRAFFIC,
    MOVING,
    ROWS,
    TERMINAL,
    TRANSITIONS,
    WITH_WAY_BACK,
    Build,
    Left,
    Phase,
    QuestionKind,
    Reason,
    Rollback,
    Users,
    asked_in,
    where,
    works_in,
)
from flipgate.core.record.phases_page import render_phases
from flipgate.core.record.release import BAKE, PREFLIGHT, phase_seconds, release_id
from flipgate.core.values.errors import Refused
from flipgate.core.values.verdicts import Evidence, Verdict
from tests.core import source
from tests.core.builders import at, release

pytestmark = source.IN_ONE_PROCESS

LEADS_TO = {
    Phase.DEPLOYING: {Phase.DARK, Phase.FAILED, Phase.ABORTED, Phase.SUPERSEDED},
    Phase.DARK: {Phase.FLIPPING, Phase.REJECTED, Phase.EXPIRED, Phase.ABORTED, Phase.SUPERSEDED},
    Phase.FLIPPING: {Phase.BAKING, Phase.ROLLING_BACK, Phase.DARK},
    Phase.BAKING: {Phase.LIVE, Phase.ROLLING_BACK},
    Phase.LIVE: {Phase.SETTLING, Phase.ROLLING_BACK},
    Phase.SETTLING: {Phase.SETTLED, Phase.ROLLING_BACK},
    Phase.ROLLING_BACK: {Phase.ROLLED_BACK},
}
"""The design's table, written a second time on purpose: a change of the one needs a change of the other."""

EVERY_STEP = list(itertools.product(Phase, Phase, Reason))
ALLOWED = {(old, new, why) for old, news in TRANSITIONS.items() for new, whys in news.items() for why in whys}


def reachable(start: Phase) -> set[Phase]:
    seen, todo = set(), [start]
    while todo:
        for phase in TRANSITIONS.get(todo.pop(), {}):
            if phase not in seen:
                seen.add(phase)
                todo.append(phase)
    return seen


def test_each_phase_leads_where_the_design_says() -> None:
    assert {phase: set(following) for phase, following in TRANSITIONS.items()} == LEADS_TO


def test_every_step_has_a_reason() -> None:
    assert all(reasons for following in TRANSITIONS.values() for reasons in following.values())


def test_a_release_ends_where_the_table_ends() -> None:
    assert set(Phase) - set(TRANSITIONS) == TERMINAL


def test_before_after_and_ended_are_all_phases_and_no_phase_twice() -> None:
    assert set(Phase) == BEFORE_TRAFFIC | AFTER_TRAFFIC | TERMINAL
    assert len(BEFORE_TRAFFIC) + len(AFTER_TRAFFIC) + len(TERMINAL) == len(Phase)
    assert MOVING < AFTER_TRAFFIC


def test_only_a_dark_release_starts_to_flip_and_only_on_approval() -> None:
    into = {(old, why) for old, new, why in ALLOWED if new is Phase.FLIPPING}
    assert into == {(Phase.DARK, Reason.APPROVED)}


@pytest.mark.parametrize("phase", sorted(AFTER_TRAFFIC - {Phase.ROLLING_BACK}))
def test_users_can_be_taken_back_from_every_phase_after_the_move(phase: Phase) -> None:
    assert Reason.ROLLBACK_REQUESTED in TRANSITIONS[phase][Phase.ROLLING_BACK]


@pytest.mark.parametrize("phase", sorted(BEFORE_TRAFFIC))
def test_a_release_that_users_have_not_seen_can_be_aborted_and_superseded(phase: Phase) -> None:
    assert Reason.DEPLOY_ABORTED in TRANSITIONS[phase][Phase.ABORTED]
    assert Reason.NEWER_BUILD in TRANSITIONS[phase][Phase.SUPERSEDED]


@pytest.mark.parametrize("phase", sorted(AFTER_TRAFFIC - {Phase.FLIPPING}))
def test_once_patched_a_release_ends_settled_or_rolled_back_never_failed(phase: Phase) -> None:
    assert reachable(phase) & TERMINAL <= {Phase.SETTLED, Phase.ROLLED_BACK}


def test_flipping_goes_back_to_dark_only_when_the_move_was_undone() -> None:
    assert TRANSITIONS[Phase.FLIPPING][Phase.DARK] == {Reason.MOVE_UNDONE}


@pytest.mark.parametrize("phase", sorted(set(Phase) - TERMINAL))
def test_every_open_phase_can_end(phase: Phase) -> None:
    assert reachable(phase) & TERMINAL


def test_all_steps_but_the_tables_are_refused_with_both_phases_in_the_message() -> None:
    releases = {phase: release(phase) for phase in Phase}
    for old, new, why in EVERY_STEP:
        one = releases[old]
        if (old, new, why) in ALLOWED:
            assert one.advanced(new, why, at(5)).phase is new
            continue
        with pytest.raises(Refused) as refused:
            one.advanced(new, why, at(5))
        assert refused.value.reason == "NoSuchTransition"
        assert f"`{old}`" in str(refused.value)
        assert f"`{new}`" in str(refused.value)


def test_advancing_remembers_when_and_why_and_leaves_the_release_before_it_alone() -> None:
    before = release(Phase.DEPLOYING)
    after = before.advanced(Phase.DARK, Reason.CHECKS_PASSED, at(9), "3 of 3")
    assert (before.phase, after.phase, after.since) == (Phase.DEPLOYING, Phase.DARK, at(9))
    assert (after.changes[-1].reason, after.changes[-1].message) == (Reason.CHECKS_PASSED, "3 of 3")
    assert after.changes[:-1] == before.changes


def test_the_committed_page_is_drawn_from_the_table() -> None:
    page = (source.ROOT / "docs/phases.md").read_text()
    assert page == render_phases(), "run: python -m flipgate.core.record.phases_page > docs/phases.md"


def test_each_phase_has_a_row_and_only_the_table_names_several_together() -> None:
    assert set(ROWS) == set(Phase)
    others = [each for each in source.files() if each.name != "phases.py" and "Phase." in source.text(each)]
    assert [source.shown(each) for each in others if any(map(_phases_in, source.nodes(each)))] == []


def _phases_in(node: ast.AST) -> bool:
    parts = node.keys if isinstance(node, ast.Dict) else node.elts if isinstance(node, SEQUENCES) else []
    return sum(ast.unparse(part).startswith("Phase.") for part in parts if part) > 1


SEQUENCES = (ast.Set, ast.Tuple, ast.List)


@pytest.mark.parametrize("phase", Phase)
def test_what_a_row_says_of_users_fits_builds_and_rollbacks(phase: Phase) -> None:
    row = phase.row
    builds = {
        Users.NOTHING: Build.SUPERSEDES,
        Users.MOVING: Build.WAITS,
        Users.ON_IT: Build.WAITS,
        Users.OVER: Build.OPENS,
    }
    assert row.build is builds[row.users]
    assert (row.rollback is Rollback.ABORTS) is (phase in BEFORE_TRAFFIC)
    assert (row.rollback is Rollback.REFUSED) is (phase in TERMINAL)
    assert (row.pipeline == "") is (phase in TERMINAL)


def test_what_hangs_on_phases_is_as_it_was_before_there_was_one_table() -> None:
    """Each set as it was written down where it was used."""
    assert {Phase.FLIPPING, Phase.ROLLING_BACK} == MOVING
    assert {Phase.BAKING, Phase.LIVE, Phase.SETTLING} == WITH_WAY_BACK
    assert where(lambda row: row.left is Left.KEPT) == {Phase.FLIPPING, Phase.BAKING, Phase.LIVE}
    assert where(lambda row: row.half_way) == {Phase.FLIPPING, Phase.BAKING, Phase.ROLLING_BACK}
    assert where(lambda row: row.by_rollback) == {Phase.ROLLING_BACK, Phase.ROLLED_BACK, Phase.ABORTED}
    assert where(lambda row: row.says_who) == {Phase.ROLLING_BACK, Phase.ABORTED}
    assert where(lambda row: row.kept) == TERMINAL - {Phase.SETTLED}
    assert where(lambda row: row.stays_open) == {Phase.ROLLED_BACK}
    assert where(lambda row: row.asks) == {Phase.DARK, Phase.LIVE}
    assert where(lambda row: row.rollback is Rollback.MOVES) == AFTER_TRAFFIC - {Phase.ROLLING_BACK}
    assert works_in("deploy-dark") == {Phase.DEPLOYING}
    assert works_in("flip-traffic") == {Phase.DARK, Phase.FLIPPING, Phase.BAKING}
    assert works_in("scale-down") == {Phase.LIVE, Phase.SETTLING}
    assert works_in("roll-back") == {Phase.ROLLING_BACK}
    assert ASKED_IN[QuestionKind.FLIP] == {Phase.DARK, Phase.FLIPPING}
    assert ASKED_IN[QuestionKind.SCALE_DOWN] == {Phase.LIVE, Phase.SETTLING}
    assert (asked_in(QuestionKind.FLIP), asked_in(QuestionKind.SCALE_DOWN)) == (Phase.DARK, Phase.LIVE)


def test_words_that_scripts_rely_on_are_upper_camel_case() -> None:
    assert all(reason.value.isalpha() and reason.value[0].isupper() for reason in Reason)
    assert [reason.name for reason in Reason] == ["".join(_snake(reason.value)) for reason in Reason]


def _snake(word: str) -> list[str]:
    return [f"_{letter}" if letter.isupper() and index else letter.upper() for index, letter in enumerate(word)]


CONTENT = {"services": {"web": {"image": "acme/web:2"}}, "configuration": {"settings": {"LEVEL": "info"}}}


def test_an_id_is_twelve_hex_digits_and_the_same_each_time() -> None:
    assert release_id(CONTENT) == release_id(CONTENT)
    assert len(release_id(CONTENT)) == 12
    assert int(release_id(CONTENT), 16) >= 0


def test_an_id_does_not_depend_on_the_order_of_keys_but_on_that_of_lists() -> None:
    assert release_id({"a": {"x": 1, "y": 2}, "b": 3}) == release_id({"b": 3, "a": {"y": 2, "x": 1}})
    assert release_id({"a": [1, 2]}) != release_id({"a": [2, 1]})


def test_an_attempt_has_its_own_name() -> None:
    assert release(attempt=2).name == "3f2a9c01d4e8-2"


def test_phases_last_until_the_next_and_the_present_one_until_now() -> None:
    one = release(Phase.DEPLOYING, Phase.DARK, Phase.FLIPPING)
    assert phase_seconds(one, at(12)) == {"deploying": 1.0, "dark": 1.0, "flipping": 10.0}


def test_a_phase_entered_twice_is_added_up_and_an_ended_release_stops_counting() -> None:
    twice = release(Phase.DARK, Phase.FLIPPING, Phase.DARK)
    assert phase_seconds(twice, at(5)) == {"dark": 4.0, "flipping": 1.0}
    ended = release(Phase.DARK, Phase.REJECTED)
    assert phase_seconds(ended, at(1000)) == {"dark": 1.0, "rejected": 0.0}


def test_of_the_preflight_the_newest_alone_is_kept_and_of_a_bake_each() -> None:
    def row(answer: str) -> list[Evidence]:
        return [Evidence("room", Verdict.PASS, "room", "Kubernetes", answer, "")]

    said = release()
    for seconds, step in enumerate((PREFLIGHT, BAKE, PREFLIGHT, BAKE)):
        said = said.judged(step, row(f"at {seconds}"), at(seconds))
    assert [(each.step, each.proofs[0].detail) for each in said.judgements] == [
        (BAKE, "at 1"),
        (PREFLIGHT, "at 2"),
        (BAKE, "at 3"),
    ]

"""The last word of a run that finds its release ended, or in another's hands."""

from __future__ import annotations

import pytest

from flipgate.core.record import record as records
from flipgate.core.record.became import became
from flipgate.core.record.phases import TRANSITIONS, Phase, Reason
from flipgate.core.record.record import Record
from tests.core.builders import GREEN, LIVE, at, record, release

NAME = release().name


def on(record: Record, *steps: tuple[Phase, Reason, str], actor: str = "flip shop (ci@vm/7)") -> Record:
    for second, (phase, reason, message) in enumerate(steps, 60):
        record = records.advance(record, phase, reason, at(second), actor=actor, message=message)
    return record


BACK = (
    (Phase.ROLLING_BACK, Reason.ROLLBACK_REQUESTED, "ana: checkout is slow"),
    (Phase.ROLLED_BACK, Reason.TRAFFIC_RESTORED, "ana: checkout is slow (first answer after 3 ms)"),
)


def test_a_rollback_is_told_with_who_and_why_while_it_goes_on_after_it_and_when_the_next_release_is_open() -> None:
    live = record(active=GREEN, release=release(*LIVE))
    asked = "(RollbackRequested) {} 2026-03-01 12:01:0{} UTC by ana: checkout is slow"
    assert became(on(live, BACK[0]), NAME) == f"is being rolled back {asked.format('since', 0)}"
    back = on(live, *BACK)
    assert became(back, NAME) == f"was rolled back {asked.format('at', 1)}"
    next_one = records.open_release(back, release(attempt=2), at(90))
    assert became(next_one, NAME) == f"was rolled back {asked.format('at', 1)}"
    assert became(records.settled(back), NAME) == became(back, NAME)


@pytest.mark.parametrize(
    ("phases", "step", "said"),
    [
        ((), (Phase.ABORTED, Reason.DEPLOY_ABORTED, "ana: not today"), "was aborted (DeployAborted) at {} by ana: not"),
        ((), (Phase.SUPERSEDED, Reason.NEWER_BUILD, "f00 is newer"), "was superseded (NewerBuild) at {} by flip shop"),
        ((Phase.DARK,), (Phase.REJECTED, Reason.REJECTED, "ben said no"), "was rejected (Rejected) at {} by flip shop"),
        (LIVE[1:4], (Phase.LIVE, Reason.BAKE_PASSED, "it soaks"), "is `live` (BakePassed) since {} by flip shop (ci@"),
    ],
)
def test_other_ends_are_told_with_reason_time_actor_and_message(
    phases: tuple[Phase, ...], step: tuple[Phase, Reason, str], said: str
) -> None:
    told = became(on(record(release=release(Phase.DEPLOYING, *phases)), step), NAME)
    assert told.startswith(said.format("2026-03-01 12:01:00 UTC"))
    assert told.endswith(step[2])


def test_every_phase_has_a_word_and_one_that_is_forgotten_names_the_history() -> None:
    for phase, leads in TRANSITIONS.items():
        for after, reasons in leads.items():
            told = became(record(release=release(phase).advanced(after, min(reasons), at(60), "so")), NAME)
            assert "2026-03-01 12:01:00 UTC" in told
            assert after is Phase.ROLLED_BACK or str(min(reasons)) in told
    assert became(record(), "f00-1") == "is not the open release: flipgate history shop f00-1 tells what became of it"

"""Who sends users back last: a rollback that hung does not take back what another one has done meanwhile."""

from __future__ import annotations

import pytest

from flipgate.core.record import record as records
from flipgate.core.record.intent import Intent
from flipgate.core.record.intents import (
    Move,
    Rest,
)
from flipgate.core.record.record import EntryState, Record
from flipgate.core.way_back.going_back import sent_elsewhere
from tests.core.builders import BLUE, GREEN, at, record


def after(seen: Record, actor: str, intent: Intent, state: EntryState = EntryState.DONE) -> Record:
    begun, entry = records.begin(seen, intent.step, actor, at(), intent.written())
    return begun if state is EntryState.BEGUN else records.end(begun, entry.id, state, at(5), "")


SEEN = after(record(), "ben", Move(GREEN, back=True))
"""What the rollback to blue looked at: that it came after is a person's will."""
MINE = Move(BLUE, back=True)


def test_another_s_way_back_to_the_other_side_is_the_later_word() -> None:
    now = after(after(SEEN, "ana", MINE, EntryState.UNDONE), "ben", Move(GREEN, back=True))
    entry = sent_elsewhere(SEEN, now, BLUE, "ana")
    assert entry is not None
    assert (entry.actor, entry.ended) == ("ben", at(5))


@pytest.mark.parametrize(
    "now",
    [
        SEEN,
        after(SEEN, "ben", Move(BLUE, back=True)),
        after(SEEN, "ben", Move(GREEN)),
        after(SEEN, "ben", Move(GREEN, back=True), EntryState.UNDONE),
        after(SEEN, "ben", Move(GREEN, back=True), EntryState.BEGUN),
        after(SEEN, "ana", Move(GREEN, back=True)),
        after(after(SEEN, "ben", Move(GREEN, back=True)), "cleo", Move(BLUE, back=True)),
        after(SEEN, "ben", Rest(GREEN, {})),
    ],
    ids=["none", "same side", "forward", "undone", "open", "own", "sent back since", "no move"],
)
def test_nothing_else_holds_a_rollback_back(now: Record) -> None:
    assert sent_elsewhere(SEEN, now, BLUE, "ana") is None

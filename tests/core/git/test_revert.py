"""Of which release the commit is taken back, and what people are told of it."""

from __future__ import annotations

import pytest

from flipgate.core.git import revert
from flipgate.core.record.intents import RevertImages
from flipgate.core.record.phases import Phase
from flipgate.core.record.record import EntryState, Record, begin, end
from flipgate.core.record.release import Commit
from flipgate.core.values.base import but
from flipgate.core.values.reasons import Why
from tests.core.builders import DARK, LIVE, NOW, record, release

COMMITTED = (Commit(what="deploy", commit="a" * 40, at=NOW),)


def ended(*phases: Phase) -> Record:
    return record(last=release(*phases, commits=COMMITTED))


@pytest.mark.parametrize(
    ("phases", "taken"),
    [
        ((Phase.DEPLOYING, Phase.FAILED), True),
        ((Phase.DEPLOYING, Phase.ABORTED), True),
        ((*DARK, Phase.REJECTED), True),
        ((*DARK, Phase.EXPIRED), True),
        ((Phase.DEPLOYING, Phase.SUPERSEDED), True),
        ((*LIVE, Phase.SETTLING, Phase.SETTLED), False),
        ((*LIVE, Phase.ROLLING_BACK, Phase.ROLLED_BACK), False),
    ],
    ids=lambda value: str(value[-1]) if isinstance(value, tuple) else "",
)
def test_users_have_not_seen_it(phases: tuple[Phase, ...], taken: bool) -> None:
    assert (revert.to_take_back(ended(*phases)) is not None) == taken


def test_what_was_not_committed_is_not_taken_back_nor_while_another_release_is_under_way() -> None:
    assert revert.to_take_back(record(last=release(Phase.DEPLOYING, Phase.FAILED))) is None
    newer = but(ended(Phase.DEPLOYING, Phase.FAILED), release=release())
    assert revert.to_take_back(newer) is None


def test_it_is_done_once_also_where_the_commit_was_left() -> None:
    failed = ended(Phase.DEPLOYING, Phase.FAILED)
    found = revert.to_take_back(failed)
    assert found is not None
    meant = RevertImages(found.side, found.name)
    begun, entry = begin(failed, meant.step, "reconcile", NOW, meant.written())
    undone = end(begun, entry.id, EntryState.UNDONE, NOW, "the server was away")
    assert revert.to_take_back(undone) == found
    done = end(begun, entry.id, EntryState.DONE, NOW, "left")
    assert revert.to_take_back(done) is None


def test_both_ends_are_told_and_the_commit_is_kept_with_the_release() -> None:
    failed = but(ended(Phase.DEPLOYING, Phase.FAILED), outbox=())
    assert failed.last is not None
    back = revert.taken_back(failed, failed.last, "b" * 40, NOW)
    assert back.last is not None
    assert [(each.what, each.commit[0]) for each in back.last.commits] == [("deploy", "a"), ("revert", "b")]
    assert [each.reason for each in back.outbox] == [Why.COMMIT_TAKEN_BACK]
    left = revert.left(failed, failed.last, "somebody has changed it", NOW)
    assert [each.reason for each in left.outbox] == [Why.COMMIT_LEFT]
    assert left.last == failed.last


def test_a_commit_of_a_release_that_users_had_is_not_the_failed_ones() -> None:
    """An old build that is deployed again finds its overlay as it left it, and needs no commit of its own."""
    failed, live = release(Phase.DEPLOYING, Phase.FAILED, commits=COMMITTED), release(*LIVE, commits=COMMITTED)
    assert revert.users_had([failed], "a" * 40) == ""
    assert revert.users_had([failed, live], "a" * 40) == live.name
    assert revert.users_had([live], "b" * 40) == ""

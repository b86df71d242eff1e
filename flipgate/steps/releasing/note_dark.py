"""Notes that a release is dark: up, Ready, checked, and its side stamped whole for the move that comes next."""

from __future__ import annotations

from datetime import datetime

from flipgate.core.gates.suite import what_passed
from flipgate.core.record import record as records
from flipgate.core.record.phases import Phase, Reason, Users
from flipgate.core.record.release import CHECKS, Release
from flipgate.core.values.base import but
from flipgate.core.values.verdicts import Evidence
from flipgate.steps.acting.acting import Acting
from flipgate.steps.acting.outbox import advance, need_open
from flipgate.steps.looking.look import look_at_side
from flipgate.steps.moving.stamp import stamp


def note_dark(acting: Acting, release: Release, evidence: list[Evidence]) -> Release:
    """`deploying` to `dark`: up, Ready and checked. Doing it again is fine.

    Its side is stamped whole first, after all else that this epoch writes there, and that is noted: so that who moves
    users next, with nobody between, need not stamp it while they wait (docs/decisions/0011-late-writes.md). Raises
    LostLease where a later epoch stands.
    """
    world = acting.world
    opened = need_open(world.store.read(), release.name)
    if opened.phase.row.users is Users.NOTHING:
        acting.confirm_lease()  # who slept since the last step may find users there
        stamp(acting, look_at_side(world, release.side))
    now = world.now()
    if opened.phase is Phase.DARK:
        return need_open(world.store.update(lambda r: _taken(r, release.name, acting.epoch)), release.name)
    record = advance(
        world,
        release.name,
        Phase.DARK,
        Reason.CHECKS_PASSED,
        f"{sum(release.wanted.values())} pods Ready, {what_passed(evidence)}; users see nothing of it",
        also=lambda r: records.judged(_taken(_up(r, now), release.name, acting.epoch), CHECKS, evidence, now),
    )
    return record.release or release


def _taken(record: records.Record, name: str, epoch: int) -> records.Record:
    need_open(record, name)
    return records.update_release(record, lambda release: but(release, taken_in=epoch))


def _up(record: records.Record, now: datetime) -> records.Record:
    """How long the side took from `deploying` until here: what a slow way back may take, too."""
    release = records.need_release(record)
    occupant = record.sides.get(release.side)
    began = [change.at for change in release.changes if change.phase is Phase.DEPLOYING]
    if occupant is None or occupant.release != release.name or not began:
        return record
    up = but(occupant, up_seconds=round((now - began[-1]).total_seconds(), 3))
    return records.occupied(record, release.side, up)

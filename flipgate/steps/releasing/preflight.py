"""The preflight of a release: all readers, before any hook runs and anything is written on its side; then what the file
has copied there."""

from __future__ import annotations

from flipgate.core.record import record as records
from flipgate.core.record.phases import Phase
from flipgate.core.record.release import PREFLIGHT, Release
from flipgate.core.values.verdicts import Evidence
from flipgate.steps.acting.acting import Acting
from flipgate.steps.acting.outbox import need_open
from flipgate.steps.looking.look import look, need_its_side, need_record
from flipgate.steps.looking.preflight import need_preflight
from flipgate.steps.moving.copy_objects import copy_objects


def preflight(acting: Acting, release: Release) -> list[Evidence]:
    """Asks all readers, notes what they said with the release, and then copies what the file declares. A release that
    is up already is asked nothing.

    Raises Refused (PreflightFailed) where any row fails or is unknown, with all of them: nothing was written by then.
    """
    world = acting.world
    view = look(world)
    open_release = need_open(need_record(world, view), release.name)
    if open_release.phase is not Phase.DEPLOYING:
        return []
    dark = need_its_side(world, view, release)
    evidence = need_preflight(world, view, open_release)
    now = world.now()
    if evidence and not any(each.step == PREFLIGHT for each in open_release.judgements):
        world.store.update(lambda record: records.judged(record, PREFLIGHT, evidence, now))
    copy_objects(acting, view, dark)
    return evidence

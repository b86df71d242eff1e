"""The preflight of a release: all readers, before any hook runs and anything is written on its side; then what the file
has copied there."""

from __future__ import annotations

from flipgate.core.record import record as records
from flipgate.core.record.phases import Phase
from flipgate.core.record.release import PREFLIGHT, Release
from flipgate.core.values.errors import about
from flipgate.core.values.verdicts import Evidence
from flipgate.steps.acting.acting import Acting
from flipgate.steps.acting.outbox import need_open
from flipgate.steps.looking.look import look, need_its_side, need_record
from flipgate.steps.looking.preflight import need_preflight
from flipgate.steps.moving.copy_objects import copy_objects
from flipgate.steps.releasing.pre_pull import need_pulled
from flipgate.steps.releasing.reach import need_endpoints
from flipgate.steps.releasing.what_runs import deploy_again


def preflight(acting: Acting, release: Release) -> list[Evidence]:
    """Asks all readers, copies what the file declares, has Jobs ask endpoints and pull images, and notes what all said
    with the release. One that is up already is asked nothing.

    Raises Refused (PreflightFailed) where any row fails or is unknown, with all of them: no workload was written by
    then.
    """
    world = acting.world
    view = look(world)
    open_release = need_open(need_record(world, view), release.name)
    if open_release.phase is not Phase.DEPLOYING:
        return []
    dark = need_its_side(world, view, release)
    evidence = need_preflight(world, view, open_release)
    copied = copy_objects(acting, view, dark)  # what changes something comes after all that only look
    untouched = f"both sides{f', but for {copied}, copied to {dark.side}' if copied else ''}"
    with about(untouched=untouched, next_command=deploy_again(world, open_release)):  # `check` asks none of these
        evidence += need_endpoints(acting, open_release, evidence)
        evidence += need_pulled(acting, open_release, view, evidence)
    now = world.now()
    if evidence:
        world.store.update(lambda record: records.judged(record, PREFLIGHT, evidence, now))
    return evidence

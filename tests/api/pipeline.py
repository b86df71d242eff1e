"""A process that dies on the way: `python -m tests.api.pipeline KUBECONFIG NAMESPACE APPLICATION STEP`.

It acts as the runs of a pipeline do, and is killed where tests/dying.py says.
"""

from __future__ import annotations

import sys

from flipgate.core.record import record as records
from flipgate.core.record.phases import Phase, Reason
from flipgate.core.record.record import Record
from flipgate.steps.acting.world import World
from flipgate.steps.looking.look import look, need_record
from flipgate.steps.moving.maintenance import set_maintenance
from flipgate.steps.moving.move import move
from flipgate.steps.releasing.bring_up import bring_up
from flipgate.steps.releasing.clones import leave_clones, make_clones
from flipgate.steps.releasing.migrate import expand
from tests.api.shop import GREEN

ACTOR = "pipeline"
"""The same for each run of it: the orchestrator's retry of a run does not wait for its own dead self."""


def act(world: World, step: str) -> None:
    """Expands its databases, copies them, leaves the copies, brings the open release up, sets the maintenance flag, or
    moves all users to it."""
    release = need_record(world, look(world)).release
    assert release
    with world.acting() as acting:
        if step == "bring-up":
            bring_up(acting, release)
        elif step == "expand":
            expand(acting, release)
        elif step == "make-clones":
            make_clones(acting, release)
        elif step == "leave-clones":
            leave_clones(acting, release)
        elif step == "maintenance":
            set_maintenance(acting)
        else:
            move(acting, GREEN, also=lambda r, _: _flipping(world, r))


def _flipping(world: World, record: Record) -> Record:
    if record.phase is Phase.FLIPPING:
        return record
    return records.advance(record, Phase.FLIPPING, Reason.APPROVED, world.now(), actor=world.actor)


if __name__ == "__main__":
    kubeconfig, namespace, application, wanted = sys.argv[1:]
    act(World.open(application, kubeconfig=kubeconfig, namespace=namespace, actor=ACTOR), wanted)

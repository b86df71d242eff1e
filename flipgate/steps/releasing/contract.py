"""Notes a contract migration: a person says that the code before it can no longer read the data."""

from __future__ import annotations

from flipgate.core.record.occupant import Contract
from flipgate.core.record.phases import Rollback
from flipgate.core.record.record import Record
from flipgate.core.values.errors import BadInput, FlipgateError, Refused
from flipgate.core.values.frozen import dataclass
from flipgate.core.values.reasons import Why
from flipgate.core.values.sides import Side
from flipgate.core.way_back.contract import close, side_to_close
from flipgate.steps.acting.about import about_application
from flipgate.steps.acting.acting import Authority
from flipgate.steps.acting.outbox import write
from flipgate.steps.acting.world import World
from flipgate.steps.looking.look import look_at_traffic
from flipgate.steps.moving.move import forget_way_back


@dataclass(frozen=True)
class Closed:
    """The way back that is closed. `release` is what its side runs (None: adopted); `changed` is False when it was
    closed before, for the reason in `contract`."""

    side: Side
    release: str | None
    contract: Contract
    changed: bool


@about_application(untouched="the record")
def contract(world: World, reason: str, *, by: str) -> Closed:
    """Closes the way back to the code that came before, and tells everybody. It takes no Lease: it moves nothing, and
    whoever moves users reads the record first.

    Raises BadInput without a reason, Refused where there is no way back to close. Doing it again changes nothing.
    """
    if not reason.strip():
        raise BadInput("needs a reason", obj="contract")
    record = world.store.read()
    moved = record.phase.row.rollback is Rollback.MOVES
    traffic = None if moved else look_at_traffic(world)
    side = side_to_close(record, traffic)
    occupant = record.sides[side]
    if occupant.contracted:
        return Closed(side, occupant.release, occupant.contracted, False)
    done = Contract(reason=reason.strip(), by=by, at=world.now())

    def change(now: Record) -> Record:
        if side_to_close(now, traffic) is not side or now.sides[side].release != occupant.release:
            raise Refused("has moved on since it was looked at", reason=Why.MOVED_ON)
        return close(now, side, done)

    write(world, change)
    with world.acting_without_lease(record.epoch) as acting:
        take_off(acting)
    return Closed(side, occupant.release, done, True)


def take_off(acting: Authority) -> None:
    """The routes say how to go back by hand, and must not say it any longer. The record has it all: never raises."""
    try:
        forget_way_back(acting, look_at_traffic(acting.world))
    except FlipgateError as error:
        acting.world.say(f"the routes may still say a way back that is none: {error}")

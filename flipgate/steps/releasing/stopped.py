"""Notes in the record what stops a pipeline's run: people see it, and others can go on, with Prefect away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from flipgate.core.record.phases import Phase
from flipgate.core.record.record import Record
from flipgate.core.record.stopped import failure, forget_stop, note_stop
from flipgate.core.values.errors import LostLease, Refused
from flipgate.core.values.reasons import Why
from flipgate.core.values.text import valid
from flipgate.steps.acting.acting import Acting
from flipgate.steps.acting.outbox import write
from flipgate.steps.acting.world import World
from flipgate.steps.releasing.flip import GOES_BACK

TOLD_BY_THE_FLIP = frozenset({Why.BAKE_UNKNOWN, *GOES_BACK})
"""Refusals after the move: whoever raised them has told everybody."""

TELLING = 500
"""Characters that tell one fact from another; fewer than a message is cut to."""


@contextmanager
def noting_stop(world: World, release: str, pipeline: str, run: str = "") -> Iterator[None]:
    """Notes a failure of the block in the record, and raises it as it came.

    An actor that was taken over notes nothing. Nor does a run that Prefect suspends or cancels: both are no Exception,
    but a BaseException.
    """
    try:
        yield
    except Exception as error:  # any at all: a bug stops a run as well as a refusal does
        _record_stop(world, release, pipeline, run, error)
        raise


def act_again(acting: Acting) -> None:
    """Clears what stopped the run before, since a run is at work on the release again. Writes nothing where none was
    stopped."""
    if acting.record.release and acting.record.release.stopped:
        acting.world.store.update(forget_stop)


def _record_stop(world: World, release: str, pipeline: str, run: str, error: Exception) -> None:
    """Writes the failure into the record. Never raises, so that the failure itself is what the run ends with."""
    now, why = world.now(), failure(error)

    def stopped(record: Record) -> Record:
        if isinstance(error, LostLease) and record.holder != world.actor:
            return record  # whoever has taken over goes on
        tell = not _announced(record, error)
        return note_stop(record, release, pipeline, why, actor=world.actor, run=run, now=now, tell=tell)

    try:
        write(world, stopped)
    except Exception as fault:
        world.say(f"what stopped this run is not noted in the record: {type(fault).__name__}: {fault}")


def _announced(record: Record, error: Exception) -> bool:
    """Whether it is announced already: a move that was undone, a bake that is left to a person."""
    if not isinstance(error, Refused):
        return False
    if record.phase is Phase.BAKING:
        return error.reason in TOLD_BY_THE_FLIP
    # By the beginning of its fact: what it is about may have been added since, and a long one was cut when it was told.
    begins = valid(error.fact)[:TELLING]
    return record.release is not None and begins in record.release.changes[-1].message

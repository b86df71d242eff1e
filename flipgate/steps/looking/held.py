"""Whether a move may begin now: freezes and windows. Asked by the flip and the scale-down; going back never asks."""

from __future__ import annotations

from collections.abc import Callable

from flipgate.adapters.freeze import read_freeze
from flipgate.core.record import held
from flipgate.core.record.freeze import Freeze
from flipgate.core.record.held import Held, held_back, move_held, refusal
from flipgate.core.record.phases import QuestionKind
from flipgate.core.record.record import Record
from flipgate.core.values.errors import FlipgateError, TemporaryError
from flipgate.core.values.unread import Unread
from flipgate.core.values.verdicts import Evidence
from flipgate.steps.acting.world import World


def read_everywhere(world: World) -> Freeze | Unread | None:
    """The freeze of all applications, or why it cannot be read. Raises TemporaryError: that is tried again."""
    try:
        return read_freeze(world.cluster, world.store.namespace)
    except TemporaryError:
        raise
    except FlipgateError as error:
        return Unread(error.named_fact)


def may_begin(world: World, kind: QuestionKind) -> Callable[[Record], None]:
    """Returns what raises Refused (Frozen, FreezeUnknown, WindowClosed) for a record by which this move may not begin
    now. To be called in the write that begins it, too: a freeze that stood in the record before it holds for certain.
    The freeze of all is read here, once."""
    everywhere, windows = read_everywhere(world), world.application.spec.policy.windows

    def need(record: Record) -> None:
        if found := move_held(record, kind, everywhere, windows, world.now()):
            raise refusal(found, kind, world.application.name)

    return need


def need_may_begin(world: World, kind: QuestionKind) -> None:
    """Raises Refused (Frozen, FreezeUnknown, WindowClosed) where this move of the open release may not begin now."""
    may_begin(world, kind)(world.store.read())


def held_evidence(world: World) -> list[Evidence]:
    """What holds moves back now, for whoever is asked: they may decide, and the move waits."""
    found = held_back(world.store.read(), read_everywhere(world), world.application.spec.policy.windows, world.now())
    return [held.shown(found)] if found else []


def yes_waits(world: World) -> Held | None:
    """What holds the move back that a yes stands for: no run is started for it until it may begin. None where nothing
    does, or no yes stands: whoever has to ask, or to close a question, is not held."""
    record, now = world.store.read(), world.now()
    kind = held.yes_that_waits(record, now)
    if kind is None:
        return None
    return move_held(record, kind, read_everywhere(world), world.application.spec.policy.windows, now)

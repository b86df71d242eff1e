"""Hands the workers back once users are: with patience, since what is not handed back works nowhere."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from flipgate.core.record import record as records
from flipgate.core.record.intents import HandOver
from flipgate.core.record.phases import Phase
from flipgate.core.record.record import EntryState, Record
from flipgate.core.values.errors import FlipgateError, Interrupted, LostLease, Refused, TemporaryError
from flipgate.core.values.reasons import Why
from flipgate.core.values.sides import Side
from flipgate.core.way_back.going_back import closed
from flipgate.steps.acting.acting import Acting
from flipgate.steps.going_back.attempted import attempted, patiently
from flipgate.steps.moving.hand_over import hand_over_workers
from flipgate.steps.moving.stamp import stamp_taken_out


def same(record: Record) -> Record:
    """The record as it is."""
    return record


class HandedBack(NamedTuple):
    """What came of handing the workers back."""

    left: tuple[str, ...]
    """What is left to do, a sentence each."""
    again: bool = False
    """Whether it was a fault that may pass, or the move's entry is open: whoever goes on with the rollback does it."""


def close_move(acting: Acting, entry: int, target: Side, outcome: str, also: Callable[[Record], Record] = same) -> None:
    """Closes the entry of a move back. Where no release is `rolling_back`, whose run would go on, the same write opens
    the entry of the hand-over: killed right after, reconcile hands the workers back all the same."""
    world = acting.world
    now, intent = world.now(), HandOver(target)

    def change(record: Record) -> Record:
        ours = record.open_entry is not None and record.open_entry.id == entry
        ended = also(records.end(record, entry, EntryState.DONE, now, outcome))
        if not ours or record.phase is Phase.ROLLING_BACK or closed(record, target):
            return ended
        return records.begin(ended, intent.step, world.actor, now, intent.written())[0]

    world.store.update(change)


def hand_back(acting: Acting, target: Side) -> HandedBack:
    """Hands the workers back to `target`, unless its code can no longer read the data. Never raises."""
    if no_way := closed(acting.record, target):
        return HandedBack((f"workers were not handed over to {target}: {no_way.fact}",))
    handed: list[str] = []
    faults: list[FlipgateError] = []

    def hand_over() -> None:
        try:
            handed.extend(_hand_over(acting, target))
        except (TemporaryError, Interrupted, LostLease) as fault:  # also a stamp that could not be written over yet
            faults.append(fault)
            raise
        except Refused as refused:
            if refused.reason == Why.JOURNAL_OPEN:  # the move could not be noted: recovering closes its entry
                faults.append(refused)
            raise

    notes = attempted("stamp what the file names no longer", lambda: stamp_taken_out(acting))
    left = attempted("hand the workers back", hand_over)
    going_on = acting.record.release is not None and acting.record.release.side is not target
    if faults and going_on:
        left = (f"{left[0]} The release stays `{Phase.ROLLING_BACK}`: reconcile hands them back",)
    return HandedBack((*notes, *left, *handed), bool(faults) and going_on)


def _hand_over(acting: Acting, target: Side) -> tuple[str, ...]:
    doing = f"handing the workers back to {target}"
    try:
        act = partial(hand_over_workers, acting, target, back=True, patient=True)
        return patiently(acting, doing, act)  # each try closes the entry that the one before has left open
    except TemporaryError:
        # Once more, for all whose own trouble it is not.
        return hand_over_workers(acting, target, back=True)

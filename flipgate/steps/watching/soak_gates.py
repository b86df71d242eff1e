"""Asks the gates at `soak` while a release soaks, and tells people what is bad. It moves nobody."""

from __future__ import annotations

from flipgate.core.gates.points import GatePoint
from flipgate.core.record.phases import Phase
from flipgate.core.values.errors import FlipgateError
from flipgate.core.way_back.soak_gates import judge_soak, note_soak
from flipgate.steps.acting.outbox import write
from flipgate.steps.acting.world import World
from flipgate.steps.watching.points import ask_gates


def note_soak_gates(world: World) -> None:
    """Notes as the condition GatesPass what the gates say of the release that soaks; takes it away when none does. The
    record is written where that changes something. Never raises: what keeps it from noting is said."""
    try:
        record = world.store.find()
        if record is None:
            return
        found = None
        if record.release and record.phase is Phase.LIVE:
            with world.looking_anew():
                asked = ask_gates(world, record.release, GatePoint.SOAK)
            found = judge_soak(record.release, asked, world.now())
        if note_soak(record, found, world.now()) != record:
            write(world, lambda record: note_soak(record, found, world.now()))
    except FlipgateError as error:
        world.say(f"the gates of the soak are not noted: {error}")

"""Tries declared gates: their numbers now for both sides, and over the last day. Reads only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from flipgate.core.gates.declared import BELONGS
from flipgate.core.gates.kinds import Gate
from flipgate.core.gates.sample import GateSample, Point, cut_reason
from flipgate.core.gates.traefik_counters import BEGUN
from flipgate.core.gates.tried import Past, past_of
from flipgate.core.values.errors import FlipgateError
from flipgate.core.values.foreign import fault
from flipgate.core.values.frozen import dataclass
from flipgate.core.values.sides import Side
from flipgate.core.values.verdicts import Verdict
from flipgate.steps.acting.world import World
from flipgate.steps.looking.look import look_at_traffic
from flipgate.steps.watching.measure import quiet
from flipgate.steps.watching.reader import WorldReader, step_of

DAY: Final = timedelta(days=1)
COUNTING_SECONDS: Final = 5.0
"""What is counted from a first reading on is read again so much later."""


@dataclass(frozen=True)
class Tried:
    """What one gate says of one side: now, as if users had been moved there a day ago, and over the last day."""

    gate: Gate
    side: Side
    sample: GateSample
    verdict: Verdict
    threshold: str
    belongs: str
    past: Past | None = None
    past_why: str = "not asked"


def try_gates(world: World, gates: Sequence[Gate], *, past: bool) -> list[Tried]:
    """Each gate for both sides; with `past` over the last day, too. What cannot be read stands there as its reason."""
    end, dark = world.now(), _dark_since(world)
    asked = [(gate, side) for gate in gates for side in Side]
    return world.each(lambda one: _try(world, *one, dark, end, past), asked)


def users_on(world: World) -> Side | None:
    """The side that all routes lead to; None where they name no one side, or cannot be read."""
    try:
        return look_at_traffic(world).active
    except FlipgateError:
        return None


def _try(world: World, gate: Gate, side: Side, dark: Mapping[Side, datetime], end: datetime, past: bool) -> Tried:
    kind = gate.kind
    whose = side.other if kind.of_the_other else side
    reader = WorldReader(world, whose, end - DAY, dark_since=dark.get(whose))
    measure = quiet(lambda at: _counted(world, gate, reader, at))
    sample = measure(0.0)
    belongs = BELONGS[sample.of or kind.of(gate)].format(namespace=reader.namespace(reader.side), since="a day ago")
    found, why = _numbers(gate, reader, end) if past else (None, "not asked")
    return Tried(
        gate,
        side,
        sample,
        kind.verdict(gate, sample),
        kind.threshold(gate, sample),
        belongs,
        past_of(found, kind.limit(gate), end - DAY, end, step_of(end - DAY, end)) if found is not None else None,
        why,
    )


def _dark_since(world: World) -> Mapping[Side, datetime]:
    """The side that waits for its flip, where one does, and since when its checks have passed."""
    try:
        record = world.store.find()
    except FlipgateError:  # the gates that need it say so
        return {}
    release = record.release if record else None
    return {release.side: release.dark_since} if release and release.dark_since else {}


def _counted(world: World, gate: Gate, reader: WorldReader, at: float) -> GateSample:
    measure = gate.kind.measure(gate, reader)
    sample = measure(at)
    if sample.why == BEGUN:
        world.sleep(COUNTING_SECONDS)
        sample = measure(at + COUNTING_SECONDS)
    return sample


def _numbers(gate: Gate, reader: WorldReader, end: datetime) -> tuple[tuple[Point, ...] | None, str]:
    try:
        return gate.kind.numbers(gate, reader, end - DAY, end)
    except Exception as error:  # any at all: the other gates are tried for all that
        return None, cut_reason(fault(error))

"""What one look measures for each declared gate. What cannot be measured is a sample that says why."""

from __future__ import annotations

from collections.abc import Sequence

from flipgate.adapters import metrics
from flipgate.core.gates.declared import judge
from flipgate.core.gates.kinds import Gate
from flipgate.core.gates.kinds.kind import Measure, Reader
from flipgate.core.gates.points import THE_FLIP, GatePoint
from flipgate.core.gates.sample import GateSample, cut_reason
from flipgate.core.gates.traefik_counters import Probes
from flipgate.core.record.release import Release
from flipgate.core.values.errors import FlipgateError, LostLease
from flipgate.core.values.foreign import fault
from flipgate.core.values.sides import Side
from flipgate.core.values.verdicts import Evidence, Verdict, in_flight
from flipgate.steps.acting.world import World
from flipgate.steps.watching.reader import WorldReader, in_flight_query, prometheus

NOT_DECLARED = "not declared"
IN_FLIGHT = "in flight"
"""The name of the one question that is no gate's: a gate's name has no space."""


def measures(world: World, release: Release, probes: Probes | None = None) -> dict[str, Measure]:
    """Returns how each gate of the bake is measured, by its name, and what is in flight. None of them raises.
    `probes` are flipgate's own requests, which do not count as users'."""
    reader = WorldReader(world, release.side, release.flipped_at or world.now(), probes or Probes())
    spec, old = world.application.spec, release.side.other
    asked = {gate.name: measure_of(gate, reader) for gate in spec.gates_at(GatePoint.BAKE)}
    if spec.metrics.in_flight:
        asked[IN_FLIGHT] = quiet(lambda at: GateSample(at, *_busy(world, old)))
    return asked


def measure_of(gate: Gate, reader: Reader) -> Measure:
    """Returns how a gate is measured. It raises LostLease alone, where its reader may not go on."""
    return quiet(gate.kind.measure(gate, reader))


def judged(gate: Gate, samples: Sequence[GateSample], now: float, namespace: str, since: str = THE_FLIP) -> Evidence:
    """Returns a gate's verdict so far. What cannot be judged is unknown: nothing ends for a gate's own fault."""
    try:
        return judge(gate, samples, now, namespace, since)
    except Exception as error:
        answer = f"cannot be judged: {fault(error)}"
        return Evidence(gate.name, Verdict.UNKNOWN, gate.kind.word, namespace, answer, "")


def quiet(measure: Measure) -> Measure:
    """Makes what raises a sample that says why there is no number."""

    def measured(at: float) -> GateSample:
        try:
            return measure(at)
        except LostLease:  # whoever asks is over, and looks no more
            raise
        except FlipgateError as error:
            return GateSample(at, None, cut_reason(error.fact))
        except Exception as error:  # any at all: users' safety does not hang on a gate's own fault
            return GateSample(at, None, f"cannot be measured: {type(error).__name__}")

    return measured


def still_in_flight(world: World, side: Side) -> Evidence:
    """Returns what a side is still busy with, asked once. Never raises, and takes three seconds at most."""
    promql = world.application.spec.metrics.in_flight
    if promql is None:
        return in_flight(side, None, None, NOT_DECLARED)
    return in_flight(side, promql, *_busy(world, side))


def _busy(world: World, side: Side) -> tuple[float | None, str]:
    try:
        return metrics.ask_number(prometheus(world), in_flight_query(world, side))
    except FlipgateError as error:
        return None, cut_reason(error.named_fact)

"""Pictures of a bake: each gate's numbers of both sides around the flip, from Prometheus, or from the bake's own looks.

Asked when the bake is over, beside what goes on then: nobody waits for a picture.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from flipgate.core.gates.graph import Graph, Line, Span, as_markdown, bake_graph, of_looks
from flipgate.core.gates.kinds import Gate
from flipgate.core.gates.sample import GateSample
from flipgate.core.record.release import Release
from flipgate.core.values.frozen import dataclass
from flipgate.core.values.sides import Side
from flipgate.steps.acting.world import World
from flipgate.steps.watching.reader import WorldReader

BEFORE_SECONDS, LONGEST_SECONDS = 900.0, 3600.0
"""How much is shown of the time before the flip: as much as of the bake, and at least and at most so much."""
PATIENCE_SECONDS = 10.0
"""For all questions of all graphs together; each has the three seconds of any question to Prometheus as well."""


@dataclass(frozen=True)
class Bake:
    """What is to be drawn. `samples` are what the looks found, in seconds since `began`."""

    world: World
    release: Release
    began: datetime
    samples: Mapping[str, Sequence[GateSample]]

    def pictures(self) -> list[str]:
        """A picture for each gate of a kind that has one, as Markdown."""
        gates = [gate for gate in self.world.application.spec.gates if gate.kind.drawn and self.samples.get(gate.name)]
        flip, end = self.release.flipped_at or self.began, self._end()
        before = min(LONGEST_SECONDS, max(BEFORE_SECONDS, (end - flip).total_seconds()))
        span = Span(flip - timedelta(seconds=before), flip, end)
        reader = WorldReader(self.world, self.release.side, flip, deadline=self.world.monotonic() + PATIENCE_SECONDS)
        return [as_markdown(gate.name, bake_graph(self._graph(gate, reader, span))) for gate in gates]

    def _graph(self, gate: Gate, reader: WorldReader, span: Span) -> Graph:
        limit = gate.kind.limit(gate)
        lines, said = gate.kind.lines(gate, reader, span)
        if not lines:
            note = f"The bake's own looks ({said})" if said else "The bake's own looks"
            return Graph(gate.name, limit, span, self._looks(gate), note, self._hour(gate))
        known = [at for line in lines for at, value in line.points if value is not None]
        begin = max(span.begin, min(span.flip, datetime.fromtimestamp(min(known), UTC)))  # nothing is known of before
        return Graph(gate.name, limit, span._replace(begin=begin), lines, said)

    def _end(self) -> datetime:
        return self.began + timedelta(
            seconds=max((s.at for samples in self.samples.values() for s in samples), default=0.0)
        )

    def _looks(self, gate: Gate) -> tuple[Line, ...]:
        samples = self.samples[gate.name]
        of = {gate.kind.of(gate), *(sample.of for sample in samples)}
        return (Line(None if "time" in of else self.release.side, of_looks(samples, self.began)),)

    def _hour(self, gate: Gate) -> tuple[Side, float] | None:
        """What was known of the old side without its line."""
        old = next(
            (
                sample.old
                for sample in reversed(self.samples[gate.name])
                if sample.old is not None and not sample.old_of
            ),
            None,
        )
        return None if old is None else (self.release.side.other, old)

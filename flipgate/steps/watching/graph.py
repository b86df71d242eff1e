"""Pictures of a bake: each gate's numbers of both sides around the flip, from Prometheus, or from the bake's own looks.

Asked when the bake is over, beside what goes on then: nobody waits for a picture.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from flipgate.adapters.metrics import ask_range
from flipgate.core.gates.declared import GateSample, Point
from flipgate.core.gates.graph import Chart, Line, as_markdown, bake_chart, of_looks
from flipgate.core.record.release import Release
from flipgate.core.spec.gates import Gate, filled
from flipgate.core.values.sides import Side
from flipgate.steps.acting.world import World

BEFORE_SECONDS, LONGEST_SECONDS = 900.0, 3600.0
"""How much is shown of the time before the flip: as much as of the bake, and at least and at most so much."""
POINTS = 300
"""Of one line, on one side of the flip."""
PATIENCE_SECONDS = 10.0
"""For all questions of all charts together; each has the three seconds of any question to Prometheus as well."""


@dataclass(frozen=True)
class Bake:
    """What is to be drawn. `samples` are what the looks found, in seconds since `began`."""

    world: World
    release: Release
    began: datetime
    samples: Mapping[str, Sequence[GateSample]]

    def pictures(self) -> list[str]:
        """A picture for each gate on promql or on Traefik's counters, as Markdown."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        gates = [gate for gate in self.world.application.spec.gates if gate.promql or gate.traefik]
        charts = [self._chart(gate, deadline) for gate in gates if self.samples.get(gate.name)]
        return [as_markdown(chart.gate.name, bake_chart(chart)) for chart in charts]

    def _chart(self, gate: Gate, deadline: float) -> Chart:
        flip, end = self.release.flipped_at or self.began, self._end()
        before = min(LONGEST_SECONDS, max(BEFORE_SECONDS, (end - flip).total_seconds()))
        begin = flip - timedelta(seconds=before)
        asked = _Asked(self.world, gate, begin, flip, end, deadline)
        if gate.promql and (lines := asked.lines(self.release.side)):
            known = [at for line in lines for at, value in line.points if value is not None]
            begin = max(begin, min(flip, datetime.fromtimestamp(min(known), UTC)))  # nothing is known of before
            return Chart(gate, begin, flip, end, lines, asked.note)
        return Chart(gate, begin, flip, end, self._looks(gate), self._note(gate, asked.why), self._hour(gate))

    def _end(self) -> datetime:
        return self.began + timedelta(
            seconds=max((s.at for samples in self.samples.values() for s in samples), default=0.0)
        )

    def _looks(self, gate: Gate) -> tuple[Line, ...]:
        samples = self.samples[gate.name]
        of = {gate.of, *(sample.of for sample in samples)}
        return (Line(None if "time" in of else self.release.side, of_looks(samples, self.began)),)

    def _note(self, gate: Gate, why: str) -> str:
        return f"The bake's own looks ({why})" if gate.promql else "The bake's own looks"

    def _hour(self, gate: Gate) -> tuple[Side, float] | None:
        """What was known of the old side without its line."""
        old = next((sample.old for sample in reversed(self.samples[gate.name]) if sample.old is not None), None)
        return None if old is None else (self.release.side.other, old)


@dataclass
class _Asked:
    """One gate's lines from Prometheus. `why` there are none, and what to `note` of those there are."""

    world: World
    gate: Gate
    begin: datetime
    flip: datetime
    end: datetime
    deadline: float
    why: str = ""
    note: str = ""

    def lines(self, new: Side) -> tuple[Line, ...]:
        """The new side's after the flip, and the old side's before and after it; none where the new side has none."""
        if self.gate.of == "time":
            before, after = self._ask(new, self.begin, self.flip), self._ask(new, self.flip, self.end)
            return (Line(None, (*(before or ()), *after)),) if after else ()
        after = self._ask(new, self.flip, self.end)
        if after is None:
            return ()
        before = self._ask(new.other, self.begin, self.flip)
        if before is None:
            self.note = f"{new.other}: {self.why}"
        left = self._ask(new.other, self.flip, self.end) if before is not None else None
        return (Line(new.other, (*(before or ()), *(left or ()))), Line(new, after))

    def _ask(self, side: Side, start: datetime, end: datetime) -> tuple[Point, ...] | None:
        if time.monotonic() > self.deadline:
            self.why = "Prometheus takes too long"
            return None
        url = self.world.application.spec.metrics.prometheus or ""
        promql = filled(self.gate.promql or "", self.world.application.namespace_of(side), self.gate.window)
        step = max(1, math.ceil((end - start).total_seconds() / POINTS))
        points, self.why = ask_range(url, promql, start, end, step)
        return points

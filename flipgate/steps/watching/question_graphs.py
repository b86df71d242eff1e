"""Pictures for a question: the numbers of the file's gates that Prometheus keeps, of both sides.

Before the flip over the last hour, before the old side rests over the soak, with the old side's hour before the flip.
Asked beside the run that asks: what is not known is a sentence in the place of its picture.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from flipgate.core.gates.graph import Graph, Span, as_markdown, bake_graph
from flipgate.core.gates.kinds import Gate
from flipgate.core.gates.points import BEFORE, GatePoint, since
from flipgate.core.record.phases import QuestionKind
from flipgate.core.record.release import Release
from flipgate.core.values.foreign import fault
from flipgate.core.values.outward import markdown
from flipgate.steps.acting.world import World
from flipgate.steps.watching.graph import LONGEST_SECONDS, PATIENCE_SECONDS
from flipgate.steps.watching.reader import WorldReader

SINCE_USERS: Final = (GatePoint.BAKE, GatePoint.SOAK, GatePoint.SCALE_DOWN)
"""The points whose gates say how the live side did since users came."""


def question_pictures(world: World, release: Release, kind: QuestionKind) -> list[str]:
    """A picture for each gate of a kind that has one, as Markdown, or why there is none."""
    span, began = span_of(world, release, kind)
    deadline = world.monotonic() + PATIENCE_SECONDS
    reader = WorldReader(world, release.side, span.flip, deadline=deadline, point=began)
    return [said for gate in _drawn(world, kind) if (said := _picture(gate, reader, span))]


def span_of(world: World, release: Release, kind: QuestionKind) -> tuple[Span, GatePoint]:
    """The time that is drawn, and the point that it is asked for. Before a flip there is none in it."""
    now = world.now()
    if kind is QuestionKind.FLIP:
        begin = since(GatePoint.FLIP, release, now).at
        return Span(begin, begin, now), GatePoint.FLIP
    flip = release.flipped_at or release.since
    return Span(flip - timedelta(seconds=LONGEST_SECONDS), flip, now), GatePoint.SCALE_DOWN


def _drawn(world: World, kind: QuestionKind) -> Iterator[Gate]:
    points = BEFORE[kind] if kind is QuestionKind.FLIP else SINCE_USERS
    asked = {gate.name: gate for point in points for gate in world.application.spec.gates_at(point)}
    yield from (gate for gate in asked.values() if gate.kind.drawn)


def _picture(gate: Gate, reader: WorldReader, span: Span) -> str:
    """Empty where nothing keeps the past of its numbers."""
    try:
        late = reader.world.monotonic() > reader.deadline
        lines, said = ((), "Prometheus takes too long") if late else gate.kind.lines(gate, reader, span)
    except Exception as error:  # any at all: it is one picture
        lines, said = (), f"cannot be drawn: {fault(error)}"
    if lines:
        return as_markdown(gate.name, bake_graph(Graph(gate.name, gate.kind.limit(gate), span, lines, said)))
    return f"{markdown(gate.name)}: no picture: {markdown(said)}" if said else ""

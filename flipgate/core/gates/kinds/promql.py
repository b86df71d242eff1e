"""A gate on Prometheus: one number, held against a limit and against the old side's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from flipgate.core.gates.graph import Line, Span
from flipgate.core.gates.kinds.kind import GateKind, Measure, Reader, Windowed
from flipgate.core.gates.points import GatePoint
from flipgate.core.gates.sample import GateSample, Limit, Point
from flipgate.core.spec.metrics import Metrics
from flipgate.core.spec.traffic import TrafficSpec
from flipgate.core.values.placeholders import NAMESPACE, WINDOW, filled, unknown_placeholders
from flipgate.core.values.sides import Side
from flipgate.core.values.verdicts import Verdict

OLD_WINDOW_SECONDS = 3600
NO_OLD_SIDE = "a first release has no old side"


class PromqlKeys(Windowed):
    """The keys of a gate on Prometheus."""

    promql: Annotated[str, Field(min_length=1)] | None = Field(
        default=None,
        description="A PromQL expression whose result is one number. {namespace} stands for the side's namespace, "
        "{window} for the time since the flip (at most windowSeconds), as in 60s. No result, NaN (no traffic: 0/0), an "
        "infinite number and several series are unknown, never good.",
    )
    max: float | None = Field(
        default=None, description="The largest good number, in the query's own unit; either max or min."
    )
    min: float | None = Field(default=None, description="The smallest good number, in the query's own unit.")
    of: Literal["namespace", "target", "time"] | None = Field(
        default=None,
        description="How the number belongs to a side. namespace: the query selects {namespace}. target: it selects "
        "Traefik's counter of one target, whose name has {namespace} in it (needs a TraefikService or an HTTPRoute). "
        "time: it names no side; whatever came in since the flip counts as the new side's.",
    )
    relative_to: Literal["old"] | None = Field(
        default=None,
        description="old: also held against the same query for the old side over its last hour before the flip. Ask "
        "for a ratio, a rate or a quantile: a sum would grow with the window.",
    )
    factor: float | None = Field(
        default=None,
        gt=0,
        description="How many times the old side's number is still good: 1.5 with max, 0.8 with min. An old number of "
        "0 is no measure: then max or min alone counts.",
    )

    def query(self, namespace: str, window_seconds: int) -> str:
        return filled(self.promql or "", namespace, window_seconds)


class Promql(GateKind[PromqlKeys]):
    word = "promql"
    keys = PromqlKeys
    whom = "Prometheus"
    drawn = True

    def problems(self, gate: PromqlKeys) -> Iterator[str]:
        if (gate.max is None) == (gate.min is None):
            yield "needs either max or min"
        if gate.of is None:
            yield "needs `of`: namespace, target or time"
        yield from unknown_placeholders(gate.promql or "", (NAMESPACE, WINDOW))
        names_side = "{namespace}" in (gate.promql or "")
        if gate.of in ("namespace", "target") and not names_side:
            yield f"is of {gate.of}, and its promql does not name {{namespace}}"
        if gate.of == "time" and names_side:
            yield "is of time, and its promql names {namespace}: then it is of namespace"
        if (gate.relative_to is None) != (gate.factor is None):
            yield "needs both relativeTo and factor, or neither"
        if gate.relative_to and gate.of == "time":
            yield "is of time: it has no number of the old side to be relative to"

    def unfit(self, gate: PromqlKeys, point: GatePoint) -> str:
        if gate.of == "target" and point.before_users:
            return "it is of target, and no users come to the dark side by Traefik's targets"
        return ""

    def lacks(self, metrics: Metrics, traffic: TrafficSpec) -> str:
        return "" if metrics.prometheus else "needs spec.metrics.prometheus"

    def asked(self, gate: PromqlKeys) -> str:
        return " ".join((gate.promql or "").split())

    def of(self, gate: PromqlKeys) -> str:
        return gate.of or ""

    def limit(self, gate: PromqlKeys) -> Limit:
        return Limit(gate.max) if gate.max is not None else Limit(gate.min or 0.0, least=True)

    def measure(self, gate: PromqlKeys, reader: Reader) -> Measure:
        return _Number(gate, reader)

    def verdict(self, gate: PromqlKeys, sample: GateSample) -> Verdict:
        verdict = super().verdict(gate, sample)
        if verdict is not Verdict.PASS or sample.value is None or not gate.factor or sample.old_why == NO_OLD_SIDE:
            return verdict
        if sample.old is None:
            return Verdict.UNKNOWN
        relative = self.limit(gate)._replace(value=sample.old * gate.factor)
        if _no_measure(relative, sample.old):
            return verdict
        return Verdict.FAIL if relative.broken_by(sample.value) else verdict

    def threshold(self, gate: PromqlKeys, sample: GateSample) -> str:
        text, limit = super().threshold(gate, sample), self.limit(gate)
        if not gate.relative_to:
            return text
        if sample.old is None:
            return f"{text}, and {limit.word} {gate.factor:g} x the old side's ({sample.old_why or 'not known'})"
        unmeasured = ": no measure" if _no_measure(limit, sample.old) else ""
        return f"{text}, and {limit.word} {gate.factor:g} x the old side's {sample.old:.4g}{unmeasured}"

    def lines(self, gate: PromqlKeys, reader: Reader, span: Span) -> tuple[tuple[Line, ...], str]:
        """The new side's after the flip, and the old side's before and after it; none where the new side has none."""

        def ask(side: Side, start: datetime, end: datetime) -> tuple[tuple[Point, ...] | None, str]:
            return reader.line(gate.query(reader.namespace(side), gate.window), start, end)

        new, old = reader.side, reader.side.other
        after, why = ask(new, span.flip, span.end)
        if after is None:
            return (), why
        if gate.of == "time":
            before, _ = ask(new, span.begin, span.flip)
            return (Line(None, (*(before or ()), *after)),), ""
        before, why = ask(old, span.begin, span.flip)
        if before is None:
            return (Line(old, ()), Line(new, after)), f"{old}: {why}"
        left, _ = ask(old, span.flip, span.end)
        return (Line(old, (*before, *(left or ()))), Line(new, after)), ""


@dataclass
class _Number:
    """One number of the new side, and the old side's, which is asked for until it is known."""

    gate: PromqlKeys
    reader: Reader
    old: float | None = None
    old_why: str = ""

    def __call__(self, at: float) -> GateSample:
        since = (self.reader.now() - self.reader.since).total_seconds()
        value, why = self._ask(self.reader.side, window_of(self.gate, since))
        if self.gate.relative_to and self.old is None and self.old_why != NO_OLD_SIDE:
            self._ask_old(self.reader.side.other)
        return GateSample(at, value, why, old=self.old, old_why=self.old_why)

    def _ask_old(self, side: Side) -> None:
        if self.reader.ran_on(side):
            self.old, self.old_why = self._ask(side, OLD_WINDOW_SECONDS, self.reader.flip)
        else:
            self.old_why = NO_OLD_SIDE

    def _ask(self, side: Side, window: int, when: datetime | None = None) -> tuple[float | None, str]:
        return self.reader.number(self.gate.query(self.reader.namespace(side), window), when)


def _no_measure(limit: Limit, old: float) -> bool:
    """One error would be infinitely more than none."""
    return not limit.least and old <= 0


def window_of(gate: Windowed, since_flip_seconds: float) -> int:
    """The window to ask for, in whole seconds: it never reaches behind the flip, where the side had no users."""
    return max(1, min(gate.window, int(since_flip_seconds)))

"""A gate on Prometheus: one number, held against a limit and against one of before: the old side's, or its own past."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, Literal, NamedTuple

from pydantic import Field

from flipgate.core.gates.graph import Line, Span
from flipgate.core.gates.kinds.kind import GateKind, Measure, Reader, Rule, Windowed, left_out
from flipgate.core.gates.past import HOUR_SECONDS, Before, hour_of_a_week_before, hour_text
from flipgate.core.gates.points import GatePoint
from flipgate.core.gates.prometheus import NO_DATA, NO_TRAFFIC
from flipgate.core.gates.sample import GateSample, Limit, Point
from flipgate.core.spec.metrics import Metrics
from flipgate.core.spec.traffic import TrafficSpec
from flipgate.core.values.placeholders import NAMESPACE, WINDOW, filled, unknown_placeholders
from flipgate.core.values.sides import Side
from flipgate.core.values.verdicts import Verdict

NO_OLD_SIDE = "a first release has no old side"


class MinSamples(Rule):
    """How much a number has to rest on before it counts."""

    promql: Annotated[str, Field(min_length=1)] = Field(
        description="A PromQL expression whose result is one number: how much the gate's own rests on "
        '(sum(increase(http_requests_total{namespace="{namespace}"}[{window}]))), with the same placeholders.'
    )
    count: int = Field(ge=1, description="The smallest good one. Below it the gate's number is unknown.")


class Relative(Windowed):
    """The keys of a gate whose number may be held against one of before."""

    relative_to: Literal["old", "past"] | None = Field(
        default=None,
        description="old: also held against the same query for the old side over its last hour before the flip. past: "
        "against the same query for the hour around the same time a week before, of the side that was live then; where "
        "Prometheus has none, against the hour before the flip. Ask for a ratio, a rate or a quantile: a sum would "
        "grow with the window.",
    )
    factor: float | None = Field(
        default=None,
        gt=0,
        description="How many times that number is still good: 1.5 with max, 0.8 with min. An old number of 0 is no "
        "measure: then max or min alone counts.",
    )


class PromqlKeys(Relative):
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
    min_samples: MinSamples | None = Field(
        default=None, exclude_if=left_out, description="How much the number has to rest on."
    )

    def query(self, namespace: str, window_seconds: int) -> str:
        return filled(self.promql or "", namespace, window_seconds)

    def samples_query(self, namespace: str, window_seconds: int) -> str:
        return filled(self.min_samples.promql if self.min_samples else "", namespace, window_seconds)


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
        if gate.min_samples:
            yield from unknown_placeholders(gate.min_samples.promql, (NAMESPACE, WINDOW))
            if names_side and "{namespace}" not in gate.min_samples.promql:
                yield "has minSamples whose promql does not name {namespace}: whose would they be?"
        yield from relative_problems(gate)
        if gate.relative_to == "old" and gate.of == "time":
            yield "is of time: it has no number of the old side to be relative to"

    def unfit(self, gate: PromqlKeys, point: GatePoint) -> str:
        if gate.of == "target" and point.before_users:
            return "it is of target, and no users come to the dark side by Traefik's targets"
        return ""

    def lacks(self, gate: PromqlKeys, metrics: Metrics, traffic: TrafficSpec) -> str:
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
        whose = sample.old_of or ("the old side's" if gate.relative_to == "old" else "its past")
        if sample.old is None:
            return f"{text}, and {limit.word} {gate.factor:g} x {whose} ({sample.old_why or 'not known'})"
        unmeasured = ": no measure" if _no_measure(limit, sample.old) else ""
        return f"{text}, and {limit.word} {gate.factor:g} x {whose} {sample.old:.4g}{unmeasured}"

    def numbers(
        self, gate: PromqlKeys, reader: Reader, start: datetime, end: datetime
    ) -> tuple[tuple[Point, ...] | None, str]:
        """Those that rest on too few samples are none."""
        namespace = reader.namespace(reader.side)
        points, why = reader.line(gate.query(namespace, gate.window), start, end)
        if points is None or gate.min_samples is None:
            return points, why
        samples, why = reader.line(gate.samples_query(namespace, gate.window), start, end)
        if samples is None:
            return None, f"its samples: {why}"
        enough = {at for at, count in samples if count is not None and count >= gate.min_samples.count}
        return tuple((at, value if at in enough else None) for at, value in points), ""

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
    """One number of the new side, and the one of before, which is asked for until it is known."""

    gate: PromqlKeys
    reader: Reader
    before: Before = field(default_factory=lambda: Before(None))

    def __call__(self, at: float) -> GateSample:
        since = (self.reader.now() - self.reader.since).total_seconds()
        found = self._ask(self.reader.side, window_of(self.gate, since))
        if self.gate.relative_to and self.before.value is None and self.before.why != NO_OLD_SIDE:
            self.before = self._past() if self.gate.relative_to == "past" else self._hour_before()
        old, why, of = self.before
        return GateSample(at, found.value, found.why, old=old, old_why=why, old_of=of, beside=found.beside)

    def _hour_before(self) -> Before:
        side = self.reader.side.other
        if not self.reader.ran_on(side):
            return Before(None, NO_OLD_SIDE)
        return Before(*self._ask(side, HOUR_SECONDS, self.reader.flip)[:2])

    def _past(self) -> Before:
        """Another hour is taken only where Prometheus has nothing of that one: an error may soon be over."""
        end = hour_of_a_week_before(self.reader.now())
        start = end - timedelta(seconds=HOUR_SECONDS)
        side = self.reader.side.other if self.gate.of == "time" else self.reader.live_through(start, end)
        found = _Found(None, "no one side is known to have been live through it", nothing=True)
        if side:
            found = self._ask(side, HOUR_SECONDS, end)
        if found.value is not None or not found.nothing:
            whose = "its" if self.gate.of == "time" else f"{side}'s"
            return Before(found.value, found.why, f"{whose} a week before ({hour_text(end)}),")
        return self._hour_before()._replace(of=f"the old side's hour before the flip (a week before: {found.why}),")

    def _ask(self, side: Side, window: int, when: datetime | None = None) -> _Found:
        namespace, least = self.reader.namespace(side), self.gate.min_samples
        value, why = self.reader.number(self.gate.query(namespace, window), when)
        if value is None or least is None:
            return _Found(value, why, nothing=why in (NO_DATA, NO_TRAFFIC))
        samples, why = self.reader.number(self.gate.samples_query(namespace, window), when)
        if samples is None:
            return _Found(None, f"its samples: {why}", nothing=why in (NO_DATA, NO_TRAFFIC))
        if samples < least.count:
            return _Found(None, f"{int(samples)} samples, not {least.count}", nothing=True)
        return _Found(value, beside=f"of {int(samples)} samples")


class _Found(NamedTuple):
    """A number; None and why. `nothing`: that was said by Prometheus, which has nothing to make one of."""

    value: float | None
    why: str = ""
    nothing: bool = False
    beside: str = ""


def relative_problems(gate: Relative) -> Iterator[str]:
    if (gate.relative_to is None) != (gate.factor is None):
        yield "needs both relativeTo and factor, or neither"


def _no_measure(limit: Limit, old: float) -> bool:
    """One error would be infinitely more than none."""
    return not limit.least and old <= 0


def window_of(gate: Windowed, since_flip_seconds: float) -> int:
    """The window to ask for, in whole seconds: it never reaches behind the flip, where the side had no users."""
    return max(1, min(gate.window, int(since_flip_seconds)))

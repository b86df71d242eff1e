"""Gates that are promql gates with a query of ours: the share of requests that did not fail, and the 99th percentile of
how long they took, by metrics that have the same names everywhere."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from dataclasses import field as field_of
from datetime import datetime
from typing import Any, ClassVar, Final, Literal, NamedTuple, TypeVar

from pydantic import Field

from flipgate.core.gates.graph import Line, Span
from flipgate.core.gates.kinds.kind import GateKind, Measure, Reader, left_out
from flipgate.core.gates.kinds.promql import MinSamples, Promql, PromqlKeys, Relative, relative_problems
from flipgate.core.gates.points import GatePoint
from flipgate.core.gates.prometheus import NO_DATA, NO_TRAFFIC
from flipgate.core.gates.sample import GateSample, Limit, Point
from flipgate.core.spec.metrics import Metrics
from flipgate.core.spec.traffic import TrafficSpec
from flipgate.core.values.base import but
from flipgate.core.values.placeholders import filled
from flipgate.core.values.verdicts import Verdict

Source = Literal["traefik", "http", "otel"]
LEAST_REQUESTS: Final = 100
"""Fewer cannot tell one failed request in a hundred from two."""
ANSWERED: Final = "[1-5].."
"""Values of a label that are an HTTP status: what has none is no request that could be judged."""
_PROMQL: Final = Promql()


class Names(NamedTuple):
    """What one source calls its metrics, and the labels of which one is the status."""

    requests: str
    seconds: str
    codes: tuple[str, ...]


SOURCES: Final[dict[Source, Names]] = {
    "traefik": Names("traefik_service_requests_total", "traefik_service_request_duration_seconds_bucket", ("code",)),
    "http": Names("http_requests_total", "http_request_duration_seconds_bucket", ("code", "status")),
    "otel": Names(
        "http_server_request_duration_seconds_count",
        "http_server_request_duration_seconds_bucket",
        ("http_response_status_code",),
    ),
}


class ReadyMadeKeys(Relative):
    """The keys of all ready-made gates."""

    source: Source | None = Field(
        default=None,
        alias="from",
        exclude_if=left_out,
        description="Whose metrics: traefik (traefik_service_..., of the services that the routes lead to), http "
        "(http_requests_total and http_request_duration_seconds, label namespace), otel "
        "(http_server_request_duration_seconds, label namespace). Left out: the first of them that Prometheus has, "
        "which the evidence names.",
    )
    min_requests: int | None = Field(
        default=None,
        ge=1,
        exclude_if=left_out,
        description=f"How many requests a number has to rest on, within the window; {LEAST_REQUESTS} when left out. "
        "Below it the gate is unknown.",
    )

    @property
    def least(self) -> int:
        return self.min_requests or LEAST_REQUESTS


class SuccessRatioKeys(ReadyMadeKeys):
    """The keys of a gate on the share of requests that did not fail."""

    success_ratio: float | None = Field(
        default=None,
        alias="success-ratio",
        ge=0,
        le=100,
        exclude_if=left_out,
        description="The smallest good share of requests that did not end with 5xx, in per cent: 99.",
    )


class P99Keys(ReadyMadeKeys):
    """The keys of a gate on how long requests take."""

    p99_seconds: float | None = Field(
        default=None,
        alias="p99-seconds",
        gt=0,
        exclude_if=left_out,
        description="The largest good 99th percentile of how long requests took, in seconds: 0.5.",
    )


R = TypeVar("R", bound=ReadyMadeKeys)


class ReadyMade(GateKind[R]):
    """A gate with a query of ours. It is asked, judged and drawn as the promql gate that stands for it."""

    whom = "Prometheus"
    drawn = True
    told: ClassVar[str]
    """What is asked for, in words."""

    @abstractmethod
    def metric(self, source: Source) -> str:
        """The metric of a source that it needs."""

    @abstractmethod
    def query(self, gate: R, source: Source, where: str) -> str:
        """The query; `where` selects the side."""

    @abstractmethod
    def requests(self, source: Source, where: str) -> str:
        """The query for how many requests that rests on."""

    def problems(self, gate: R) -> Iterator[str]:
        yield from relative_problems(gate)

    def unfit(self, gate: R, point: GatePoint) -> str:
        if gate.source == "traefik" and point.before_users:
            return "no users are on the dark side, so Traefik counts none there"
        return ""

    def lacks(self, gate: R, metrics: Metrics, traffic: TrafficSpec) -> str:
        return "" if metrics.prometheus else "needs spec.metrics.prometheus"

    def asked(self, gate: R) -> str:
        if gate.source:
            return f"{self.told}, by {self.metric(gate.source)} (from: {gate.source})"
        whose = f"the first of {', '.join(SOURCES)} that Prometheus has"
        return f"{self.told}, by {whose}"

    def of(self, gate: R) -> str:
        return "namespace" if gate.source in ("http", "otel") else ""

    def measure(self, gate: R, reader: Reader) -> Measure:
        return _Chosen(self, gate, reader)

    def verdict(self, gate: R, sample: GateSample) -> Verdict:
        return _PROMQL.verdict(self.as_promql(gate), sample)

    def threshold(self, gate: R, sample: GateSample) -> str:
        return _PROMQL.threshold(self.as_promql(gate), sample)

    def lines(self, gate: R, reader: Reader, span: Span) -> tuple[tuple[Line, ...], str]:
        chosen, why = self.chosen(gate, reader)
        return _PROMQL.lines(chosen[1], reader, span) if chosen else ((), why)

    def numbers(self, gate: R, reader: Reader, start: datetime, end: datetime) -> tuple[tuple[Point, ...] | None, str]:
        chosen, why = self.chosen(gate, reader)
        return _PROMQL.numbers(chosen[1], reader, start, end) if chosen else (None, why)

    def as_promql(self, gate: R) -> PromqlKeys:
        """The promql gate that stands for it, as far as the file alone says it: its limits, and no query."""
        limit = self.limit(gate)
        return PromqlKeys(
            name=gate.name,
            failures=gate.failures,
            window_seconds=gate.window_seconds,
            relative_to=gate.relative_to,
            factor=gate.factor,
            min=limit.value if limit.least else None,
            max=None if limit.least else limit.value,
            of="namespace",
        )

    def chosen(self, gate: R, reader: Reader) -> tuple[tuple[Source, PromqlKeys] | None, str]:
        """The source, and the promql gate that asks it; None and why. Of several the first that has anything of either
        side: one that has been live has something, whenever it was scraped last."""
        sources: tuple[Source, ...] = (gate.source,) if gate.source else tuple(SOURCES)
        for source in sources:
            asked = self._of(gate, source, reader)
            if gate.source:
                return (source, asked), ""
            metric = self.metric(source)
            where = f"last_over_time({metric}{{{self._where(source, reader)[0]}}}[1h])"
            each = [filled(where, reader.namespace(side)) for side in (reader.side, reader.side.other)]
            found, why = reader.number(f"count({' or '.join(each)})")
            if found:
                return (source, asked), ""
            if why != NO_DATA:
                return None, why
        return None, f"{NO_DATA} of either side by {', '.join(sources)}"

    def _of(self, gate: R, source: Source, reader: Reader) -> PromqlKeys:
        where, of = self._where(source, reader)
        samples = MinSamples(promql=self.requests(source, where), count=gate.least)
        return but(self.as_promql(gate), promql=self.query(gate, source, where), of=of, min_samples=samples)

    def _where(self, source: Source, reader: Reader) -> tuple[str, Literal["namespace", "target", "time"]]:
        """What selects a side, and how that belongs to it."""
        if source != "traefik":
            return 'namespace="{namespace}"', "namespace"
        counters = reader.counters()
        if counters.of == "time":
            return _services(counters.names), "time"
        own = reader.namespace(reader.side)
        return _services({"{namespace}" + name.removeprefix(own) for name in counters.names}), "target"


def _services(names: Collection[str]) -> str:
    return f'service=~"{"|".join(sorted(names))}"'


@dataclass
class _Chosen:
    """Measures as the promql gate that stands for it, once it is known whose metrics there are."""

    kind: ReadyMade[Any]
    gate: ReadyMadeKeys
    reader: Reader
    asks: tuple[Source, PromqlKeys, Measure] | None = field_of(default=None)

    def __call__(self, at: float) -> GateSample:
        if self.asks is None:
            chosen, why = self.kind.chosen(self.gate, self.reader)
            if chosen is None:
                return GateSample(at, None, why)
            self.asks = (*chosen, _PROMQL.measure(chosen[1], self.reader))
        source, promql, measure = self.asks
        sample = measure(at)
        metric = self.kind.metric(source)
        why = f"{sample.why} in {metric}" if sample.why in (NO_DATA, NO_TRAFFIC) else sample.why
        beside = f"{sample.beside}, from: {source}".removeprefix(", ")
        return GateSample(
            at, sample.value, why, old=sample.old, old_why=sample.old_why, old_of=sample.old_of, beside=beside,
            of=promql.of or "",
        )  # fmt: skip


class SuccessRatio(ReadyMade[SuccessRatioKeys]):
    word = "success-ratio"
    keys = SuccessRatioKeys
    told = "per cent of requests that did not end with 5xx"

    def metric(self, source: Source) -> str:
        return SOURCES[source].requests

    def limit(self, gate: SuccessRatioKeys) -> Limit:
        return Limit(gate.success_ratio or 0.0, least=True)

    def query(self, gate: SuccessRatioKeys, source: Source, where: str) -> str:
        failed, all_of_them = (_counted(source, where, codes, "rate") for codes in ("5..", ANSWERED))
        return f"100 * (1 - ({failed}) / ({all_of_them}))"

    def requests(self, source: Source, where: str) -> str:
        return _counted(source, where, ANSWERED, "increase")


def _counted(source: Source, where: str, codes: str, grown: str) -> str:
    """Requests by their status, which is in the first of the labels that a series has. None of them are 0: counters of
    errors often begin with the first error."""
    names = SOURCES[source]
    terms = []
    for index, label in enumerate(names.codes):
        without = "".join(f', {other}=""' for other in names.codes[:index])
        counter = f'{names.requests}{{{where}{without}, {label}=~"{codes}"}}'
        terms.append(f"(sum({grown}({counter}[{{window}}])) or vector(0))")
    return " + ".join(terms)


class P99(ReadyMade[P99Keys]):
    word = "p99-seconds"
    keys = P99Keys
    told = "seconds within which 99 of 100 requests were answered"

    def metric(self, source: Source) -> str:
        return SOURCES[source].seconds

    def limit(self, gate: P99Keys) -> Limit:
        return Limit(gate.p99_seconds or 0.0)

    def query(self, gate: P99Keys, source: Source, where: str) -> str:
        """Beyond the largest bucket Prometheus gives that one's bound, however long it took: that can be too much, and
        never good."""
        metric = self.metric(source)

        def grown(more: str) -> str:
            return f"sum by (le) (rate({metric}{{{where}{more}}}[{{window}}]))"

        p99, finite, whole = f"histogram_quantile(0.99, {grown('')})", grown(', le!="+Inf"'), grown(', le="+Inf"')
        within = f"max({finite}) >= 0.99 * sum({whole})"
        return f"({p99} and on() ({within})) or on() ({p99} > {self.limit(gate).value:.17g})"

    def requests(self, source: Source, where: str) -> str:
        return f'sum(increase({self.metric(source)}{{{where}, le="+Inf"}}[{{window}}]))'

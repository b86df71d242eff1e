"""What a kind of gate is to flipgate: one class a kind, in one file, registered in kinds/__init__.py."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, ClassVar, Generic, Protocol, TypeVar

from pydantic import AfterValidator, ConfigDict, Field

from flipgate.core.gates.alertmanager import Alert
from flipgate.core.gates.command_check import Ended, NotStarted
from flipgate.core.gates.graph import Line, Span
from flipgate.core.gates.points import GatePoint
from flipgate.core.gates.prometheus import Series
from flipgate.core.gates.sample import GateSample, Limit, Point
from flipgate.core.gates.traefik_counters import Counters, Probes, Reading
from flipgate.core.record.record import Record
from flipgate.core.spec.metrics import Metrics
from flipgate.core.spec.policy import LONGEST_TICK, one_line
from flipgate.core.spec.probe import SecretKey
from flipgate.core.spec.traffic import TrafficSpec
from flipgate.core.values.answer import Answer
from flipgate.core.values.base import Model
from flipgate.core.values.sides import Side
from flipgate.core.values.verdicts import Verdict

GateName = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", max_length=40)]
Measure = Callable[[float], GateSample]
"""Asks once; the argument is the look's own time, which the sample carries. It may raise: then there is no number."""


def left_out(value: object) -> bool:
    """Whether a key is left out: those that are newer than the hashes which releases have pinned are not in these
    then."""
    return value is None


class Rule(Model):
    """What a gate is declared by, or a part of it. Limits are finite."""

    model_config = ConfigDict(allow_inf_nan=False)


class Keys(Rule):
    """The keys of every gate. Those of one kind are a model beside the kind's class; each may be left out, for the
    other kinds' sake."""

    name: GateName = Field(description="The gate's name, as shown in messages; not ready, errors or side.")
    at: GatePoint | Annotated[tuple[GatePoint, ...], Field(min_length=1)] = Field(
        default=GatePoint.BAKE,
        description="Where on a release's way it is asked, one point or several. dark: when the dark side is up and "
        "its checks have passed, when a person is asked about the flip, and right before users move. flip: the last "
        "two of these. bake: at every look of the bake. soak: by reconcile until the old side may rest; it only tells "
        "people. scale-down: when a person is asked whether the old side may rest, and right before it does.",
        exclude_if=lambda at: (
            at in (GatePoint.BAKE, (GatePoint.BAKE,))
        ),  # what was meant before there were points, as before
    )
    failures: int = Field(
        default=2, ge=1, description="How many looks in a row must find the gate failing before it fails."
    )

    or_tick: Annotated[str, AfterValidator(one_line)] | None = Field(
        default=None,
        min_length=1,
        max_length=LONGEST_TICK,
        exclude_if=left_out,
        description="What a person says is so, with a yes, where the gate cannot be asked (unknown). One that fails is "
        "passed by no tick. Without this key, nobody answers in its place.",
    )

    @property
    def points(self) -> tuple[GatePoint, ...]:
        """Where it is asked."""
        return (self.at,) if isinstance(self.at, GatePoint) else self.at


class Windowed(Keys):
    """The keys of a gate whose number is one over some time."""

    window_seconds: int | None = Field(
        default=None,
        ge=1,
        description="The longest {window}, and the longest time a traefik gate counts over, in seconds; 60 when left "
        "out.",
    )

    @property
    def window(self) -> int:
        """The longest window, in seconds."""
        return self.window_seconds or 60


class Reader(Protocol):
    """All that a gate may read of the world at one point; steps/watching/reader.py does the reading.

    What cannot be read raises FlipgateError, or stands as its reason in the number's place where the answer says so.
    """

    @property
    def side(self) -> Side:
        """The new side: dark until the flip, live from then on."""

    @property
    def point(self) -> GatePoint:
        """Where on the release's way it is asked. Only the bake looks more than a few times."""

    @property
    def since(self) -> datetime:
        """When that begins which counts: in the bake the flip."""

    @property
    def flip(self) -> datetime:
        """When users were moved to it; before the flip the present time: so long the other side has its users."""

    @property
    def dark_since(self) -> datetime | None:
        """When the release's checks had passed, while it is dark; else None."""

    @property
    def probes(self) -> Probes:
        """flipgate's own requests."""

    def now(self) -> datetime:
        """The time."""

    def namespace(self, side: Side) -> str:
        """The namespace that holds a side."""

    def ran_on(self, side: Side) -> bool:
        """Whether anything was ever released to a side."""

    def number(self, promql: str, when: datetime | None = None) -> tuple[float | None, str]:
        """The one number that Prometheus has, now or then; else None and why."""

    def live_through(self, start: datetime, end: datetime) -> Side | None:
        """The side that users were on through all of a time before the flip, by what the cluster remembers; None: not
        known, or they were moved in it."""

    def in_flight(self, side: Side) -> str:
        """The query of `metrics.inFlight` for a side; empty where the file has none."""

    def series(self, promql: str, start: datetime, end: datetime, step: int) -> tuple[tuple[Series, ...] | None, str]:
        """All series that Prometheus had in that time, looked at every `step` seconds; else None and why."""

    def line(self, promql: str, start: datetime, end: datetime) -> tuple[tuple[Point, ...] | None, str]:
        """What Prometheus had in that time, as one line; else None and why."""

    def alerts(self, labels: Mapping[str, str]) -> tuple[tuple[Alert, ...] | None, str]:
        """The alerts with these labels that Alertmanager has now, silenced ones, too; else None and why."""

    def pods(self) -> list[dict[str, Any]]:
        """The new side's pods."""

    def logs(self, since: Mapping[tuple[str, str], datetime]) -> dict[tuple[str, str], Lines | str]:
        """What each container (pod, name) of the new side wrote after the time that is given for it, or else
        `since`; or why its log could not be read."""

    def counters(self) -> Counters:
        """What Traefik counts the new side's users under, by the routes as they are now."""

    def counted(self, names: Collection[str]) -> dict[str, Reading | str]:
        """Where these counters stand in each Traefik replica; or why one could not be read."""

    def images(self) -> Mapping[str, str]:
        """What the open release runs, by service; empty without one."""

    def record_of(self, application: str) -> Record:
        """What is remembered of another application, in the same namespace of flipgate's own."""

    def run(self, command: Sequence[str], timeout_seconds: float) -> Ended | NotStarted:
        """How a program of the operator's ended that was told of the release."""

    def fetch(self, url: str, authorization: SecretKey | None) -> Answer | str:
        """What an address answered; or why it did not."""


Lines = tuple[Sequence[tuple[str, str]], bool]
"""A log's lines (time, text), oldest first, and whether there was more than is read."""

K = TypeVar("K", bound=Keys)


class GateKind(ABC, Generic[K]):
    """One kind of gate. All that differs between kinds is asked here; no other code asks for a kind's keys."""

    word: ClassVar[str]
    """The key that makes a gate one of this kind."""
    keys: ClassVar[type[Keys]]
    """Its keys in the application's file, as a model: one of `Gate`'s bases."""
    whom: ClassVar[str]
    """Who is asked, as people know them."""
    rights: ClassVar[tuple[tuple[str, str, str], ...]] = ()
    """What flipgate must be allowed to do on either side for it: API group, resource, verbs."""
    between_looks: ClassVar[bool] = False
    """Whether it is asked by a thread of its own, between two looks: while none of flipgate's own requests goes on."""
    of_the_other: ClassVar[bool] = False
    """Whether its numbers are the other side's: the one that users leave."""
    whole: ClassVar[bool] = False
    """Whether it counts since the side has the release, or its users, at every point, and not over an hour at most."""
    in_words: ClassVar[bool] = False
    """Whether it is answered in words, by a line of a checklist, and not by a number that comes and goes: one look
    decides."""
    drawn: ClassVar[bool] = False
    """Whether its numbers make a picture when the bake is over."""

    def problems(self, gate: K) -> Iterator[str]:
        """What does not fit together in its keys."""
        yield from ()

    def unfit(self, gate: K, point: GatePoint) -> str:
        """Returns why it cannot be asked at this point; empty where it can."""
        return ""

    def program(self, gate: K) -> Sequence[str]:
        """The program of the operator's that it runs, with its arguments; empty where it runs none."""
        return ()

    def reads(self, gate: K) -> str:
        """The other application whose record it asks; empty where it asks none."""
        return ""

    def secret(self, gate: K) -> SecretKey | None:
        """What lets it in where it asks, beside what the metrics have; None where it needs nothing."""
        return None

    def lacks(self, gate: K, metrics: Metrics, traffic: TrafficSpec) -> str:
        """Returns what the rest of the file lacks for this gate to be asked; empty where it lacks nothing."""
        return ""

    @abstractmethod
    def asked(self, gate: K) -> str:
        """The question."""

    @abstractmethod
    def of(self, gate: K) -> str:
        """Returns how its numbers belong to a side, a key of BELONGS (declared.py); empty where only a look finds that
        out."""

    @abstractmethod
    def limit(self, gate: K) -> Limit:
        """What its numbers are held against."""

    @abstractmethod
    def measure(self, gate: K, reader: Reader) -> Measure:
        """Returns how it is measured at the looks of one bake, or of another point."""

    def verdict(self, gate: K, sample: GateSample) -> Verdict:
        """Judges one look. A number that is not complete can fail, and never passes."""
        if sample.value is None or not math.isfinite(sample.value):
            return Verdict.UNKNOWN
        if self.limit(gate).broken_by(sample.value):
            return Verdict.FAIL
        return Verdict.UNKNOWN if sample.at_least or sample.lacking else Verdict.PASS

    def threshold(self, gate: K, sample: GateSample) -> str:
        """What this look's number was held against."""
        return str(self.limit(gate))

    def numbers(self, gate: K, reader: Reader, start: datetime, end: datetime) -> tuple[tuple[Point, ...] | None, str]:
        """What its numbers were in that time for the reader's side, as one line; else None and why."""
        return None, f"{self.whom} keeps no past of it"

    def lines(self, gate: K, reader: Reader, span: Span) -> tuple[tuple[Line, ...], str]:
        """Returns the lines of its graph, and what is to be said of them. Without lines the looks' own numbers are
        drawn, and what is said is why."""
        return (), ""

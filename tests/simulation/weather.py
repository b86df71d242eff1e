"""What goes wrong between an actor and the API server, and with the machine that the actor runs on."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto

from tests.simulation.scheduler import Process, Scheduler

BURST_SECONDS = 45.0
"""How long an API server refuses everything at most, before it is well again."""
ASLEEP_SECONDS = 60.0
"""How long a machine stands still at most: six silences of a Lease."""
SKEWS_SECONDS = (0.0, 60.0, -60.0, 300.0, -300.0)
"""How far off a process's wall clock is."""
REPLICAS = 2
RESTARTS_ONCE_IN = 60
"""Reads until an API server begins anew, and what it holds is of another moment: time may go backwards."""


@dataclass(frozen=True)
class Weather:
    """How much goes wrong: each about once in so many requests; 0 is never."""

    lost_answer: int = 0
    late_write: int = 0
    late_patch: int = 0
    """Of routes and workloads alone."""
    refused: int = 0
    killed: int = 0
    throttled: int = 0
    """429, with a Retry-After."""
    bursts: int = 0
    """The API server refuses everything that anybody asks for, for a while."""
    garbled: int = 0
    """An answer that is no JSON, or the first half of one."""
    deaf: int = 0
    """Of watches: one that hears nothing, as one whose connection was lost and that nobody told."""
    asleep: int = 0
    """The machine stands still: nothing of the process runs, its Lease's renewal least of all."""
    clocks: int = 0
    """Wall clocks are off by minutes, and jump by minutes, either way."""
    lag_seconds: float = 0.0
    """How old an EndpointSlice may be: its controller writes it later than a pod's state changes."""
    stale_seconds: float = 0.0
    """How old what an API server answers may be. The real one's answers to flipgate never are: without a
    `resourceVersion` a get is a quorum read, and a list is one, too, or waits until the cache has caught up
    (https://kubernetes.io/docs/reference/using-api/api-concepts/#semantics-for-get-and-list: "Most Recent"; from the
    cache since 1.31, KEP-2340). A stronger adversary than any cluster: `--stale`."""


CALM = Weather()


class Fate(Enum):
    """What becomes of one request."""

    DONE = auto()
    KILLED = auto()
    KILLED_AFTER = auto()
    LATE = auto()
    LOST = auto()
    REFUSED = auto()
    REFUSED_AND_DONE = auto()
    THROTTLED = auto()
    UNAVAILABLE = auto()
    GARBLED = auto()
    HALVED = auto()


@dataclass
class Sky:
    """Decides what goes wrong. What lasts (a burst, a clock that is off) is kept here."""

    scheduler: Scheduler
    weather: Weather = CALM
    bad_until: float = 0.0
    clocks: set[Process] = field(default_factory=set)
    """Of whom it is decided how far their wall clock is off."""
    behind: list[float] = field(default_factory=lambda: [0.0] * REPLICAS)
    """How many seconds each API server lags."""

    def fate(self, method: str) -> Fate:
        """Of one request that is about to be sent."""
        choices, weather = self.scheduler.choices, self.weather
        if weather.killed and choices.once_in(weather.killed):
            return Fate.KILLED_AFTER if choices.below(2) else Fate.KILLED
        if self.scheduler.now < self.bad_until:
            return Fate.UNAVAILABLE
        if weather.bursts and choices.once_in(weather.bursts):
            self.bad_until = self.scheduler.now + choices.seconds(BURST_SECONDS)
            return Fate.UNAVAILABLE
        if method != "GET":
            late = weather.late_patch if method == "PATCH" and weather.late_patch else weather.late_write
            if late and choices.once_in(late):
                return Fate.LATE
            if weather.lost_answer and choices.once_in(weather.lost_answer):
                return Fate.LOST
        if weather.refused and choices.once_in(weather.refused):
            return Fate.REFUSED_AND_DONE if choices.below(2) else Fate.REFUSED
        if weather.throttled and choices.once_in(weather.throttled):
            return Fate.THROTTLED
        if weather.garbled and choices.once_in(weather.garbled):
            return Fate.HALVED if choices.below(2) else Fate.GARBLED
        return Fate.DONE

    def set_clock(self, process: Process) -> str:
        """May put a process's wall clock wrong. Returns what it did, for the story; empty for nothing."""
        choices = self.scheduler.choices
        if not self.weather.clocks:
            return ""
        if process in self.clocks and not choices.once_in(self.weather.clocks):
            return ""
        self.clocks.add(process)
        before, process.skew = process.skew, SKEWS_SECONDS[choices.below(len(SKEWS_SECONDS))]
        return f"has a wall clock that is off by {process.skew:+g} s" if process.skew != before else ""

    def stand_still(self) -> tuple[float, bool] | None:
        """How long the machine of who asks stands still now, and whether its monotonic clock goes on meanwhile (a
        stopped process) or not (a suspended machine); None for not at all."""
        choices = self.scheduler.choices
        if not self.weather.asleep or not choices.once_in(self.weather.asleep):
            return None
        return choices.seconds(ASLEEP_SECONDS), choices.below(2) == 0

    def age(self) -> float:
        """The age in seconds of what the API server that is asked now answers with."""
        if not self.weather.stale_seconds:
            return 0.0
        choices, replica = self.scheduler.choices, self.scheduler.choices.below(REPLICAS)
        if choices.once_in(RESTARTS_ONCE_IN):
            self.behind[replica] = choices.seconds(self.weather.stale_seconds)
        return self.behind[replica]

    def deaf(self) -> bool:
        """Whether a watch that begins now hears of nothing."""
        return bool(self.weather.deaf) and self.scheduler.choices.once_in(self.weather.deaf)

    def lag(self) -> float:
        """The age in seconds of an EndpointSlice."""
        return self.scheduler.choices.seconds(self.weather.lag_seconds) if self.weather.lag_seconds else 0.0

"""Who acts in a life, and what goes wrong: each seed draws a few of all there are, each with a rate of its own."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

from tests.simulation.weather import CALM, Weather

RATES = (6, 20, 60, 250)
"""Once in so many requests: what is drawn of each kind of fault."""
SELDOM = (60, 120, 250)
SELDOM_FAULTS = frozenset({"killed", "refused", "bursts", "garbled", "asleep", "clocks"})
IN_SECONDS = frozenset({"lag_seconds", "stale_seconds"})
LAGS_SECONDS = (1.0, 3.0, 5.0)
STALE = 1_000_000_000
"""Seeds from here on are lives with an API server that no cluster has: weather.py says why."""
STALE_SECONDS = (0.3, 1.0, 10.0)
NAPPERS = ("deploy-dark", "flip-traffic", "flip-traffic", "scale-down", "rollback", "rollback", "abort", "reconcile")
NAP_SECONDS = (15.0, 45.0, 130.0, 400.0, 900.0)
ACTORS: Mapping[str, float] = {
    "build": 0.6,
    "rollback": 0.6,
    "abort": 0.2,
    "denier": 0.3,
    "canceller": 0.2,
    "autoscaler": 0.25,
    "flux": 0.25,
    "annotation deleter": 0.1,
    "paster": 0.12,
    "mover": 0.08,
    "scaler": 0.06,
    "undoer": 0.06,
}
"""Everybody but the first build and the first approver, and how likely each is."""
FREEZES = 5
"""Once in so many lives somebody freezes the application; drawn by itself, so that no other draw is another for it."""
EXTENDS = 5
"""The same of who keeps the old side longer, or wants it asked about early."""
HOOKS = 5
"""The same of an application that has hooks."""
BY_HAND = frozenset({"mover", "scaler", "undoer", "paster"})
"""Those after whom a person has to see to what they did."""
TWICE = 0.35
"""How likely there is another of the same."""


@dataclass(frozen=True)
class Nap:
    """A process that its machine stops for so long, all of it: before the request `number` of this kind, from 0."""

    who: str
    """The first words of its name."""
    at: str
    """`entry`: right after it has opened an entry of the journal; else what it is about to write, or to read."""
    number: int
    seconds: float

    def __str__(self) -> str:
        return f"{self.who} sleeps {self.seconds:g} s at {self.at} {self.number}"


NAPS_AT = ("entry", "PATCH ingressroutes", "PATCH deployments", "PUT configmaps", "GET ingressroutes", "GET leases")


@dataclass(frozen=True)
class Plan:
    """Who acts, and what goes wrong meanwhile."""

    weather: Weather = CALM
    routes: int = 1
    workers: str = "old-first"
    bad: bool = False
    """Whether the first build never gets Ready."""
    hooks: bool = False
    """Whether the application has hooks, by HTTP, at each point at which its side is up."""
    actors: tuple[str, ...] = ("build", "approver")
    naps: tuple[Nap, ...] = ()
    flag: bool = False
    """Whether the application has a maintenance flag. No seed draws it: the others' lives stay what they are."""
    span_seconds: float = 900.0
    """How long somebody waits for the moment at which they act."""

    @property
    def by_hand(self) -> bool:
        """Whether people change things by hand that wait for a person then."""
        return bool(BY_HAND & {*self.actors})

    def __str__(self) -> str:
        drawn = {each.name: much for each in fields(Weather) if (much := getattr(self.weather, each.name))}
        faults = [f"{name} {much:g}" if name in IN_SECONDS else f"{name} 1/{much}" for name, much in drawn.items()]
        said = [
            f"{self.routes} routes, {self.workers}",
            ", ".join(self.actors),
            ", ".join(faults),
            *map(str, self.naps),
        ]
        more = ["the first build is bad" if self.bad else "", "hooks" if self.hooks else ""]
        return "; ".join(filter(None, [*said, *more]))


@dataclass(frozen=True)
class Aim:
    """An order of events that a fence stands against: who it takes, and who sleeps meanwhile. All else is drawn."""

    actors: tuple[str, ...]
    who: str
    at: tuple[str, ...] = ("entry",)
    most: int = 0
    """The highest number of the request before which it sleeps."""
    seconds: tuple[float, ...] = NAP_SECONDS


AIMS = (
    Aim(("rollback",), "flip-traffic", seconds=(45.0, 130.0, 400.0)),
    Aim(("rollback", "build", "build"), "rollback", seconds=(400.0, 900.0)),
    Aim(("rollback",), "scale-down", (*NAPS_AT,), 3),
    Aim(("build", "abort", "rollback"), "deploy-dark", (*NAPS_AT,), 3),
)
"""A move that slept since its entry; a rollback that slept over the next release; a scale-down, approved, that goes on
after a rollback; a deploy that slept since before somebody sent users to its side."""
AIMED = 3
"""Once in so many plans."""


def plan_of(seed: int) -> Plan:
    """Who acts in the life of this seed, and what goes wrong."""
    numbers = random.Random(f"plan {seed}")
    aim = numbers.choice(AIMS) if numbers.randrange(AIMED) == 0 else None
    actors = ["build", "approver", *(aim.actors if aim else ())]
    for name, likely in ACTORS.items():
        while numbers.random() < likely / (2 if aim else 1):
            actors.append(name)
            likely *= TWICE
    if random.Random(f"freeze {seed}").randrange(FREEZES) == 0:
        actors.append("freezer")
    if random.Random(f"extend {seed}").randrange(EXTENDS) == 0:
        actors.append("extender")
    if aim:
        naps = [Nap(aim.who, numbers.choice(aim.at), numbers.randint(0, aim.most), numbers.choice(aim.seconds))]
    else:
        naps = [_nap(numbers) for _ in range(numbers.choice((0, 0, 1, 2)))]
    return Plan(
        weather=_weather(numbers) if seed < STALE else replace(CALM, stale_seconds=numbers.choice(STALE_SECONDS)),
        routes=numbers.randint(1, 2),
        workers=numbers.choice(["old-first", "new-first"]),
        bad=not aim and numbers.randrange(8) == 0,
        hooks=random.Random(f"hooks {seed}").randrange(HOOKS) == 0,
        actors=tuple(actors),
        naps=tuple(naps),
    )


def _weather(numbers: random.Random) -> Weather:
    if numbers.randrange(2) == 0:
        return CALM
    drawn = {
        each.name: numbers.choice(SELDOM if each.name in SELDOM_FAULTS else RATES)
        for each in fields(Weather)
        if each.name not in IN_SECONDS and numbers.randrange(4) == 0
    }
    lag = numbers.choice(LAGS_SECONDS) if numbers.randrange(4) == 0 else 0.0
    return replace(CALM, lag_seconds=lag, **drawn)


def _nap(numbers: random.Random) -> Nap:
    at = numbers.choice(("entry", "entry", *NAPS_AT))
    many = 2 if at == "entry" else 8
    return Nap(numbers.choice(NAPPERS), at, numbers.randrange(many), numbers.choice(NAP_SECONDS))

"""Looks for an order of events that breaks a promise: many seeds, and of what was found the shortest story."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from tests.simulation.network import CALM, Weather
from tests.simulation.simulation import Outcome, Plan, live

WEATHERS = (
    CALM,
    Weather(late_patch=6),
    Weather(late_write=40, late_patch=15),
    Weather(killed=120),
    Weather(lost_answer=30, refused=30),
    Weather(lost_answer=60, late_write=60, refused=80, killed=250),
    Weather(throttled=12, refused=60, bursts=150, deaf=2),
    Weather(garbled=25, lost_answer=60, lag_seconds=5),
    Weather(asleep=80, clocks=60),
    Weather(asleep=150, late_patch=15, lag_seconds=3),
    Weather(clocks=30, killed=250, bursts=300),
    Weather(lost_answer=90, late_write=90, throttled=60, bursts=400, garbled=90, asleep=300, clocks=90, lag_seconds=3),
)
STALE_WEATHERS = (
    Weather(stale_seconds=0.3),
    Weather(stale_seconds=1),
    Weather(stale_seconds=10),
    Weather(stale_seconds=1, late_patch=15, killed=250),
)
STALE = 1_000_000_000
"""Seeds from here on are lives with an API server that no cluster has: weather.py says why."""
SHRINKS = 400
"""How many shorter lives are tried of one that breaks a promise."""


def plan_of(seed: int) -> Plan:
    """Who acts in the life of this seed, and what goes wrong."""
    numbers = random.Random(f"plan {seed}")
    return Plan(
        weather=numbers.choice(WEATHERS if seed < STALE else STALE_WEATHERS),
        routes=numbers.randint(1, 2),
        workers=numbers.choice(["old-first", "new-first"]),
        builds=numbers.randint(1, 3),
        rollbacks=numbers.randint(0, 3),
        approvers=numbers.randint(1, 2),
        bad=numbers.randrange(6) == 0,
        people=numbers.choice([0, 0, 0, 2]),
    )


@dataclass
class Figures:
    """What a search went through."""

    seeds: int = 0
    requests: int = 0
    switches: int = 0
    moves: int = 0
    broken: dict[int, Outcome] = field(default_factory=dict)

    def add(self, seed: int, outcome: Outcome) -> None:
        self.seeds += 1
        self.requests += outcome.requests
        self.switches += outcome.switches
        self.moves += outcome.moves
        if outcome.broken:
            self.broken[seed] = outcome


def search(seeds: Sequence[int], *, stop: bool = False, seen: Callable[[Figures], None] = lambda _: None) -> Figures:
    """Lives through each seed; ends at the first break with `stop`."""
    figures = Figures()
    for seed in seeds:
        figures.add(seed, live(plan_of(seed), seed))
        seen(figures)
        if stop and figures.broken:
            break
    return figures


def shortest(seed: int, found: Outcome, tries: int = SHRINKS) -> Outcome:
    """Returns the shortest story found that breaks the same promise: as many boring choices (0) as it bears."""
    plan, best = plan_of(seed), found
    for trace in _shorter(found.trace):
        if tries <= 0:
            break
        again = live(plan, seed, trace(best.trace))
        tries -= 1
        if again.broken and _kind(again.broken) == _kind(found.broken) and _harder(best.trace, again.trace):
            best = again
    return best


def _kind(broken: str) -> str:
    """What sort of a break it is, without who did it to what."""
    return " ".join(word for word in broken.split() if word.isalpha())[:40]


def _harder(before: Sequence[int], after: Sequence[int]) -> bool:
    return (sum(map(bool, after)), len(after)) < (sum(map(bool, before)), len(before))


def _shorter(trace: Sequence[int]) -> Iterator[Callable[[list[int]], list[int]]]:
    """Ways to make a trace more boring, the boldest first: its end, then ever smaller stretches of it."""
    size = len(trace)
    for part in (2, 4, 8, 16, 32, 64):
        for at in range(part - 1, -1, -1):
            start, end = size * at // part, size * (at + 1) // part

            def bored(now: list[int], start: int = start, end: int = end) -> list[int]:
                return [*now[:start], *(0 for _ in now[start:end]), *now[end:]]

            yield bored


def told(seed: int, outcome: Outcome) -> str:
    """The story of a break, for a person."""
    choices = f"{sum(map(bool, outcome.trace))} of {len(outcome.trace)} choices are not the boring one"
    return "\n".join([f"seed {seed}: {outcome.broken}", str(plan_of(seed)), choices, *outcome.story])

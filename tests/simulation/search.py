"""Looks for an order of events that breaks a promise: many seeds, and of what was found the shortest story."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, fields, replace

from tests.simulation.plans import Plan, plan_of
from tests.simulation.simulation import Outcome, live
from tests.simulation.streams import Trace, interesting
from tests.simulation.weather import CALM, Weather

SHRINKS = 150
"""How many shorter lives are tried of one that breaks a promise."""


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


@dataclass
class Shrinking:
    """A life that breaks a promise, ever shorter."""

    best: Outcome
    tries: int

    def take(self, plan: Plan, trace: Trace) -> bool:
        """Whether this one breaks the same promise, and has less in it."""
        if self.tries <= 0:
            return False
        self.tries -= 1
        again = live(plan, given=trace)
        same = bool(again.broken) and _kind(again.broken) == _kind(self.best.broken)
        if same and (_size(again) < _size(self.best) or plan != self.best.plan):
            self.best = again
            return True
        return False


def shortest(found: Outcome, tries: int = SHRINKS) -> Outcome:
    """Returns the shortest story found that breaks the same promise: without the actors, naps, faults and choices that
    it does not need."""
    work = Shrinking(found, tries)
    before = None
    while before != (work.best.plan, interesting(work.best.trace)) and work.tries > 0:
        before = work.best.plan, interesting(work.best.trace)
        for fewer in _plans(work.best.plan):
            work.take(fewer(work.best.plan), work.best.trace)
        for who in sorted(found.trace):
            _bore(work, who)
    return work.best


def _bore(work: Shrinking, who: str) -> None:
    """Makes the choices of one of them boring: all of them, else ever smaller stretches."""
    parts = 1
    while parts <= 8 and any(work.best.trace.get(who, ())):
        now = work.best.trace[who]
        for part in reversed(range(parts)):
            start, end = len(now) * part // parts, len(now) * (part + 1) // parts
            if any(now[start:end]):
                bored = [*now[:start], *(0 for _ in now[start:end]), *now[end:]]
                if work.take(work.best.plan, {**work.best.trace, who: bored}):
                    now = work.best.trace.get(who, [])
        parts *= 2


def _plans(plan: Plan) -> Iterator[Callable[[Plan], Plan]]:
    """Ways to have less in a plan: an actor, a nap, a kind of fault."""
    for name in reversed(plan.actors):
        yield lambda now, name=name: replace(now, actors=_without(now.actors, name))
    for nap in plan.naps:
        yield lambda now, nap=nap: replace(now, naps=tuple(each for each in now.naps if each != nap))
    for each in fields(Weather):
        if getattr(plan.weather, each.name):
            calm = getattr(CALM, each.name)
            yield lambda now, name=each.name, calm=calm: replace(now, weather=replace(now.weather, **{name: calm}))
    if plan.routes > 1:
        yield lambda now: replace(now, routes=1)
    if plan.bad:
        yield lambda now: replace(now, bad=False)


def _without(actors: tuple[str, ...], name: str) -> tuple[str, ...]:
    """The last of this name is gone: the numbers of those before it stay."""
    if name not in actors:
        return actors
    at = len(actors) - 1 - actors[::-1].index(name)
    return (*actors[:at], *actors[at + 1 :])


def _kind(broken: str) -> str:
    """What sort of a break it is, without who did it to what."""
    return " ".join(word for word in broken.split() if word.isalpha())[:40]


def _size(outcome: Outcome) -> tuple[int, int]:
    return interesting(outcome.trace), len(outcome.story)


def told(seed: int, outcome: Outcome) -> str:
    """The story of a break, for a person: who did what, and when."""
    return "\n".join([f"seed {seed}: {outcome.broken}", str(outcome.plan), *outcome.story])

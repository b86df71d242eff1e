"""Choices, a stream of numbers for each who chooses: one actor less leaves the choices of all the others as they are.

So a story is made shorter by taking actors, faults and choices out of it one by one, and what is left still happens.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence

from tests.simulation.scheduler import Choices

Trace = dict[str, list[int]]
"""What was chosen, by who chose."""


class Streams(Choices):
    """Numbers by a seed, or as a trace gives them: beyond its end, and for who is not in it, the boring one."""

    def __init__(self, seed: int = 0, given: Mapping[str, Sequence[int]] | None = None) -> None:
        super().__init__(seed)
        self.who: Callable[[], str] = lambda: ""
        """Who chooses now."""
        self.chosen: Trace = {}
        self._seed, self._taken = seed, given
        self._numbers: dict[str, random.Random] = {}

    def below(self, bound: int) -> int:
        """Returns a number from 0 to `bound` - 1."""
        who = self.who()
        trace = self.chosen.setdefault(who, [])
        if self._taken is None:
            if who not in self._numbers:
                self._numbers[who] = random.Random(f"{self._seed} {who}")
            number = self._numbers[who].randrange(bound)
        else:
            given = self._taken.get(who, ())
            number = given[len(trace)] % bound if len(trace) < len(given) else 0
        trace.append(number)
        return number


def interesting(trace: Mapping[str, Sequence[int]]) -> int:
    """How many choices are not the boring one."""
    return sum(sum(map(bool, numbers)) for numbers in trace.values())

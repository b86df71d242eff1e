"""The short mode: half a thousand lives, in which no order of events breaks a promise, and planted bugs that are found.

Longer: `python -m tests.simulation --seeds 100000`. What was found, and mended: docs/reliability.md.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import pytest

from tests.simulation.apiserver import Address, Obj
from tests.simulation.plans import Plan, plan_of
from tests.simulation.planted import COVERED, MISSED_BY, PLANTED, planted
from tests.simulation.search import search, shortest, told
from tests.simulation.simulation import Simulation, live
from tests.simulation.streams import Streams
from tests.simulation.weather import CALM

SEEDS = 500
LIVES_AT_ONCE = 25
FLAGGED = 100
"""Lives of an application that has one."""
FOUND_WITHIN = 300
"""Seeds by which each planted bug has to be found."""


@pytest.mark.timeout(600)
@pytest.mark.parametrize("first", range(0, SEEDS, LIVES_AT_ONCE))
def test_no_order_of_events_breaks_a_promise(first: int) -> None:
    figures = search(range(first, first + LIVES_AT_ONCE))
    stories = [told(seed, shortest(found)) for seed, found in figures.broken.items()]
    assert not stories, "\n\n".join(stories)
    assert figures.moves > 0, "nobody was moved: nothing was seen"


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", [name for name in PLANTED if name not in COVERED])
def test_a_fence_that_is_taken_out_is_missed(name: str) -> None:
    with planted(name):
        figures = search([MISSED_BY[name], *range(FOUND_WITHIN)], stop=True)
    assert figures.broken, f"without {name} no order of {figures.seeds} broke a promise"


def test_a_break_is_told_as_a_short_story_of_those_who_matter() -> None:
    with planted("DarkSide"):
        figures = search(range(FOUND_WITHIN), stop=True)
        (found,) = figures.broken.values()
        story = shortest(found, tries=40)
    assert story.broken
    assert len(story.story) < 40
    assert {"build", "approver"} <= {*story.plan.actors}
    assert len(story.plan.actors) <= 3, str(story.plan)


def test_the_same_seed_is_the_same_life_and_its_choices_make_it_again() -> None:
    first, again = live(plan_of(3), 3), live(plan_of(3), 3)
    replayed = live(plan_of(3), given=first.trace)
    assert first.story == again.story == replayed.story
    assert first.requests == again.requests == replayed.requests


@pytest.mark.parametrize("seed", [9, 7])
def test_a_seed_is_the_same_life_in_another_process_and_after_another_life(seed: int) -> None:
    """No clock, no hash, no address in memory, nothing that is imported on the way (7) and nothing that another life
    left behind decides anything."""
    asked = [sys.executable, "-m", "tests.simulation", "--from", str(seed), "--story"]
    there = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    live(plan_of(8), 8)
    assert told(seed, live(plan_of(seed), seed)) == there.rstrip("\n")


@pytest.mark.parametrize("seed", range(3))
def test_nobody_changes_what_the_server_holds(seed: int) -> None:
    """Readers are handed the server's own objects from their third level on: who writes there changes the world."""
    simulation = Simulation(plan_of(seed), Streams(seed))
    stored: list[tuple[Obj, str]] = []
    seen = simulation.server.written

    def written(address: Address, before: Obj | None, after: Obj | None) -> None:
        stored.append((after or {}, json.dumps(after or {})))
        seen(address, before, after)

    simulation.server.written = written
    simulation.run()
    assert stored
    assert all(json.dumps(obj) == text for obj, text in stored)


def test_a_life_in_which_nothing_goes_wrong_is_a_whole_release() -> None:
    outcome = live(Plan(CALM), given={})
    assert (outcome.broken, outcome.moves) == ("", 1)
    assert any("ends: blue of shop is at rest" in line for line in outcome.story), "\n".join(outcome.story)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("first", range(0, FLAGGED, LIVES_AT_ONCE))
def test_a_maintenance_flag_is_off_again_whatever_the_order_of_events(first: int) -> None:
    lives = {seed: live(replace(plan_of(seed), flag=True), seed) for seed in range(first, first + LIVES_AT_ONCE)}
    assert {seed: found.broken for seed, found in lives.items() if found.broken} == {}
    assert any(found.moves for found in lives.values()), "nobody was moved: nothing was seen"

"""Fifty races of a flip against a rollback, and of others who cross: nobody is lost, one wins, all agree after it."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from time import sleep
from typing import Any, NamedTuple

import pytest

from flipgate.core.record.phases import Phase, QuestionKind
from flipgate.core.record.record import Decision
from flipgate.core.record.release import Release
from flipgate.core.values.errors import FlipgateError, Refused
from flipgate.core.values.sides import Side
from flipgate.steps.acting.world import World
from flipgate.steps.going_back.recover import Outcome, recover
from flipgate.steps.going_back.roll_back import roll_back
from flipgate.steps.going_back.way_back import RolledBack
from flipgate.steps.releasing import questions
from tests.core.builders import ANA
from tests.faults.shops import Cases, Shop, Shops, one_check
from tests.lab import runbook
from tests.lab.stage import phases

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1200)]

FLIP, BACK, SECOND, RECONCILE, APPROVE = "flip", "rollback", "another rollback", "reconcile", "approve"
FLIP_SECONDS = 2.5
"""About as long as a flip takes from its first request to `live`: each starts somewhere in that time."""
OVERTAKEN = re.compile(r"taken over|was stamped in epoch")
"""What a loser may say that it left: the Lease, the record's epoch or a stamp tells it, whichever it meets first."""


class Race(NamedTuple):
    """So many rounds of the same race. The seed decides who starts when."""

    racers: tuple[str, ...]
    seed: int
    rounds: int = 5


RACES = (
    *(Race((FLIP, BACK), seed) for seed in range(6)),
    *(Race((FLIP, BACK, SECOND), seed) for seed in range(6, 8)),
    *(Race((FLIP, BACK, RECONCILE), seed) for seed in range(8, 10)),
    *(Race((APPROVE, BACK), seed) for seed in range(10, 12)),
    *(Race((BACK, SECOND), seed) for seed in range(12, 13)),
    *(Race((FLIP, RECONCILE), seed) for seed in range(13, 14)),
)


def test_fifty_of_them_are_flips_against_rollbacks() -> None:
    assert sum(race.rounds for race in RACES if {FLIP, BACK} <= set(race.racers)) == 50


@pytest.fixture(scope="module")
def raced(request: pytest.FixtureRequest, shops: Shops) -> Iterator[Cases]:
    with shops.at_once(request, run) as cases:
        yield cases


@pytest.mark.parametrize("case", RACES, ids=lambda race: f"{' against '.join(race.racers)} {race.seed}")
def test_race(raced: Cases, case: Race) -> None:
    raced.need(case)


def run(shop: Shop, race: Race) -> None:
    chance = random.Random(race.seed)
    shop.again(edit=one_check)
    for _ in range(race.rounds):
        one_round(shop, race.racers, chance)
    shop.need_none_lost()


def one_round(shop: Shop, racers: tuple[str, ...], chance: random.Random) -> None:
    world, before = shop.world(), shop.live
    release = runbook.dark_and_approved(world, shop.build()) if APPROVE not in racers else posed(shop)
    if FLIP not in racers and APPROVE not in racers:
        runbook.flip_traffic(world)
    starts = {racer: chance.uniform(0, FLIP_SECONDS) for racer in racers}
    first = min(starts.values())
    together = Barrier(len(racers))

    def start(racer: str) -> Any:
        mine = shop.world(racer)
        together.wait(timeout=30)
        sleep(starts[racer] - first)
        try:
            return DEEDS[racer](mine)
        except FlipgateError as error:
            return error

    with ThreadPoolExecutor(len(racers)) as pool:
        came = dict(zip(racers, pool.map(start, racers), strict=True))
    story = f"{starts}: {came}"
    judge(shop, release, before, came, story)
    if BACK not in racers:
        back(world)


def posed(shop: Shop) -> Release:
    """Dark, and a person is asked."""
    release = runbook.deploy_dark(shop.world(), shop.build())
    questions.pose(shop.world(), QuestionKind.FLIP, [])
    return release


def approve_and_flip(world: World) -> Release:
    questions.decide(world, Decision.APPROVE, by=ANA, via="test", reason="looks good")
    return runbook.flip_traffic(world)


def back(world: World) -> RolledBack:
    return roll_back(world, "orders fail", by=world.actor)


def reconcile(world: World) -> Outcome:
    return recover(world, patience_seconds=1)


DEEDS: dict[str, Callable[[World], Any]] = {
    FLIP: runbook.flip_traffic,
    APPROVE: approve_and_flip,
    BACK: back,
    SECOND: back,
    RECONCILE: reconcile,
}


def judge(shop: Shop, release: Release, before: Side, came: dict[str, Any], story: str) -> None:
    """Nobody reconciles first: what the racers have left is what is judged."""
    record = shop.record()
    ended = record.named(release.name)
    assert ended, story
    assert record.open_entry is None, (story, record.open_entry)
    if BACK not in came:
        assert isinstance(came[FLIP], Release), story
        assert ended.phase is Phase.LIVE, (story, phases(ended))
        assert record.active is before.other, story
    else:
        done = [each for each in came.values() if isinstance(each, RolledBack)]
        assert done, story
        assert [each for each in done if not each.left], story
        lines = [line for each in done for line in each.left]
        assert all(OVERTAKEN.search(line) for line in lines), story
        assert [each for each in done if each.recorded], story
        assert ended.phase in (Phase.ABORTED, Phase.ROLLED_BACK), (story, phases(ended))
        assert record.active is before, story
        if ended.phase is Phase.ABORTED:
            assert ended.moved_at is None, story
            assert isinstance(came.get(FLIP, came.get(APPROVE)), Refused), story
    shop.need_agreement()
    assert not recover(shop.world()).changed, story

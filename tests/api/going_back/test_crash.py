"""Killed at either edge of the journal: traffic is whole, nothing stays open, and running again finishes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from flipgate.core.record.phases import Phase
from flipgate.core.record.record import EntryState
from flipgate.core.values.errors import Refused
from flipgate.core.values.sides import Side
from flipgate.steps.going_back.recover import recover
from tests import dying
from tests.api.pipeline import ACTOR, act
from tests.api.shop import BLUE, COUNTS, GREEN, Shop, opened

CHECKOUT = Path(__file__).parents[3]
UP = {"web": 2, "mailer": 0}
AT_REST = dict.fromkeys(COUNTS, 0)


def die(shop: Shop, step: str, edge: str) -> None:
    """Runs the pipeline in a process of its own, which kills itself at this edge."""
    command = [sys.executable, "-m", "tests.api.pipeline", str(shop.kubeconfig), shop.own, shop.name, step]
    environment = {**os.environ, **dying.at(*edge.split(":"))}
    ended = subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, timeout=300)
    assert ended.returncode == -signal.SIGKILL, ended.stderr


@pytest.mark.parametrize(("edge", "left"), [("begun", AT_REST), ("done", UP)])
def test_bringing_up(shop: Shop, edge: str, left: dict[str, int]) -> None:
    world = shop.adopted(ACTOR)
    opened(world)
    die(shop, "bring-up", f"BringUp:{edge}")
    assert shop.counts(GREEN) == left
    assert shop.where() == ("blue",)
    died = world.store.read().open_entry
    assert died
    assert died.step == "BringUp"

    outcome = recover(world)
    record = world.store.read()
    assert (outcome.changed, outcome.pipeline) == (True, "deploy-dark")
    assert (record.open_entry, record.phase) == (None, Phase.DEPLOYING)

    act(world, "bring-up")
    assert shop.counts(GREEN) == UP
    assert shop.deployment(GREEN, "web")["spec"]["template"]["spec"]["containers"][0]["image"] == "shop/web:2"
    assert shop.counts(BLUE) == COUNTS
    assert world.store.read().open_entry is None


@pytest.mark.parametrize(
    ("edge", "there", "phase"),
    [("begun", BLUE, Phase.DARK), ("done", GREEN, Phase.FLIPPING)],
    ids=["before the first patch", "after the last patch"],
)
def test_moving(shop: Shop, edge: str, there: Side, phase: Phase) -> None:
    world = shop.gone_live(ACTOR, until=Phase.DARK)
    die(shop, "move", f"MoveRoutes:{edge}")
    assert shop.where() == (there,)
    record = world.store.read()
    assert (record.active, record.both_protected) == (BLUE, True)

    outcome = recover(world)
    record = world.store.read()
    assert (outcome.changed, outcome.pipeline) == (True, "flip-traffic")
    assert (record.open_entry, record.phase, record.active) == (None, phase, there)
    assert shop.where() == (there,)

    act(world, "move")
    assert shop.where() == ("green",)
    assert world.store.read().journal[-1].state is EntryState.DONE


def test_another_actor_waits_for_silence_before_it_settles(shop: Shop) -> None:
    opened(shop.adopted(ACTOR))
    die(shop, "bring-up", "BringUp:begun")
    ben = shop.world("ben")
    with pytest.raises(Refused, match=f"held by {ACTOR}"), ben.acting(patience_seconds=0):
        pytest.fail("nobody has seen yet that the other one is dead")
    with ben.acting(steal=True) as acting:
        assert acting.record.open_entry

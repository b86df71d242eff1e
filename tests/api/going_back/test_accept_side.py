"""Images and counts of the live side that others changed, taken as right on a person's word. On a real API server."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest

from flipgate.core.record.phases import Phase, Reason
from flipgate.core.record.record import advance
from flipgate.core.values.sides import Side
from flipgate.steps.acting.world import World
from flipgate.steps.looking.look import look
from flipgate.steps.releasing.meant import mean
from flipgate.steps.watching.conditions import note_conditions
from tests.api.desk import Desk, now
from tests.api.shop import BLUE, GREEN, Shop
from tests.api.telling import heard

WHY = "the fix of 03:12 stays"
IMAGE = "/spec/template/spec/containers/0/image"
TAKEN = "web shop/web:1 -> shop/web:9"


def changed(shop: Shop, side: Side = BLUE, replicas: int = 1, ready: int | None = None) -> None:
    """Somebody sets another image, and too few pods, and they come up."""
    shop.patch(f"{shop.deployments(side)}/web", ("replace", IMAGE, "shop/web:9"))
    shop.scale(side, "web", replicas)
    shop.play_ready(side, "web", ready=ready)


def versions(shop: Shop) -> list[Any]:
    """Of all that a release may change in the cluster."""
    return [shop.deployment(side, "web")["metadata"]["resourceVersion"] for side in Side] + [shop.route()]


def test_it_is_taken_into_the_record_with_before_and_after_and_nothing_in_the_cluster_is_changed(
    shop: Shop, world: World
) -> None:
    desk, said = Desk(shop), heard(world)
    changed(shop)
    note_conditions(world)
    before, kept = versions(shop), world.store.read().sides[GREEN]
    result = desk.run("adopt", shop.name, "--reason", WHY)
    assert result.exit_code == 0, result.output
    assert f"live side of {shop.name}: {TAKEN}, " in result.stdout
    assert "pods 2 -> 1" in result.stdout
    assert "the next release asks for 2 again, as the file says" in result.stderr
    record = world.store.read()
    assert versions(shop) == before
    assert (record.sides[BLUE].images["web"], record.sides[BLUE].replicas["web"]) == ("shop/web:9", 1)
    assert record.sides[GREEN] == kept
    entry = record.journal[-1]
    assert (entry.step, WHY in entry.outcome, TAKEN in entry.outcome) == ("AdoptLiveSide", True, True)
    note_conditions(world)
    note_conditions(world)
    (found,) = [each for each in world.store.read().conditions if each.type == "LiveSideReady"]
    assert found.status == "True"
    assert [text for text in said if "is not ready" in text] == said[:1]
    assert mean(world, look(world), {}, {}).is_live, "the next release begins from what is there"
    again = desk.data("adopt", shop.name, "--reason", WHY)
    assert (again["changed"], again["liveSide"]) == (False, [])


def test_what_is_not_up_is_not_taken(shop: Shop, world: World) -> None:
    changed(shop, replicas=2, ready=1)
    record = world.store.read()
    error = json.loads(Desk(shop).run("adopt", shop.name, "--reason", WHY, "-o", "json").stderr)["error"]
    assert (error["reason"], "web 1 of 2 Ready" in error["fact"]) == ("LiveSideNotReady", True), error
    assert world.store.read().sides == record.sides


@pytest.mark.parametrize("until", [Phase.DARK, Phase.LIVE])
def test_beside_an_open_release_nothing_is_taken(shop: Shop, until: Phase) -> None:
    world = shop.gone_live(until=until)
    changed(shop, GREEN if until is Phase.LIVE else BLUE, replicas=2)
    record = world.store.read()
    assert Desk(shop).refused("adopt", shop.name, "--reason", WHY) == "WrongPhase"
    assert world.store.read().sides == record.sides


def test_the_story_of_the_release_that_is_live_says_who_took_what_and_why(shop: Shop) -> None:
    world, desk = shop.gone_live(), Desk(shop)
    for phase, reason in ((Phase.SETTLING, Reason.SETTLE_APPROVED), (Phase.SETTLED, Reason.OLD_SIDE_AT_REST)):
        world.store.update(partial(advance, phase=phase, reason=reason, now=now(), actor="ana"))
    changed(shop, GREEN, replicas=2)
    assert desk.data("adopt", shop.name, "--reason", WHY)["changed"] is True
    last = world.store.read().last
    assert last is not None
    told = desk.run("history", shop.name, last.name).stdout
    assert "AdoptLiveSide" in told
    assert f"{WHY}: web shop/web:2 -> shop/web:9" in told

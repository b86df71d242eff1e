"""A drift of the routes, settled by a person's word: put back, or kept. On a real API server."""

from __future__ import annotations

import json
from typing import Any

import pytest

from flipgate.core.record.phases import Phase
from flipgate.core.record.record import EntryState
from flipgate.core.values.errors import BadInput, Conflict
from flipgate.steps.acting.world import World
from flipgate.steps.going_back import roll_back as rolling_back
from flipgate.steps.going_back.recover import recover
from flipgate.steps.going_back.settle_drift import accept, restore
from flipgate.steps.moving import move
from flipgate.steps.watching.conditions import note_conditions
from tests.api.desk import Desk
from tests.api.shop import BLUE, GREEN, Shop
from tests.api.steps import refusing, users_complain
from tests.api.telling import heard

WHY = "edited by mistake"


def moved_by_hand(shop: Shop) -> None:
    shop.point("live", shop.namespace(GREEN))


def test_what_would_be_put_back_is_shown_then_put_back_and_told_with_the_reason(shop: Shop, world: World) -> None:
    desk = Desk(shop)
    said = heard(world)
    assert desk.data("restore", shop.name, "--reason", WHY)["changed"] is False
    moved_by_hand(shop)
    (line,) = desk.data("restore", shop.name, "--dry-run")["wouldChange"]
    assert f"kubectl -n {shop.own} patch ingressroutes.traefik.io live" in line
    assert shop.where() == ("green",)

    with shop.playing_ready():
        result = desk.run("restore", shop.name, "--reason", WHY)
    assert (result.exit_code, shop.where()) == (0, ("blue",)), result.output
    assert result.stdout.startswith(f"users of {shop.name} are on blue again, where the record has them: ")
    record = world.store.read()
    assert (record.active, record.open_entry) == (BLUE, None)
    assert any(f": {WHY} (restored after a drift)" in entry.outcome for entry in record.journal)
    events = shop.cluster.items(f"/api/v1/namespaces/{shop.own}/events")
    assert [each["reason"] for each in events if WHY in each["message"]] == ["TrafficRestored"], "told once"
    note_conditions(world)
    assert not [text for text in said if "has drifted" in text]


def test_nobody_is_sent_to_a_side_without_ready_pods(shop: Shop, world: World) -> None:
    moved_by_hand(shop)
    shop.play_ready(BLUE, "web", ready=0)
    before, route = world.store.read(), shop.route()
    with refusing("WayBackNotReady", "is not Ready: web 0"):
        restore(world, WHY, by="ana")
    assert shop.route() == route
    assert world.store.read().journal == before.journal


def test_a_patch_of_a_restore_is_taken_once_however_late_it_comes_again(
    shop: Shop, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[tuple[Any, ...]] = []
    patch_route = move.patch_route

    def send(cluster: Any, patch: Any, **more: Any) -> None:
        sent.append((cluster, patch))
        patch_route(cluster, patch, **more)

    moved_by_hand(shop)
    monkeypatch.setattr(move, "patch_route", send)
    with shop.playing_ready():
        restore(world, WHY, by="ana")
    _, late = sent[0]
    moved_by_hand(shop)
    with pytest.raises(Conflict):
        patch_route(shop.cluster, late)
    assert shop.where() == ("green",)


@pytest.mark.parametrize("edge", ["begun", "done"])
def test_a_restore_that_is_killed_at_an_edge_of_its_move_is_finished_by_reconcile(
    shop: Shop, world: World, monkeypatch: pytest.MonkeyPatch, edge: str
) -> None:
    goes = rolling_back.move_back

    def killed(*given: Any, **more: Any) -> Any:
        if edge == "done":
            goes(*given, **more)
        raise KeyboardInterrupt

    moved_by_hand(shop)
    with monkeypatch.context() as patch:
        patch.setattr(rolling_back, "move_back", killed)
        with pytest.raises(KeyboardInterrupt):
            restore(world, WHY, by="ana")
    assert shop.where() == ("blue" if edge == "done" else "green",)
    with refusing("JournalOpen"):
        restore(shop.world("ben"), WHY, by="ben")
    with shop.playing_ready():
        recover(world)
    record = world.store.read()
    assert (shop.where(), record.active, record.open_entry) == (("blue",), BLUE, None)
    assert all(entry.state is not EntryState.BEGUN for entry in record.journal)


def test_what_is_there_is_taken_as_meant_and_what_works_on_the_live_side_follows(shop: Shop, world: World) -> None:
    desk = Desk(shop)
    shop.scaled(GREEN, "web", 2)
    moved_by_hand(shop)
    with shop.playing_ready():
        answer = desk.data("adopt", shop.name, "--reason", "moved for the night")
    assert (answer["active"], answer["changed"], shop.where()) == ("green", True, ("green",))
    record = world.store.read()
    assert (record.active, record.phase, record.open_entry) == (GREEN, Phase.SETTLED, None)
    assert any("moved for the night (adopted after a drift)" in entry.outcome for entry in record.journal)
    assert (shop.counts(GREEN)["mailer"], shop.counts(BLUE)["mailer"]) == (1, 0)
    assert desk.data("status", shop.name)["drift"] is None
    assert desk.data("adopt", shop.name, "--reason", "again")["changed"] is False


def test_a_side_without_ready_pods_is_not_taken_as_meant(shop: Shop, world: World) -> None:
    moved_by_hand(shop)
    with refusing("WayBackNotReady"):
        accept(world, WHY, by="ana")
    assert (world.store.read().active, shop.where()) == (BLUE, ("green",))


def test_an_open_release_is_not_settled_beside_its_run_and_what_to_type_is_said(shop: Shop) -> None:
    world = shop.gone_live(until=Phase.DARK)
    moved_by_hand(shop)
    refused = json.loads(Desk(shop).run("adopt", shop.name, "--reason", WHY, "-o", "json").stderr)["error"]
    assert (refused["reason"], refused["next"]) == (
        "WrongPhase",
        f'flipgate rollback {shop.name} --to blue --reason "..."',
    )
    with shop.playing_ready():
        assert restore(world, WHY, by="ana")
    assert (shop.where(), world.store.read().phase) == (("blue",), Phase.DARK)


def test_users_are_sent_on_to_a_live_release_again_whose_route_somebody_wrote_back(shop: Shop) -> None:
    world = shop.gone_live()
    shop.point("live", shop.namespace(BLUE))
    with shop.playing_ready():
        assert restore(world, "Git was behind", by="ana")
    record = world.store.read()
    assert (shop.where(), record.active, record.phase) == (("green",), GREEN, Phase.LIVE)


def test_what_users_were_taken_back_from_is_not_taken_as_meant(shop: Shop) -> None:
    world = shop.gone_live()
    users_complain(shop)
    moved_by_hand(shop)
    with refusing("NotAWayBack"):
        accept(world, WHY, by="ana")


def test_before_anything_is_managed_and_without_a_reason_nothing_is_settled(shop: Shop, world: World) -> None:
    with pytest.raises(BadInput, match="needs a reason"):
        restore(world, " ", by="ana")
    Desk(shop).forget()
    assert Desk(shop).refused("adopt", shop.name, "--reason", WHY) == "Unmanaged"

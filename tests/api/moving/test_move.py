"""Moving everybody: fenced forward, all or none; free of fences on the way back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from flipgate.adapters.routes import patch_route
from flipgate.core.record import record as records
from flipgate.core.record.approvals import Granted
from flipgate.core.record.intents import BRING_UP, MOVE_ROUTES
from flipgate.core.record.phases import Phase, QuestionKind
from flipgate.core.record.record import EntryState
from flipgate.core.traffic.traffic import WAY_BACK
from flipgate.core.values.errors import LostLease, Refused
from flipgate.core.values.sides import Side
from flipgate.core.values.stamps import STAMP
from flipgate.steps.acting.journal import Entry, journal
from flipgate.steps.acting.world import World
from flipgate.steps.looking.look import look, look_at_side
from flipgate.steps.moving.move import MOVE_TRIES, move, move_back, need_counts
from flipgate.steps.moving.stamp import stamp
from flipgate.steps.releasing.bring_up import scale_to_live
from flipgate.steps.releasing.questions import need_phase, standing
from tests.api.authority import unleased
from tests.api.meddling import meddled_with
from tests.api.shop import BLUE, GREEN, Shop, last_entry, under_lease
from tests.api.steps import approved, refusing
from tests.repeating import repeating


def test_a_stamp_is_on_every_deployment_of_the_side_and_keeps_other_labels(shop: Shop, world: World) -> None:
    shop.patch(f"{shop.deployments(GREEN)}/web", ("add", "/metadata/labels", {"team": "checkout"}))
    before = {
        d["metadata"]["name"]: d["metadata"].get("labels", {}) for d in shop.cluster.items(shop.deployments(GREEN))
    }
    unleased(world, stamp, look_at_side(world, GREEN), epoch=7)
    for deployment in shop.cluster.items(shop.deployments(GREEN)):
        labels = deployment["metadata"]["labels"]
        assert labels.pop(STAMP).startswith("7.")
        assert labels == before[deployment["metadata"]["name"]]


def test_a_move_takes_every_route_is_journaled_and_changes_the_namespace_and_nothing_else_once(
    two_routes: Shop,
) -> None:
    world, before = two_routes.adopted(), two_routes.route("live")["spec"]
    moved = under_lease(world, move, GREEN)
    assert (moved.to, len(moved.patches)) == (GREEN, 2)
    assert two_routes.where() == ("green", "green")
    entry = last_entry(world)
    assert (entry.step, entry.state, entry.intent) == (MOVE_ROUTES, EntryState.DONE, {"to": "green", "from": "blue"})
    assert world.store.read().active is GREEN

    before["routes"][0]["services"][0]["namespace"] = two_routes.namespace(GREEN)
    assert two_routes.route("live")["spec"] == before
    version = two_routes.version(two_routes.route_path("live"))
    assert under_lease(world, move, GREEN).patches == (), "moving again moves nothing"
    assert two_routes.version(two_routes.route_path("live")) == version


def test_an_unrelated_write_since_the_route_was_read_is_kept_and_holds_up_no_move(shop: Shop, world: World) -> None:
    meddled_with(world, *(lambda: shop.annotate(value="mine") for _ in range(MOVE_TRIES - 1)))
    under_lease(world, move, GREEN)
    assert shop.where() == ("green",)
    notes = shop.route()["metadata"]["annotations"]
    assert notes["someone"] == "mine"
    assert f'"{shop.namespace(BLUE)}"' in notes[WAY_BACK]
    assert last_entry(world).state is EntryState.DONE


def test_a_route_that_is_written_without_end_is_not_moved(shop: Shop, world: World) -> None:
    meddled_with(world, *(shop.annotate for _ in range(MOVE_TRIES)))
    with refusing("RouteChanged", f"others wrote it {MOVE_TRIES} times in a row"):
        under_lease(world, move, GREEN)
    assert shop.where() == ("blue",)


def by_a_rollback(shop: Shop) -> None:
    unleased(shop.world("ben"), move_back, BLUE)


def made_anew(shop: Shop) -> None:
    shop.cluster.delete(shop.route_path())
    shop.add_route("live", BLUE)


def written(pointer: str, value: Any) -> Callable[[Shop], None]:
    return lambda shop: shop.patch(shop.route_path(), ("add", pointer, value))


@pytest.mark.parametrize(
    "deed",
    [
        written("/spec/routes/0/match", "Host(`y`)"),
        written("/spec/routes/0/services/0/weight", 3),
        written("/spec/routes/0/services/0/namespace", "elsewhere"),
        written("/metadata/labels", {"traefik": "outside"}),
        written("/metadata/annotations", {"kubernetes.io/ingress.class": "outside"}),
        by_a_rollback,
        made_anew,
    ],
    ids=["rule", "weight", "side", "labels", "class", "rollback", "made anew"],
)
def test_a_write_that_matters_since_the_route_was_read_refuses_the_move(
    shop: Shop, world: World, deed: Callable[[Shop], None]
) -> None:
    meddled_with(world, lambda: deed(shop))
    with pytest.raises(Refused, match="changed by somebody else") as refused:
        under_lease(world, move, GREEN)
    assert refused.value.reason == "RouteChanged"
    assert "--show-managed-fields" in refused.value.next_command
    assert shop.where() != ("green",)
    assert last_entry(world).state is EntryState.UNDONE
    assert world.store.read().active is BLUE


def test_a_route_deleted_since_it_was_read_refuses_the_move(shop: Shop, world: World) -> None:
    meddled_with(world, lambda: shop.cluster.delete(shop.route_path()))
    with refusing("RouteChanged", "is gone"):
        under_lease(world, move, GREEN)


def test_when_a_later_route_is_refused_the_earlier_ones_go_back(two_routes: Shop) -> None:
    world = two_routes.adopted()

    def nothing_yet() -> None:
        assert two_routes.where() == ("blue", "blue")

    def second() -> None:
        assert two_routes.where() == ("green", "blue")
        two_routes.point("back", "elsewhere")

    meddled_with(world, nothing_yet, second)
    with pytest.raises(Refused, match="traffic is on blue"):
        under_lease(world, move, GREEN)
    assert two_routes.where() == ("blue", "elsewhere")
    assert last_entry(world).state is EntryState.UNDONE


def test_an_actor_that_was_taken_over_moves_nothing(shop: Shop) -> None:
    ana, ben = shop.adopted("ana"), shop.world("ben")
    with ana.acting() as as_ana, ben.acting(steal=True), pytest.raises(LostLease):
        move(as_ana, GREEN)
    assert shop.where() == ("blue",)
    assert ana.store.read().open_entry is None


def test_an_actor_that_is_taken_over_while_it_tries_again_moves_nothing(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana, ben = shop.adopted("ana"), shop.world("ben")

    def taken_over(*arguments: Any) -> None:
        """Ben has the Lease before the route is written; Ana hears of it at her next renewal only."""
        monkeypatch.undo()
        other.enter_context(ben.acting(steal=True))
        shop.annotate()
        patch_route(*arguments)

    monkeypatch.setattr("flipgate.steps.moving.move.patch_route", taken_over)
    with ExitStack() as other, ana.acting() as acting, pytest.raises(LostLease):
        move(acting, GREEN)
    assert shop.where() == ("blue",)


def test_who_is_taken_over_right_after_the_entry_moves_nothing(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its process slept for a moment, and the rollback that came meanwhile is through when it wakes."""
    world = shop.gone_live(until=Phase.DARK)

    @contextmanager
    def sleeping(*step: Any, **also: Any) -> Iterator[Entry]:
        with journal(*step, **also) as entry:
            with shop.world("ben").acting(steal=True) as acting:
                move_back(acting, BLUE)
            yield entry

    monkeypatch.setattr("flipgate.steps.moving.move.journal", sleeping)
    with pytest.raises(LostLease):
        under_lease(world, move, GREEN)
    assert shop.where() == ("blue",)


def test_the_way_back_is_not_held_up_by_an_unrelated_writer(two_routes: Shop) -> None:
    world = two_routes.adopted()
    under_lease(world, move, GREEN)
    with repeating(lambda: two_routes.annotate("live")), repeating(lambda: two_routes.annotate("back")):
        for _ in range(5):
            unleased(world, move_back, BLUE)
            assert two_routes.where() == ("blue", "blue")
            unleased(world, move_back, GREEN)


def test_a_move_is_refused_while_a_step_is_open(shop: Shop, world: World) -> None:
    world.store.update(lambda record: records.begin(record, BRING_UP, "ben", world.now(), {})[0])
    meddled_with(world, lambda: pytest.fail("it went as far as the routes"))
    with refusing("JournalOpen", "BringUp by ben"):
        under_lease(world, move, GREEN)
    assert shop.where() == ("blue",)


def test_a_side_with_too_few_ready_pods_gets_no_users(shop: Shop, world: World) -> None:
    with refusing("TooFewReady", r"too few Ready pods.*: web 0 of 2"):
        need_counts(world, look(world), GREEN)


@pytest.mark.parametrize("side", [BLUE, GREEN])
def test_a_dark_side_that_has_become_too_small_is_scaled_first_and_the_approval_stands(shop: Shop, side: Side) -> None:
    world = shop.gone_live(until=Phase.DARK)
    approved(world)
    shop.scale(side, "web", 5 if side is BLUE else 1)  # its autoscaler: the live side's grew, or the idle one's shrank
    with shop.playing_ready(), world.acting() as acting:
        release = scale_to_live(acting, need_phase(world, world.store.read(), QuestionKind.FLIP))
        assert shop.counts(GREEN) == {"web": 5 if side is BLUE else 2, "mailer": 0}
        assert world.store.read().release == release
        assert isinstance(standing(world, QuestionKind.FLIP), Granted)
        entries = world.store.read().journal
        assert [entry.step for entry in entries][-1] == BRING_UP
        assert scale_to_live(acting, release) == release
    assert world.store.read().journal == entries, "enough is left alone"
    assert shop.where() == ("blue",)

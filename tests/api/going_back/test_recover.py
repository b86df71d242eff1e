"""Settling what an interrupted step left: nothing, a whole move, half a move, or drift that only a person explains."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from flipgate.adapters.routes import patch_route
from flipgate.core.record import record as records
from flipgate.core.record.announcement import Announcement
from flipgate.core.record.intents import BRING_UP, HAND_OVER, MOVE_ROUTES
from flipgate.core.record.phases import Phase, Reason
from flipgate.core.record.record import EntryState
from flipgate.core.values.base import but
from flipgate.core.values.errors import Conflict, Refused, TemporaryError
from flipgate.core.values.reasons import Why
from flipgate.core.way_back.going_back import earliest_stamp, latest_stamp
from flipgate.steps.acting.outbox import advance
from flipgate.steps.acting.world import World
from flipgate.steps.going_back import recover as recovering
from flipgate.steps.going_back.recover import recover
from flipgate.steps.looking.look import look
from flipgate.steps.moving.move import plan_to_send
from tests.api.shop import BLUE, GREEN, Shop, advanced, opened
from tests.api.steps import refusing
from tests.api.telling import Listening

FORWARD = {"to": "green", "from": "blue"}


def leave_open(world: World, step: str, intent: Mapping[str, str] = FORWARD) -> int:
    """What a step that died after its first edge leaves in the record: an entry of this number."""
    return world.store.update(lambda r: records.begin(r, step, "dead", world.now(), intent)[0]).journal[-1].id


def entry_of(world: World, number: int) -> records.JournalEntry:
    return next(entry for entry in world.store.read().journal if entry.id == number)


def test_there_is_nothing_to_settle_and_drift_is_refused_with_both_values(shop: Shop, world: World) -> None:
    before = world.store.read()
    outcome = recover(world)
    assert (outcome.changed, outcome.pipeline) == (False, "")
    assert outcome.fact == "nothing to recover: `settled`, traffic on blue"
    assert world.store.read() == before

    shop.point("live", f"{shop.name}-green")
    with refusing("Drifted", r"the routes say green .* the record says blue"):
        recover(world)
    assert shop.where() == ("green",)


def test_who_meets_a_drift_tells_what_waits_to_be_told(shop: Shop, world: World) -> None:
    """A message that a chat did not take, or a command line that has none has left, waits for no other condition."""
    chat = Listening()
    waiting = Announcement(id="1", release="r-1", side=GREEN, text="frozen by ana", at=world.now())
    world.store.update(lambda record: but(record, outbox=(waiting,)))
    shop.point("live", f"{shop.name}-green")
    with refusing("Drifted"):
        recover(replace(world, chat=chat))
    assert [text for text in chat.told if "frozen by ana" in text]
    assert world.store.read().outbox == ()


def test_a_half_moved_set_of_routes_goes_back_whole(two_routes: Shop) -> None:
    shop, world = two_routes, two_routes.adopted()
    advanced(world, opened(world), Phase.FLIPPING)
    number = leave_open(world, MOVE_ROUTES)
    shop.point("live", f"{shop.name}-green")

    outcome = recover(world)
    assert (outcome.changed, outcome.pipeline) == (True, "flip-traffic")
    assert shop.where() == ("blue", "blue")
    record = world.store.read()
    assert (record.phase, record.open_entry, record.question) == (Phase.DARK, None, None)
    assert record.release
    assert record.release.changes[-1].reason is Reason.MOVE_UNDONE
    view = look(world)
    dark, moved = latest_stamp(view.sides[GREEN]), earliest_stamp(view.traffic)
    assert dark is not None
    assert moved is not None
    assert dark >= moved, "or a rollback without the record would take it for what was live before"
    assert entry_of(world, number).state is EntryState.UNDONE
    assert recover(world).changed is False


def test_a_move_that_had_arrived_is_kept(shop: Shop, world: World) -> None:
    advanced(world, opened(world), Phase.FLIPPING)
    number = leave_open(world, MOVE_ROUTES)
    shop.point("live", f"{shop.name}-green")

    outcome = recover(world)
    assert (outcome.changed, outcome.pipeline) == (True, "flip-traffic")
    assert shop.where() == ("green",)
    assert entry_of(world, number).state is EntryState.DONE
    assert (world.store.read().active, world.store.read().phase) == (GREEN, Phase.FLIPPING)


def test_what_was_still_on_its_way_to_a_move_that_is_kept_is_refused(two_routes: Shop) -> None:
    """One route's patch was not answered for, the other was sent back, and that hung too: then the first arrived."""
    shop, world = two_routes, two_routes.adopted()
    advanced(world, opened(world), Phase.FLIPPING)
    leave_open(world, MOVE_ROUTES)
    for route in shop.routes:
        shop.point(route, f"{shop.name}-green")
    with world.acting() as acting:
        back = [*plan_to_send(acting, BLUE, versions=False)[1]]

    assert "it is kept" in recover(world).fact
    for patch in back:
        with pytest.raises(Conflict):
            patch_route(shop.cluster, patch)
    assert shop.where() == ("green", "green")


def test_a_move_whose_routes_are_written_right_after_each_look_is_left_to_the_next_turn(
    shop: Shop, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    advanced(world, opened(world), Phase.FLIPPING)
    number = leave_open(world, MOVE_ROUTES)
    shop.point("live", f"{shop.name}-green")

    def written_since(*_: object, **__: object) -> None:
        raise Refused("was written by somebody else", reason=Why.SIDE_CHANGED)

    with monkeypatch.context() as others:
        others.setattr(recovering, "close_routes", written_since)
        with pytest.raises(TemporaryError, match=f"{recovering.CLOSE_TRIES} times in a row"):
            recover(world)
    assert entry_of(world, number).state is EntryState.BEGUN
    assert "it is kept" in recover(world).fact


def test_a_step_that_moves_no_traffic_or_that_nobody_knows_is_closed_as_undone_and_done_again(world: World) -> None:
    """The second is of a newer flipgate, or an older one: its run looks, and does what is missing."""
    release = opened(world)
    for step in (BRING_UP, "WarmCaches"):
        number = leave_open(world, step)
        outcome = recover(world)
        assert (outcome.changed, outcome.pipeline) == (True, "deploy-dark")
        assert outcome.fact == f"entry {number} ({step}) is closed: deploy-dark does what is missing"
        assert entry_of(world, number).state is EntryState.UNDONE
        assert world.store.read().release == release


@pytest.mark.parametrize("moved", ["live", ""])
def test_an_interrupted_way_back_is_gone_on_with_and_not_undone(two_routes: Shop, moved: str) -> None:
    shop, world = two_routes, two_routes.adopted()
    release = opened(world)
    advanced(world, release, Phase.BAKING)
    for route in shop.routes:
        shop.point(route, f"{shop.name}-{'blue' if route == moved else 'green'}")
    advance(world, release.name, Phase.ROLLING_BACK, Reason.ROLLBACK_REQUESTED)
    world.store.update(lambda r: records.begin(r, MOVE_ROUTES, "dead", world.now(), {"to": "blue", "from": "green"})[0])

    outcome = recover(world)
    assert outcome.pipeline == "roll-back"
    assert shop.where() == ("blue", "blue")


def test_a_way_back_that_a_person_named_goes_on_too(shop: Shop, world: World) -> None:
    shop.point("live", f"{shop.name}-green")
    world.store.update(lambda r: but(r, active=GREEN))
    intent = {"to": "blue", "from": "green", "direction": "back"}
    world.store.update(lambda r: records.begin(r, MOVE_ROUTES, "dead", world.now(), intent)[0])
    with shop.playing_ready():
        recover(world)
    record = world.store.read()
    assert (shop.where(), record.active, record.open_entry) == (("blue",), BLUE, None)
    assert record.journal[-1].step == HAND_OVER, "nobody else hands the workers over: no release is open"


def test_the_living_are_not_recovered_from(shop: Shop) -> None:
    ana, ben = shop.adopted("ana"), shop.world("ben")
    with ana.acting():
        leave_open(ana, MOVE_ROUTES)
        with pytest.raises(Refused, match="held by ana"), ben.acting(patience_seconds=0):
            pytest.fail("two actors at once")


def test_workers_are_not_handed_over_to_a_side_that_users_have_left_meanwhile(shop: Shop, world: World) -> None:
    """As by the line for the way back by hand, while a run that handed them over was dead."""
    number, before = leave_open(world, HAND_OVER), (shop.counts(BLUE), shop.counts(GREEN))
    outcome = recover(world)
    assert outcome.fact == "users were sent to blue meanwhile: workers are left as they are"
    assert (shop.counts(BLUE), shop.counts(GREEN)) == before
    assert entry_of(world, number).state is EntryState.UNDONE


def test_an_interrupted_way_back_to_a_side_that_went_to_rest_brings_it_up_first(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its pods were counted before the entry, and were told to end right then."""
    world = shop.gone_live(until=Phase.BAKING)
    release = world.store.read().release
    assert release
    advance(world, release.name, Phase.ROLLING_BACK, Reason.ROLLBACK_REQUESTED)
    shop.scale(BLUE, "web", 0)
    shop.play_ready(BLUE, "web", ready=0)
    leave_open(world, MOVE_ROUTES, {"to": "blue", "from": "green", "direction": "back"})
    monkeypatch.setattr(recovering, "WAY_BACK_SECONDS", 0.2)
    with refusing("WayBackNotReady"):
        recover(world)
    assert shop.where() == ("green",), "users stay where somebody answers"
    with shop.playing_ready():
        recover(world)
    assert shop.where() == ("blue",)

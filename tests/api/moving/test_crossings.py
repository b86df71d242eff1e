"""Two actors whose ways cross, in orders that somebody looked for on purpose: no order empties the side users are on,
sends them to an empty one, or leaves something that can never be finished."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from flipgate.core.record import record as records
from flipgate.core.record.occupant import Contract
from flipgate.core.record.record import Record
from flipgate.core.record.release import Phase
from flipgate.core.values.base import but
from flipgate.core.values.errors import FlipgateError, Refused, TemporaryError
from flipgate.steps.acting.acting import Authority
from flipgate.steps.acting.world import utc_now
from flipgate.steps.going_back import roll_back as going_back
from flipgate.steps.going_back import unrecorded, without_record
from flipgate.steps.going_back.recover import recover
from flipgate.steps.going_back.roll_back import roll_back
from flipgate.steps.looking.look import look, look_at_side, look_at_traffic, need_dark
from flipgate.steps.moving import rest as resting
from flipgate.steps.moving.move import move
from flipgate.steps.moving.rest import rest
from flipgate.steps.moving.stamp import stamp
from flipgate.steps.releasing import bring_up as bringing_up
from flipgate.steps.releasing.bring_up import bring_up
from flipgate.steps.releasing.settle import settle
from flipgate.steps.releasing.setup import adopt
from tests.api.late import behind, routes, stamps_of, workloads_of
from tests.api.shop import BLUE, COUNTS, GREEN, Shop, opened, under_lease
from tests.api.steps import SCALE_DOWN, Install, approved, refusing, unreadable, users_complain
from tests.api.wire import Answer, Holding, Through, serving

Patch = pytest.MonkeyPatch


def unrecorded_rollback(shop: Shop, meanwhile: Callable[[], object] = lambda: None) -> None:
    """By ana, while the record was garbled; `meanwhile` nobody has reconciled."""
    with unreadable(shop):
        users_complain(shop)
        meanwhile()


def emptied(shop: Shop) -> None:
    for name in COUNTS:
        shop.scale(BLUE, name, 0)
    shop.play_ready(BLUE)


def denied(name: str) -> Callable[[str, str], Answer | None]:
    """A user who may not write this route."""
    return lambda method, path: (403, b"{}") if method == "PATCH" and path.split("?")[0].endswith(f"/{name}") else None


def test_adopting_anew_refuses_what_is_on_its_way(shop: Shop, tmp_path: Path) -> None:
    """A scale-down's writes are held; the record is lost; a person sends users there by hand, and adopts."""
    live, network = shop.gone_live(), Holding(shop.kubeconfig)
    approved(live, SCALE_DOWN)
    with behind(shop, network, tmp_path) as worker:
        network.holds = lambda *sent: workloads_of(BLUE)(*sent) and not stamps_of(BLUE)(*sent)
        with pytest.raises(TemporaryError):
            under_lease(worker, settle)
        shop.cluster.delete(f"{shop.config_maps}/record-{shop.name}")
        shop.point("live", shop.namespace(BLUE))
        adopt(shop.world("ben"))
        assert 422 in network.release()
    assert (shop.where(), shop.counts(BLUE)) == (("blue",), COUNTS)


def test_an_unrecorded_rollback_that_did_not_get_through_is_typed_again(shop: Shop, tmp_path: Path) -> None:
    shop.gone_live()
    shop.write_record("garbled")
    with serving(Holding(shop.kubeconfig, holds=routes), tmp_path) as cluster, pytest.raises(TemporaryError):
        users_complain(shop, cluster=cluster)
    users_complain(shop)
    assert shop.where() == ("blue",)


def test_adopting_again_keeps_the_way_back_without_a_record(shop: Shop) -> None:
    live = shop.gone_live()
    for _ in range(2):
        with live.acting():
            pass
    shop.cluster.delete(f"{shop.deployments(BLUE)}/mailer")
    shop.add_deployment(BLUE, "mailer", 1)
    adopt(live)
    shop.write_record("garbled")
    users_complain(shop)
    assert shop.where() == ("blue",)


def test_a_mark_is_obeyed_once_whatever_its_route_leads_to_by_now(install: Install) -> None:
    shop = install(routes=("live", "back"), weighted=("live",))
    world = shop.gone_live()
    shop.point("back", shop.namespace(GREEN))
    unrecorded_rollback(shop)
    service = {"kind": "TraefikService", "name": "live", "namespace": shop.own}
    shop.patch(shop.route_path("back"), ("replace", "/spec/routes/0/services/0", service))
    with shop.playing_ready():
        assert recover(world).changed
        assert look_at_traffic(world).unrecorded is None
        with world.acting() as acting:
            stamp(acting, look_at_side(world, GREEN))
            move(acting, GREEN)
        assert not recover(world).changed
    assert look_at_traffic(world).active is GREEN


def test_a_mark_that_cannot_be_taken_off_is_not_obeyed_again(two_routes: Shop, tmp_path: Path) -> None:
    shop = two_routes
    shop.gone_live()
    shop.point("back", shop.namespace(GREEN))
    unrecorded_rollback(shop)
    with serving(Through(shop.kubeconfig, before=denied("back")), tmp_path) as cluster, shop.playing_ready():
        pipeline = shop.world("pipeline", cluster)
        assert recover(pipeline).changed
        known = pipeline.store.read()
        again = recover(pipeline)
        assert (again.changed, "still bears the mark" in again.fact) == (False, True)
        assert pipeline.store.read().journal == known.journal


def test_a_mark_sends_nobody_where_a_person_has_taken_users_away_since(shop: Shop) -> None:
    world = shop.gone_live()

    def forward_by_hand() -> None:
        shop.point("live", shop.namespace(GREEN))
        emptied(shop)

    unrecorded_rollback(shop, forward_by_hand)
    assert "users were sent elsewhere since" in recover(world).fact
    assert shop.where() == ("green",)
    assert look_at_traffic(world).unrecorded is None


def test_the_latest_of_two_marks_counts(two_routes: Shop, tmp_path: Path) -> None:
    shop = two_routes
    world = shop.gone_live()
    shop.point("back", shop.namespace(GREEN))

    def eva_decides() -> None:
        eva = shop.world("eva", cluster)
        eva.now = lambda: utc_now().replace(year=utc_now().year + 1)
        roll_back(eva, "blue is worse", by="eva", to=GREEN, now=True)

    with serving(Through(shop.kubeconfig, before=denied("live")), tmp_path) as cluster:
        unrecorded_rollback(shop, eva_decides)
    with shop.playing_ready():
        recover(world)
    assert shop.where() == ("green", "green")


def test_a_contracted_side_gets_its_users_but_not_its_workers(shop: Shop) -> None:
    world = shop.gone_live()
    shop.scale(BLUE, "mailer", 0)
    shop.scale(GREEN, "mailer", 1)
    shop.play_ready(GREEN)
    done = Contract(at=utc_now(), by="ana", reason="legacy_id is gone")

    def contracted(record: Record) -> Record:
        return records.occupied(record, BLUE, but(record.sides[BLUE], contracted=done))

    world.store.update(contracted)
    unrecorded_rollback(shop)
    with shop.playing_ready():
        assert "workers were not handed over to blue: a contract migration" in recover(world).fact
    assert shop.counts(BLUE)["mailer"] == 0


def test_one_route_that_cannot_be_confirmed_holds_up_no_way_back(two_routes: Shop, tmp_path: Path) -> None:
    """A webhook answers 500 for it; it is on the old side already."""
    shop = two_routes
    world = shop.gone_live()
    fails: Callable[[str, str], Answer | None] = lambda m, p: (500, b"{}") if denied("back")(m, p) else None  # noqa: E731
    with serving(Through(shop.kubeconfig, before=fails), tmp_path) as cluster, shop.playing_ready():
        done = roll_back(shop.world("ben", cluster), "orders fail", by="ben")
    assert any("could not be confirmed" in each for each in done.left)
    assert world.store.read().phase is Phase.ROLLED_BACK


def test_a_rollback_that_slept_sends_nobody_to_a_side_that_rests_by_now(shop: Shop, monkeypatch: Patch) -> None:
    """A laptop's lid, between its entry and its patch: another rollback comes through, and then a flip and a rest."""
    shop.gone_live()
    moves = going_back.move_back

    def sleeps(ours: Authority, *arguments: Any, **more: Any) -> Any:
        if ours.world.actor == "ben":
            monkeypatch.undo()
            with shop.playing_ready():
                roll_back(shop.world("eva"), "orders fail", by="eva")
                other = shop.world("pipeline")
                with other.acting() as acting:
                    stamp(acting, look_at_side(other, GREEN))
                    move(acting, GREEN)
                    view = look(other)
                    rest(acting, view, need_dark(other, view))
            shop.play_ready(BLUE)
        return moves(ours, *arguments, **more)

    monkeypatch.setattr(going_back, "move_back", sleeps)
    with suppress(Refused):
        roll_back(shop.world("ben"), "orders fail", by="ben", patience_seconds=0.2)
    assert shop.where() == ("green",)


def crossed_by_a_scale_down(shop: Shop, monkeypatch: Patch, before: Callable[[Shop], object]) -> None:
    """An unrecorded rollback, between its stamps and its routes; a scale-down looks, users come, and then it writes."""
    live = shop.gone_live()
    approved(live, SCALE_DOWN)
    readable = shop.record_text()
    shop.write_record("garbled")
    moves, scales = without_record.move_back, resting._scale

    def slow(*arguments: Any, **more: Any) -> Any:
        shop.write_record(readable)
        before(shop)
        moved: list[Any] = []

        def scale(*written: Any) -> None:
            if not moved:
                moved.append(moves(*arguments, **more))
            scales(*written)

        monkeypatch.setattr(resting, "_scale", scale)
        with suppress(FlipgateError):
            under_lease(live, settle)
        return moved[0] if moved else moves(*arguments, **more)

    monkeypatch.setattr(without_record, "move_back", slow)
    users_complain(shop)


def web_made_anew(shop: Shop) -> None:
    shop.cluster.delete(f"{shop.deployments(BLUE)}/web")
    shop.add_deployment(BLUE, "web", 2)


@pytest.mark.parametrize(
    ("at_work_seconds", "before"),
    [
        (unrecorded.AT_WORK_SECONDS, lambda shop: recover(shop.world())),
        (0.0, lambda shop: recover(shop.world())),
        (unrecorded.AT_WORK_SECONDS, web_made_anew),
    ],
    ids=["at work", "taken for dead", "made anew in between"],
)
def test_a_scale_down_that_crosses_a_rollback_leaves_nobody_on_an_empty_side(
    shop: Shop, monkeypatch: Patch, at_work_seconds: float, before: Callable[[Shop], object]
) -> None:
    monkeypatch.setattr(unrecorded, "AT_WORK_SECONDS", at_work_seconds)
    crossed_by_a_scale_down(shop, monkeypatch, before)
    assert shop.where() != ("blue",) or shop.counts(BLUE)["web"] > 0


def test_pods_are_counted_after_the_side_is_stamped(shop: Shop, monkeypatch: Patch) -> None:
    """They were counted, a scale-down rested them, and then the side was stamped."""
    live = shop.gone_live()
    approved(live, SCALE_DOWN)
    readable = shop.record_text()
    shop.write_record("garbled")
    counts = going_back._judged

    def counted(*arguments: Any) -> Any:
        found = counts(*arguments)
        monkeypatch.undo()
        shop.write_record(readable)
        under_lease(live, settle)
        shop.play_ready(BLUE)
        shop.write_record("garbled")
        return found

    monkeypatch.setattr(going_back, "_judged", counted)
    with pytest.raises(Refused, match="is not Ready"):
        users_complain(shop)
    assert shop.where() == ("green",)


def test_a_side_that_a_person_names_without_a_record_is_brought_up_first(shop: Shop) -> None:
    shop.gone_live()
    emptied(shop)
    shop.write_record("garbled")
    done = users_complain(shop, shop.play_all_ready, to=BLUE)
    assert (done.way, done.recorded, shop.where()) == ("slow", False, ("blue",))
    assert shop.counts(BLUE)["web"] == 2


def test_the_line_on_a_route_works_after_a_rollback_that_died_was_ended(
    shop: Shop, tmp_path: Path, monkeypatch: Patch
) -> None:
    monkeypatch.setattr(unrecorded, "AT_WORK_SECONDS", 0.0)
    world = shop.adopted()
    with world.acting() as acting:
        stamp(acting, look_at_side(world, GREEN))
        move(acting, GREEN)
    network = serving(Holding(shop.kubeconfig, holds=routes), tmp_path)
    with unreadable(shop), network as cluster, pytest.raises(TemporaryError):
        users_complain(shop, cluster=cluster, to=BLUE)
    assert "moved nobody" in recover(world).fact
    (state,) = look_at_traffic(world).routes
    patch = json.loads(shlex.split(state.way_back)[-1].removeprefix("-p="))
    shop.cluster.patch(shop.route_path(), patch)
    assert shop.where() == ("blue",)


def test_an_image_goes_to_its_own_container(shop: Shop, monkeypatch: Patch) -> None:
    """Somebody puts a sidecar before it between the look and the write."""
    world, closes = shop.adopted(), bringing_up.close_routes

    def sidecar(*arguments: Any) -> None:
        closes(*arguments)
        own = shop.deployment(GREEN, "web")["spec"]["template"]["spec"]["containers"]
        both = [{"name": "mesh", "image": "mesh/proxy:9"}, *own]
        shop.patch(f"{shop.deployments(GREEN)}/web", ("replace", "/spec/template/spec/containers", both))

    monkeypatch.setattr(bringing_up, "close_routes", sidecar)
    with world.acting() as acting, refusing("SideChanged"):
        bring_up(acting, opened(world))
    (first, _) = shop.deployment(GREEN, "web")["spec"]["template"]["spec"]["containers"]
    assert first["image"] == "mesh/proxy:9"

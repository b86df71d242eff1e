"""Where going back could hurt: a side nobody approved, one pod missing, a route or a write that is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from flipgate.adapters.cluster import Cluster
from flipgate.core.errors import Refused
from flipgate.core.record import HAND_OVER, EntryState
from flipgate.core.release import Phase, Reason
from flipgate.steps.bring_up import bring_up
from flipgate.steps.journal import journal
from flipgate.steps.move import move
from flipgate.steps.recover import recover
from flipgate.steps.roll_back import roll_back
from flipgate.steps.stamp import stamp
from flipgate.steps.world import World
from lab.records import Lab
from tests.api.shop import BLUE, COUNTS, GREEN, Shop, advanced, opened, repeating
from tests.api.wire import Through, serving

DENIED = (403, b'{"kind": "Status", "message": "denied"}')
BROKEN = (500, b'{"kind": "Status", "message": "webhook is away"}')


@pytest.fixture
def dark(shop: Shop) -> World:
    """A new release up on green, dark: nobody has approved it."""
    world = shop.adopted("pipeline")
    with world.acting():
        release = opened(world)
        bring_up(world, release)
        shop.play_ready(GREEN)
        advanced(world, release, Phase.DARK)
    return world


@pytest.fixture
def live(shop: Shop, dark: World) -> World:
    """The release live on green, blue still up."""
    release = dark.store.read().release
    assert release
    with dark.acting() as record:
        stamp(dark, GREEN, record.epoch)
        move(dark, GREEN)
        for phase, reason in [
            (Phase.FLIPPING, Reason.APPROVED),
            (Phase.BAKING, Reason.TRAFFIC_PROVEN),
            (Phase.LIVE, Reason.BAKE_PASSED),
        ]:
            dark.store.update(
                lambda r, p=phase, why=reason: r.model_copy(update={"release": r.release.advanced(p, why, dark.now())})
            )
    return dark


def test_aborting_rests_the_releases_own_side_only(shop: Shop, dark: World) -> None:
    done = roll_back(shop.world("ana"), "not today", by="ana")
    assert (done.way, done.left, shop.counts(GREEN)["web"]) == ("abort", (), 0)
    assert (shop.counts(BLUE), shop.where()) == (COUNTS, ("blue",))


def test_users_who_are_on_an_unapproved_release_go_back_before_it_is_aborted(shop: Shop, dark: World) -> None:
    shop.point("live", f"{shop.name}-green")  # by hand, behind flipgate's back
    with shop.playing_ready():
        done = roll_back(shop.world("ana"), "who did that?", by="ana")
    assert (done.to, shop.where()) == (BLUE, ("blue",))
    assert (shop.counts(BLUE), shop.counts(GREEN)["web"]) == (COUNTS, 0)
    assert dark.store.read().phase is Phase.SETTLED


def test_nobody_is_sent_to_a_side_that_was_not_approved(shop: Shop, dark: World) -> None:
    with pytest.raises(Refused, match="is `dark`: going there is no way back but a flip") as refused:
        roll_back(shop.world("ana"), "try it", by="ana", to=GREEN)
    assert refused.value.reason == "NotAWayBack"
    roll_back(shop.world("ana"), "not today", by="ana")
    with pytest.raises(Refused, match="is `aborted`"):
        roll_back(shop.world("ana"), "try it", by="ana", to=GREEN)
    assert shop.where() == ("blue",)


def test_without_a_record_nobody_is_sent_forward(shop: Shop, dark: World) -> None:
    shop.write_record("garbled")
    with pytest.raises(Refused, match="nobody can say that green was live before") as refused:
        roll_back(shop.world("ana"), "abort it", by="ana")
    assert (refused.value.reason, shop.where()) == ("NoWayBack", ("blue",))


def test_without_a_record_the_stamps_say_which_side_was_live_before(shop: Shop, live: World) -> None:
    shop.write_record("garbled")
    done = roll_back(shop.world("ana"), "users complain", by="ana")
    assert (done.recorded, shop.where()) == (False, ("blue",))
    with pytest.raises(Refused, match="blue unreadably"):
        roll_back(shop.world("ana"), "and again", by="ana")


def test_one_pod_that_is_missing_keeps_nobody_on_a_bad_side(shop: Shop, live: World) -> None:
    shop.play_ready(BLUE, "web", ready=1)
    with repeating(lambda: [shop.play_ready(side, "mailer") for side in (BLUE, GREEN)]):
        done = roll_back(shop.world("ana"), "users complain", by="ana")
    assert (done.way, shop.where()) == ("fast", ("blue",))
    assert "web on blue has 1 of 2 pods Ready" in done.notes


def test_a_write_that_is_broken_holds_up_no_user(shop: Shop, live: World, tmp_path: Path) -> None:
    def broken(method: str, path: str) -> tuple[int, bytes] | None:
        return BROKEN if method in ("PUT", "PATCH") and ("configmaps" in path or "deployments" in path) else None

    with serving(Through(shop.kubeconfig, before=broken), tmp_path) as cluster:
        done = roll_back(shop.world("ana", cluster), "users complain", by="ana")
    assert (done.to, done.recorded, shop.where()) == (BLUE, False, ("blue",))
    assert "webhook is away" in done.notes[0]


def test_one_route_that_is_denied_keeps_the_others_from_nothing(cluster: Cluster, lab: Lab, tmp_path: Path) -> None:
    shop = Shop.install(cluster, lab.kubeconfig, routes=("front", "middle", "back"))
    shop.adopted()
    for route in shop.routes:
        shop.point(route, f"{shop.name}-green")

    def denied(method: str, path: str) -> tuple[int, bytes] | None:
        return DENIED if method == "PATCH" and "ingressroutes/middle" in path else None

    with serving(Through(shop.kubeconfig, before=denied), tmp_path) as through, shop.playing_ready():
        done = roll_back(shop.world("ana", through), "users complain", by="ana", to=BLUE)
    assert shop.where() == ("blue", "green", "blue")
    assert len(done.left) == 1
    assert "middle could not be moved" in done.left[0]


def test_an_interrupted_hand_over_is_done_again(shop: Shop, live: World) -> None:
    with pytest.raises(KeyboardInterrupt), journal(live, HAND_OVER, to="green"):
        raise KeyboardInterrupt
    with shop.playing_ready():
        assert recover(shop.world("ben")).changed
    assert (shop.counts(BLUE)["mailer"], shop.counts(GREEN)["mailer"]) == (0, 1)
    assert live.store.read().journal[-1].state is EntryState.DONE


def test_a_bake_begun_again_that_cannot_be_proven_goes_back(shop: Shop, live: World) -> None:
    live.store.update(
        lambda r: r.model_copy(update={"release": r.release.model_copy(update={"changes": r.release.changes[:-1]})})
    )
    with shop.playing_ready():
        done = roll_back(shop.world("ana"), "5xx", by="flow", cause=Reason.TRAFFIC_NOT_PROVEN)
    assert (done.recorded, shop.where()) == (True, ("blue",))
    assert live.store.read().release.changes[-2].reason is Reason.TRAFFIC_NOT_PROVEN

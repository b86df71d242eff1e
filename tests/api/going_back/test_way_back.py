"""Where going back could hurt: a side nobody approved, one pod missing, a route or a write that is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flipgate.core.record.intents import HandOver
from flipgate.core.record.occupant import Contract
from flipgate.core.record.phases import Phase, Reason
from flipgate.core.record.record import EntryState, Record
from flipgate.core.values.base import but
from flipgate.core.values.errors import Refused
from flipgate.core.values.sides import Side
from flipgate.steps.acting.world import World
from flipgate.steps.going_back.recover import recover
from flipgate.steps.going_back.roll_back import roll_back
from flipgate.steps.releasing.flip import going_back
from flipgate.steps.releasing.setup import check_application
from tests.api.authority import journaled
from tests.api.shop import BLUE, COUNTS, GREEN, Shop
from tests.api.steps import Install, refusing, unreadable, users_complain
from tests.api.targets import put_service
from tests.api.users import grant, user
from tests.api.wire import Through, serving
from tests.repeating import repeating

DENIED = (403, b'{"kind": "Status", "message": "denied"}')
BROKEN = (500, b'{"kind": "Status", "message": "webhook is away"}')


def test_users_who_are_on_an_unapproved_release_go_back_before_it_is_aborted(shop: Shop, dark: World) -> None:
    shop.point("live", f"{shop.name}-green")  # by hand, behind flipgate's back
    with shop.playing_ready():
        done = roll_back(shop.world("ana"), "who did that?", by="ana")
    assert (done.to, shop.where()) == (BLUE, ("blue",))
    assert (shop.counts(BLUE), shop.counts(GREEN)["web"]) == (COUNTS, 0)
    assert dark.store.read().phase is Phase.SETTLED


def test_nobody_is_sent_to_a_side_that_was_not_approved_also_without_a_record(shop: Shop, dark: World) -> None:
    with unreadable(shop), pytest.raises(Refused, match="nobody can say that green was live before") as refused:
        roll_back(shop.world("ana"), "abort it", by="ana")
    assert (refused.value.reason, shop.where()) == ("NoWayBack", ("blue",))
    with refusing("NotAWayBack", "is `dark`: going there is no way back but a flip"):
        roll_back(shop.world("ana"), "try it", by="ana", to=GREEN)

    done = roll_back(shop.world("ana"), "not today", by="ana")
    assert (done.way, done.left, shop.counts(GREEN)["web"]) == ("abort", (), 0), "the release's own side, and only that"
    assert (shop.counts(BLUE), shop.where()) == (COUNTS, ("blue",))
    with pytest.raises(Refused, match="is `aborted`"):
        roll_back(shop.world("ana"), "try it", by="ana", to=GREEN)
    assert shop.where() == ("blue",)


def test_without_a_record_the_stamps_say_which_side_was_live_before(shop: Shop, live: World) -> None:
    shop.write_record("garbled")
    done = users_complain(shop)
    assert (done.recorded, shop.where()) == (False, ("blue",))
    with pytest.raises(Refused, match="blue unreadably"):
        roll_back(shop.world("ana"), "and again", by="ana")


def only_workers(shop: Shop) -> None:
    """Plays readiness for who is handed over, and for nobody else."""
    for side in (BLUE, GREEN):
        shop.play_ready(side, "mailer")


def with_counts(world: World, side: Side, **facts: Any) -> None:
    """The side's occupant with other facts, as an autoscaled past would have left it."""

    def change(record: Record) -> Record:
        return but(record, sides={**record.sides, side: record.sides[side].model_copy(update=facts)})

    world.store.update(change)


def test_a_quarter_may_be_missing_and_keeps_nobody_on_a_bad_side(shop: Shop, live: World) -> None:
    with_counts(live, BLUE, replicas={"web": 4})
    shop.scale(BLUE, "web", 4)
    shop.play_ready(BLUE, "web", ready=3)
    done = users_complain(shop, lambda: only_workers(shop))
    assert (done.way, shop.where()) == ("fast", ("blue",))
    assert "web on blue has 3 of 4 pods Ready" in done.notes


def test_the_autoscaler_of_a_bad_release_does_not_close_the_way_back_from_it(shop: Shop, live: World) -> None:
    shop.scale(GREEN, "web", 9)
    done = users_complain(shop, lambda: only_workers(shop))
    assert (done.way, shop.counts(BLUE)["web"]) == ("fast", 9)


def test_a_warm_side_is_waited_for_unless_told_to_go_now(shop: Shop, live: World) -> None:
    shop.play_ready(BLUE, "web", ready=1)
    said: list[str] = []
    ana = shop.world("ana")
    ana.say = said.append
    with_counts(live, BLUE, up_seconds=42)
    with repeating(lambda: only_workers(shop)):
        ana.sleep = lambda _: shop.play_ready(BLUE, "web")  # it gets Ready while it is waited for
        done = roll_back(ana, "users complain", by="ana")
    assert (done.way, shop.where()) == ("slow", ("blue",))
    (slow,) = [line for line in said if line.startswith("the slow way")]
    assert "blue is not up (web 1/2 Ready); scaling it to 2 pods" in slow
    assert "(it took 42 s the last time)" in slow
    assert "--now" in slow
    assert live.store.read().sides[BLUE].up_seconds != 42


def test_now_goes_to_a_warm_side_and_scales_after(shop: Shop, live: World) -> None:
    shop.scale(BLUE, "web", 1)
    shop.play_ready(BLUE, "web")
    done = users_complain(shop, lambda: only_workers(shop), now=True)
    assert (done.way, shop.where()) == ("now", ("blue",))
    assert "web on blue has 1 of 2 pods Ready" in done.notes
    assert shop.counts(BLUE)["web"] == 2


def test_a_side_that_does_not_come_up_is_not_waited_for_for_ever_and_gets_nobody_but_by_a_persons_word(
    shop: Shop, live: World
) -> None:
    shop.play_ready(BLUE, "web", ready=0)
    with pytest.raises(Refused, match="web 0 of 2"):
        users_complain(shop, patience_seconds=0.1)
    assert (live.store.read().phase, shop.where()) == (Phase.LIVE, ("green",))

    with pytest.raises(Refused, match=r"web 0 of 2.*blue has 0 Ready pods .*; green has 2 Ready pods") as refused:
        users_complain(shop, now=True)
    assert (refused.value.reason, shop.where()) == ("WayBackNotReady", ("green",))
    assert "--to blue" in refused.value.next_command
    done = users_complain(shop, lambda: only_workers(shop), to=BLUE, now=True)
    assert (done.way, shop.where()) == ("now", ("blue",))


def test_a_failed_bake_with_the_old_side_gone_leaves_traffic_and_tells_everybody(shop: Shop, live: World) -> None:
    shop.scale(BLUE, "web", 0)
    shop.play_ready(BLUE, "web")
    said: list[str] = []
    live.say = said.append
    both = r"5xx; and users were not sent back \(WayBackNotReady\).* web 0 of 2"
    with pytest.raises(Refused, match=both) as refused, going_back(live):
        raise Refused("5xx", reason="BakeFailed")
    assert (refused.value.reason, shop.where()) == ("BakeFailed", ("green",))
    record = live.store.read()
    assert (record.phase, record.open_entry) == (Phase.LIVE, None)
    assert shop.counts(BLUE)["web"] == 0, "nobody decided to bring it up"
    assert any("`live`, and bad. 5xx; and users were not sent back" in line for line in said)


def test_nothing_goes_back_to_where_nothing_ever_ran_or_behind_a_contract_migration(shop: Shop, live: World) -> None:
    ran = live.store.read().sides[BLUE].images
    with_counts(live, BLUE, images={})
    with pytest.raises(Refused, match="nothing ever ran on blue") as refused:
        users_complain(shop, to=BLUE)
    assert (refused.value.reason, shop.where()) == ("NoWayBack", ("green",))

    done = Contract(reason="dropped orders.total", by="ana", at=live.now())
    with_counts(live, BLUE, images=ran, contracted=done)
    for to in (None, BLUE):
        with pytest.raises(Refused, match=r"by ana \(dropped orders.total\).*blue has 2 Ready pods") as refused:
            roll_back(shop.world("ben"), "users complain", by="ben", to=to)
        assert (refused.value.reason, shop.where()) == ("ContractMigrationDone", ("green",))
        assert "flipgate deploy" in refused.value.next_command
        assert "kubectl -n" in refused.value.next_command

    shop.point("live", "somewhere-else")
    with pytest.raises(Refused, match=r"dropped orders\.total") as refused:
        roll_back(shop.world("ben"), "users complain", by="ben")
    assert (refused.value.reason, shop.where()) == ("ContractMigrationDone", ("somewhere-else",))
    assert "by hand: no line (" in refused.value.next_command, "which hides no refusal"


def test_a_write_that_is_broken_holds_up_no_user(shop: Shop, live: World, tmp_path: Path) -> None:
    def broken(method: str, path: str) -> tuple[int, bytes] | None:
        return BROKEN if method in ("PUT", "PATCH") and ("configmaps" in path or "deployments" in path) else None

    with serving(Through(shop.kubeconfig, before=broken), tmp_path) as cluster:
        done = users_complain(shop, cluster=cluster)
    assert (done.to, done.recorded, shop.where()) == (BLUE, False, ("blue",))
    assert "webhook is away" in done.notes[0]


def test_one_route_that_is_denied_keeps_the_others_from_nothing(install: Install, tmp_path: Path) -> None:
    shop = install(routes=("front", "middle", "back"))
    shop.adopted()
    for route in shop.routes:
        shop.point(route, f"{shop.name}-green")

    def denied(method: str, path: str) -> tuple[int, bytes] | None:
        return DENIED if method == "PATCH" and "ingressroutes/middle" in path else None

    with serving(Through(shop.kubeconfig, before=denied), tmp_path) as through, shop.playing_ready():
        done = users_complain(shop, cluster=through, to=BLUE)
    assert shop.where() == ("blue", "green", "blue")
    assert len(done.left) == 1
    assert "middle could not be moved" in done.left[0]


def test_an_interrupted_hand_over_is_done_again(shop: Shop, live: World) -> None:
    with pytest.raises(KeyboardInterrupt), journaled(live, HandOver(GREEN)):
        raise KeyboardInterrupt
    with shop.playing_ready():
        assert recover(shop.world("ben")).changed
    assert (shop.counts(BLUE)["mailer"], shop.counts(GREEN)["mailer"]) == (0, 1)
    assert live.store.read().journal[-1].state is EntryState.DONE


def test_a_bake_begun_again_that_cannot_be_proven_goes_back(shop: Shop, live: World) -> None:
    live.store.update(lambda r: but(r, release=but(r.release, changes=r.release.changes[:-1])))
    with shop.playing_ready():
        done = roll_back(shop.world("ana"), "5xx", by="flow", cause=Reason.TRAFFIC_NOT_PROVEN)
    assert (done.recorded, shop.where()) == (True, ("blue",))
    assert live.store.read().release.changes[-2].reason is Reason.TRAFFIC_NOT_PROVEN


@pytest.mark.parametrize("answer", [None, DENIED, BROKEN], ids=["read", "denied", "broken"])
def test_routes_at_neither_side_go_where_a_person_says_whatever_can_be_read_of_the_other(
    shop: Shop, live: World, tmp_path: Path, answer: tuple[int, bytes] | None
) -> None:
    shop.point("live", "somewhere-else")
    with pytest.raises(Refused, match=r"points at neither side .*blue has 2 Ready pods") as refused:
        users_complain(shop)
    assert (refused.value.reason, shop.where()) == ("RouteUnknown", ("somewhere-else",))
    with pytest.raises(Refused, match="points at neither side"):  # blue has no Service that the route names
        users_complain(shop, to=BLUE)
    put_service(shop, {"port": 80}, side=BLUE)

    def read(method: str, path: str) -> tuple[int, bytes] | None:
        return answer if method == "GET" and f"{shop.namespace(GREEN)}/services" in path else None

    with serving(Through(shop.kubeconfig, before=read), tmp_path) as cluster:
        users_complain(shop, lambda: only_workers(shop), cluster=cluster, to=BLUE)
    assert shop.where() == ("blue",)


def reimaged(shop: Shop, side: Side = BLUE) -> None:
    """Somebody sets another image on a side that users have left, and it comes up."""
    path = "/spec/template/spec/containers/0/image"
    shop.patch(f"{shop.deployments(side)}/web", ("replace", path, "shop/web:9"))
    shop.play_ready(side, "web")


@pytest.mark.parametrize("to", [None, BLUE], ids=["plain", "--to"])
def test_before_users_move_it_is_said_that_the_side_runs_other_images_than_it_carried_users_with(
    shop: Shop, live: World, to: Side | None
) -> None:
    ana, said = shop.helped("ana"), list[tuple[str, tuple[str, ...]]]()
    ana.say = lambda text: said.append((text, shop.where()))
    reimaged(shop)
    done = roll_back(ana, "users complain", by="ana", to=to)
    fact = "blue runs other images than when users were on it: web shop/web:1 -> shop/web:9, set by "
    assert shop.where() == ("blue",)
    assert [where for text, where in said if text.startswith(fact)] == [("green",)]
    assert [note for note in done.notes if note.startswith(fact)]
    record = live.store.read()
    assert record.release is not None
    assert fact in record.release.changes[-1].message, "people hear of it, too"


def test_it_is_said_as_well_where_the_lease_cannot_be_had(shop: Shop, live: World, tmp_path: Path) -> None:
    robot = user(shop, tmp_path)
    grant(shop, [each for each in check_application(robot, shop.application, shop.own) if "leases" not in each])
    reimaged(shop)
    with shop.playing_ready():
        done = roll_back(shop.world("robot", robot), "users complain", by="robot")
    assert (done.recorded, shop.where()) == (False, ("blue",))
    assert [note for note in done.notes if note.startswith("blue runs other images than when users were on it: web")]

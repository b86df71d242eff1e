"""A worker that KEDA scales from nothing: paused while its side is dark, let go as it was with the hand-over."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from flipgate.core.values.errors import Conflict
from flipgate.core.values.sides import Side
from flipgate.steps.going_back.recover import recover
from flipgate.steps.going_back.roll_back import roll_back
from flipgate.steps.looking.look import look, need_dark
from flipgate.steps.looking.scaled_objects import find_scaled
from flipgate.steps.looking.starters import starter_problems
from flipgate.steps.moving.hand_over import hand_over_workers
from flipgate.steps.moving.rest import rest
from flipgate.steps.moving.stamp import stamp
from flipgate.steps.releasing.bring_up import bring_up
from flipgate.steps.releasing.setup import adopt, check_application
from tests.api.changed_shop import to_baking
from tests.api.keda import AT, Keda, with_keda
from tests.api.moving.workers import mailers
from tests.api.shop import BLUE, GREEN, Shop, last_entry, opened, under_lease
from tests.api.steps import unreadable

BUILD = {"web": "shop/web:2"}
BEFORE = "flipgate.dev/paused-replicas-before"
HELD = {AT: "0", BEFORE: "null"}


@pytest.fixture
def keda(shop: Shop, tmp_path: Path) -> Iterator[Keda]:
    shop.adopted()
    with with_keda(shop, tmp_path) as keda:
        yield keda


def test_it_is_paused_with_the_deploy_and_let_go_with_the_hand_over_and_back(keda: Keda) -> None:
    world = keda.world()
    under_lease(world, bring_up, opened(world))
    for _ in range(3):
        keda.act()
    assert mailers(keda.shop) == (1, 0), "nothing works on the dark side"
    assert (keda.said(BLUE), keda.said(GREEN)) == ({}, HELD)

    keda.shop.scale(BLUE, "mailer", 4)
    under_lease(world, hand_over_workers, GREEN)
    keda.act()
    assert mailers(keda.shop) == (0, 4), "as many as worked, and KEDA takes none of them"
    assert (keda.said(BLUE), keda.said(GREEN)) == (HELD, {})
    with world.acting() as acting:
        assert hand_over_workers(acting, GREEN) == ()
        assert hand_over_workers(acting, BLUE, back=True) == ()
    keda.act()
    assert mailers(keda.shop) == (4, 0)
    assert (keda.said(BLUE), keda.said(GREEN)) == ({}, HELD)


def test_going_back_from_a_release_lets_the_old_sides_go_and_bears_one_fault(keda: Keda) -> None:
    """Or KEDA holds the old side's worker at 0, and starts that of the side that users have left."""
    to_baking(keda.shop, keda.world(), BUILD)
    assert (keda.said(BLUE), keda.said(GREEN)) == (HELD, {})
    keda.faults.append("etcdserver: leader changed")
    done = roll_back(keda.world("ana"), "errors", by="ana")
    assert (done.left, keda.faults) == ((), [])
    assert (mailers(keda.shop), keda.said(BLUE), keda.said(GREEN)) == ((1, 0), {}, HELD)


def test_what_a_person_paused_stays_as_it_was(keda: Keda) -> None:
    """Whatever they wrote there: tests/core/workloads/test_scaled_objects.py."""
    keda.say(GREEN, paused="true", paused_replicas="2")
    before = keda.said(GREEN)
    to_baking(keda.shop, keda.world(), BUILD)
    assert keda.said(GREEN) == before
    roll_back(keda.world("ana"), "errors", by="ana")
    assert keda.said(GREEN)[AT] == "0"
    under_lease(keda.world(), hand_over_workers, GREEN)
    assert keda.said(GREEN) == before


def test_what_a_person_set_while_it_was_paused_stays(keda: Keda) -> None:
    world = keda.world()
    under_lease(world, bring_up, opened(world))
    keda.say(GREEN, paused_replicas="5")
    under_lease(world, hand_over_workers, GREEN)
    assert keda.said(GREEN) == {AT: "5"}


def test_one_that_a_person_holds_at_nothing_is_said(keda: Keda) -> None:
    keda.say(GREEN, paused_replicas="0")
    world = keda.world()
    under_lease(world, bring_up, opened(world))
    (left,) = under_lease(world, hand_over_workers, GREEN)
    assert (
        "mailer-scaler holds mailer at 0 pods on green, which is live: by an annotation that flipgate did not" in left
    )
    assert left in last_entry(world).outcome


def test_what_keda_does_from_then_on_is_not_undone(keda: Keda) -> None:
    keda.busy = False
    world = keda.world()
    under_lease(world, bring_up, opened(world))
    under_lease(world, hand_over_workers, GREEN)
    keda.act()
    assert mailers(keda.shop) == (0, 0), "there is no work"
    with world.acting() as acting:
        assert hand_over_workers(acting, GREEN) == ()
    assert mailers(keda.shop) == (0, 0)


def test_a_hand_over_that_died_halfway_is_finished(keda: Keda) -> None:
    to_baking(keda.shop, keda.world(), BUILD, handed_over=False)

    def dies() -> None:
        if AT in keda.said(BLUE):
            raise KeyboardInterrupt

    world = keda.world()
    with pytest.raises(KeyboardInterrupt), world.acting() as acting:
        hand_over_workers(acting, GREEN, meanwhile=dies)
    assert (last_entry(world).state, keda.said(GREEN)) == ("begun", HELD)
    recover(keda.world("reconcile"), patience_seconds=0.1)
    assert (mailers(keda.shop), keda.said(BLUE), keda.said(GREEN)) == ((0, 1), HELD, {})
    assert world.store.read().open_entry is None


@pytest.mark.parametrize("side", Side)
def test_a_write_that_arrives_late_is_refused(keda: Keda, side: Side) -> None:
    world = keda.world()
    under_lease(world, bring_up, opened(world))
    (seen,) = find_scaled(world, side, world.application.workers())["mailer"]
    epoch = world.store.read().epoch
    late = seen.fenced(epoch, f"{epoch}.late", *(seen.holding() or seen.letting_go()))
    under_lease(world, hand_over_workers, GREEN)
    under_lease(world, hand_over_workers, BLUE, back=True)
    before = keda.said(side)
    with pytest.raises(Conflict):
        keda.cluster.patch(f"/apis/keda.sh/v1alpha1/namespaces/{seen.namespace}/scaledobjects/{seen.name}", late)
    assert keda.said(side) == before


def lose_the_record(keda: Keda) -> None:
    keda.shop.cluster.delete(f"/api/v1/namespaces/{keda.shop.own}/configmaps/record-{keda.shop.application.name}")
    adopt(keda.world())


def test_after_a_record_was_lost_workers_go_back_all_the_same(keda: Keda) -> None:
    """A hand-over that reconcile finished has a later epoch than the sides."""
    world = keda.world()
    for state in look(world).sides.values():
        under_lease(world, stamp, state)
    under_lease(world, bring_up, opened(world))
    for _ in range(5):
        under_lease(world, lambda acting: None)
    under_lease(world, hand_over_workers, GREEN)
    lose_the_record(keda)
    assert under_lease(keda.world("ana"), hand_over_workers, BLUE, back=True) == ()
    assert (mailers(keda.shop), keda.said(BLUE), keda.said(GREEN)) == ((1, 0), {}, HELD)


def test_after_a_record_was_lost_what_was_sent_before_is_refused(keda: Keda) -> None:
    world = keda.world()
    under_lease(world, bring_up, opened(world))
    under_lease(world, hand_over_workers, GREEN)
    (seen,) = find_scaled(world, GREEN, world.application.workers())["mailer"]
    late = seen.fenced(99, "99.late", *seen.holding())
    lose_the_record(keda)
    with pytest.raises(Conflict):
        keda.cluster.patch(f"/apis/keda.sh/v1alpha1/namespaces/{seen.namespace}/scaledobjects/{seen.name}", late)
    assert keda.said(GREEN) == {}


def test_a_side_that_goes_to_rest_starts_nothing(shop: Shop, tmp_path: Path) -> None:
    shop.gone_live()
    with with_keda(shop, tmp_path) as keda:
        world = keda.world()
        with world.acting() as acting:
            view = look(world)
            rest(acting, view, need_dark(world, view))
        keda.act()
        assert (shop.counts(BLUE)["mailer"], keda.said(BLUE)) == (0, HELD)


@pytest.mark.parametrize("denied", ["GET", "PATCH"])
def test_where_the_right_is_missing_it_is_said_and_no_release_ends(shop: Shop, tmp_path: Path, denied: str) -> None:
    shop.adopted()
    with with_keda(shop, tmp_path, denied=denied) as keda:
        world, said = keda.world(), list[str]()
        world.say = said.append
        world.sleep = lambda seconds: shop.play_all_ready()
        under_lease(world, bring_up, opened(world))
        assert any("scaledobjects" in line for line in said), said
        left = under_lease(world, hand_over_workers, GREEN)
        assert any("mailer are neither paused nor let go" in line for line in left)
        assert mailers(shop) == (0, 1)


def test_without_a_record_the_lines_to_type_are_told(keda: Keda) -> None:
    to_baking(keda.shop, keda.world(), BUILD)
    with unreadable(keda.shop):
        done = roll_back(keda.world("ana"), "errors", by="ana", to=BLUE)
    (left,) = [each for each in done.left if "workers were not handed over" in each]
    blue, green = (f"kubectl -n {keda.shop.namespace(side)} annotate scaledobject mailer-scaler" for side in Side)
    assert f"{green} {AT}=0 {BEFORE}=null --overwrite" in left
    assert f"{blue} {AT}- {BEFORE}-" in left


def test_check_asks_for_the_right_and_says_what_keda_does_on_a_dark_side(keda: Keda) -> None:
    def problems() -> list[str]:
        return list(starter_problems(keda.world()))

    found = check_application(keda.cluster, keda.shop.application, keda.shop.own)
    (problem,) = [each for each in found if "ScaledObject" in each]
    assert problem.startswith(f"ScaledObject {keda.shop.namespace(GREEN)}/mailer-scaler may start mailer on green")
    assert "The next deploy pauses it. At once: kubectl" in problem
    keda.say(GREEN, paused="true")
    assert problems() == []
    keda.say(GREEN, paused=None, paused_replicas="2")
    (problem,) = problems()
    assert "holds mailer at 2 pods on green, which is dark, and flipgate did not set that" in problem
    assert problem.endswith(f"""{AT}=0 '{BEFORE}="2"' --overwrite""")
    keda.say(GREEN, paused_replicas=None)
    under_lease(keda.world(), bring_up, opened(keda.world()))
    assert problems() == []
    keda.shop.cluster.merge(keda.path(BLUE), {"metadata": {"annotations": HELD}})
    (stuck,) = problems()
    assert "flipgate paused it, and could not let it go" in stuck

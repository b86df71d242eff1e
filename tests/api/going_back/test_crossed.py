"""A rollback that crosses a flip, or another rollback: nobody is sent away for what happened meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import Event

import pytest

from flipgate.cli import cli
from flipgate.core.record.phases import Phase
from flipgate.core.values.errors import TemporaryError
from flipgate.steps.going_back.roll_back import roll_back
from flipgate.steps.going_back.way_back import RolledBack
from flipgate.steps.releasing.bring_up import bring_up
from flipgate.steps.releasing.contract import contract
from tests.api.pipeline import act
from tests.api.shop import GREEN, Shop, opened, under_lease
from tests.api.steps import refusing
from tests.api.wire import Answer, Through, serving


def once(shop: Shop, when: Callable[[str, str], bool], deed: Callable[[], object]) -> Through:
    """Somebody else acts right before the first request that is meant, once."""
    waiting = [deed]

    def before(method: str, path: str) -> Answer | None:
        if waiting and when(method, path):
            waiting.pop()()
        return None

    return Through(shop.kubeconfig, before=before)


def test_a_flip_that_moved_users_while_a_rollback_came_for_the_lease_is_taken_back(shop: Shop, tmp_path: Path) -> None:
    shop.gone_live(until=Phase.DARK)
    world = shop.world("ana")
    moves = once(shop, lambda method, path: "/leases/" in path, lambda: act(shop.world("pipeline"), "move"))
    with serving(moves, tmp_path) as cluster:
        done = roll_back(shop.helped("ana", cluster), "orders fail", by="ana")
    assert (done.way, done.left, shop.where()) == ("fast", (), ("blue",))
    record = world.store.read()
    assert (record.phase, record.open_entry) == (Phase.ROLLED_BACK, None)


def test_a_rollback_that_a_contract_was_faster_than_sends_nobody_to_code_that_cannot_read_the_data(
    shop: Shop, tmp_path: Path
) -> None:
    """It has judged the way back before the contract closes it, and comes for the Lease after that."""
    world = shop.gone_live()
    done = once(shop, lambda method, path: "/leases/" in path, lambda: contract(world, "the column goes", by="ben"))
    with serving(done, tmp_path) as cluster, refusing("ContractMigrationDone", "the column goes"):
        roll_back(shop.helped("ana", cluster), "orders fail", by="ana")
    assert shop.where() == ("green",)


def test_a_rollback_that_hung_for_long_takes_nobody_back_who_was_sent_elsewhere_meanwhile(
    shop: Shop, tmp_path: Path
) -> None:
    """Its patch of the route arrives, its answer does not; somebody goes to the other side by name meanwhile."""
    shop.gone_live()

    def to_green() -> None:
        done = roll_back(shop.world("ben"), "blue is worse", by="ben", to=GREEN)
        assert (done.recorded, shop.where()) == (True, ("green",))

    hung: list[str] = []

    def after(method: str, path: str) -> bool:
        if method != "PATCH" or "/ingressroutes/" not in path or hung:
            return False
        hung.append(path)
        to_green()
        return True

    hangs = serving(Through(shop.kubeconfig, after=after), tmp_path)
    with hangs as cluster, refusing("MovedOn", "ben.* has sent all users to green"):
        roll_back(shop.helped("ana", cluster), "orders fail", by="ana")
    assert hung
    assert shop.where() == ("green",)


def test_a_rollback_that_the_api_server_does_not_answer_says_what_to_type(shop: Shop, tmp_path: Path) -> None:
    shop.gone_live()

    def answer(method: str, path: str) -> Answer | None:
        return (200, b"<html>") if "/ingressroutes/" in path else None

    options = ["--kubeconfig", str(tmp_path / "wire.kubeconfig"), "-n", shop.own]
    rubbish = serving(Through(shop.kubeconfig, before=answer), tmp_path)
    with rubbish, pytest.raises(TemporaryError, match="not JSON") as fault:
        cli.main(["rollback", shop.name, "--reason", "orders fail", *options], standalone_mode=False)
    assert fault.value.next_command == f"flipgate rollback {shop.name} --reason 'orders fail'"


def test_two_who_abort_the_same_release_both_succeed_and_its_side_rests(shop: Shop, tmp_path: Path) -> None:
    shop.gone_live(until=Phase.DARK)
    judged, goes_on = Event(), Event()

    def waits() -> None:
        judged.set()
        assert goes_on.wait(30)

    def stamps(method: str, path: str) -> bool:
        return method == "PATCH" and f"{shop.namespace(GREEN)}/deployments" in path

    def aborted(name: str, network: Through) -> RolledBack:
        (tmp_path / name).mkdir()
        with serving(network, tmp_path / name) as cluster:
            return roll_back(shop.helped(name, cluster), "orders fail", by=name)

    with ThreadPoolExecutor(1) as other:
        ben = other.submit(aborted, "ben", once(shop, lambda method, path: "/leases/" in path, waits))
        assert judged.wait(30)

        def overtaken() -> None:
            goes_on.set()
            ben.result()

        came = [aborted("ana", once(shop, stamps, overtaken)), ben.result()]
    assert [(each.way, each.left) for each in came] == [("abort", ()), ("abort", ())]
    assert set(shop.counts(GREEN).values()) == {0}
    record = shop.world().store.read()
    assert record.last
    assert (record.last.phase, record.last.changes[-1].message) == (Phase.ABORTED, "ana: orders fail")
    assert record.open_entry is None


@pytest.mark.parametrize("brought_up", [True, False])
def test_a_side_that_a_release_comes_up_on_meanwhile_is_no_way_back(
    shop: Shop, tmp_path: Path, brought_up: bool
) -> None:
    """Ana names green, where the old version waits. Before she has the Lease a build is brought up there; or it is
    opened, and nothing of it is there yet."""
    world = shop.adopted()
    shop.scale(GREEN, "web", 2)
    shop.play_all_ready()

    def builds() -> None:
        release = opened(shop.world("pipeline"))
        if brought_up:
            under_lease(shop.world("pipeline"), bring_up, release)
            shop.play_all_ready()

    with serving(once(shop, lambda method, path: "/leases/" in path, builds), tmp_path) as cluster:
        back = partial(roll_back, shop.helped("ana", cluster), "orders fail", by="ana", to=GREEN)
        if not brought_up:
            assert back().to is GREEN
            return
        with refusing("NotAWayBack", "which is `deploying`"):
            back()
    assert shop.where() == ("blue",)
    assert world.store.read().open_entry is None


def test_a_rollback_that_slept_until_another_release_was_open_judges_that(shop: Shop, tmp_path: Path) -> None:
    """Ana's machine stood still before she had the Lease: her release is taken back meanwhile, and another is on its
    way to the side that she would have sent users to."""
    shop.gone_live()

    def meanwhile() -> None:
        with shop.playing_ready():
            roll_back(shop.world("ben"), "orders fail", by="ben")
        opened(shop.world("pipeline"), "3")

    said: list[str] = []
    with serving(once(shop, lambda method, path: "/leases/" in path, meanwhile), tmp_path) as cluster:
        world = shop.helped("ana", cluster)
        world.say = said.append
        done = roll_back(world, "orders fail", by="ana")
    assert done.way == "abort"
    assert any("judged once more" in each for each in said)
    assert shop.where() == ("blue",)

"""The Lease: two actors are kept apart by what is seen of the other, never by what its timestamps say."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from flipgate.adapters.lease import Lease
from flipgate.core.values.errors import LostLease, Refused
from flipgate.steps.acting.world import utc_now
from tests.api.meddling import Overtaken
from tests.api.shop import Shop

SILENCE = 2.0


@pytest.fixture
def shop(shop_on_paper: Shop) -> Shop:
    return shop_on_paper


def lease_of(shop: Shop, holder: str, *, silence: float = SILENCE) -> Lease:
    return Lease(shop.cluster, shop.own, shop.name, holder, utc_now, silence_seconds=silence)


@contextmanager
def held(lease: Lease, **how: Any) -> Iterator[Lease]:
    lease.acquire(**how)
    try:
        yield lease
    finally:
        lease.release()


def lease_path(shop: Shop) -> str:
    return f"/apis/coordination.k8s.io/v1/namespaces/{shop.own}/leases"


def written(shop: Shop) -> dict[str, Any]:
    spec: dict[str, Any] = shop.cluster.get(f"{lease_path(shop)}/flipgate-{shop.name}")["spec"]
    return spec


def leave_behind(shop: Shop, holder: str, renewed: datetime) -> None:
    """The Lease of an actor that died, with whatever its clock said."""
    stamp = renewed.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    spec = {"holderIdentity": holder, "renewTime": stamp, "acquireTime": stamp, "leaseTransitions": 3}
    shop.cluster.create(lease_path(shop), {"metadata": {"name": f"flipgate-{shop.name}"}, "spec": spec})


def until_lost(lease: Lease) -> LostLease:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            lease.check()
        except LostLease as lost:
            return lost
        time.sleep(0.02)
    raise AssertionError("the loss was never noticed")


def test_a_second_actor_is_refused_while_the_first_is_alive(shop: Shop) -> None:
    with held(lease_of(shop, "ana")) as ana:
        with pytest.raises(Refused, match="held by ana, which is alive") as refused:
            lease_of(shop, "ben").acquire(patience_seconds=SILENCE * 1.5)
        ana.check()
    assert refused.value.reason == "LeaseHeld"


@pytest.mark.parametrize("year", [1999, 2199])
def test_the_dead_are_known_by_their_silence_whatever_their_clock_said(shop: Shop, year: int) -> None:
    leave_behind(shop, "dead", datetime(year, 1, 1, tzinfo=UTC))
    began = time.monotonic()
    with held(lease_of(shop, "ben", silence=0.4)):
        assert time.monotonic() - began >= 0.4
        assert written(shop)["holderIdentity"] == "ben"
        assert written(shop)["leaseTransitions"] == 4


def test_a_lease_given_back_is_free_at_once(shop: Shop) -> None:
    with held(lease_of(shop, "ana")):
        pass
    with held(lease_of(shop, "ben"), patience_seconds=0):
        assert written(shop)["holderIdentity"] == "ben"


def test_the_same_actor_come_back_does_not_wait_for_itself(shop: Shop) -> None:
    leave_behind(shop, "ana", utc_now())
    with held(lease_of(shop, "ana"), patience_seconds=0):
        assert written(shop)["leaseTransitions"] == 4


def test_who_steals_has_it_at_once_and_the_loser_learns_of_it(shop: Shop) -> None:
    with held(lease_of(shop, "ana")) as ana, held(lease_of(shop, "ben"), steal=True, patience_seconds=0):
        lost = until_lost(ana)
        assert (lost.reason, lost.fact) == ("LostLease", "was taken over by ben")
    assert written(shop)["holderIdentity"] == ""


def test_the_loser_gives_nothing_back(shop: Shop) -> None:
    with held(lease_of(shop, "ben")) as ben, held(lease_of(shop, "ana"), steal=True):
        ben.release()
        assert written(shop)["holderIdentity"] == "ana"


def test_what_others_wrote_on_a_lease_meanwhile_keeps_nobody_from_giving_it_back(shop: Shop) -> None:
    with held(lease_of(shop, "ana")):
        note = {"metadata": {"annotations": {"someone": "was here"}}}
        shop.cluster.merge(f"{lease_path(shop)}/flipgate-{shop.name}", note)
    assert written(shop)["holderIdentity"] == ""


def test_a_lease_that_was_deleted_is_lost(shop: Shop) -> None:
    with held(lease_of(shop, "ana")) as ana:
        shop.cluster.delete(f"{lease_path(shop)}/flipgate-{shop.name}")
        until_lost(ana)


def test_who_is_overtaken_between_lease_and_epoch_never_begins(shop: Shop) -> None:
    ana, thief = shop.world("ana"), lease_of(shop, "ben")
    ana.store = Overtaken(ana.store, thief)
    try:
        with pytest.raises(LostLease), ana.acting():
            pytest.fail("ana acts on a Lease that ben has")
        assert written(shop)["holderIdentity"] == "ben"
    finally:
        thief.release()


def test_who_was_stopped_by_its_machine_asks_before_it_goes_on(shop: Shop) -> None:
    """Nothing was renewed meanwhile, and no renewal has found the other holder yet."""
    slept = lease_of(shop, "slept", silence=0.2)
    slept.acquire()
    slept._stop.set()
    time.sleep(0.25)
    slept.check()
    with held(lease_of(shop, "other"), steal=True), pytest.raises(LostLease, match="was taken over by other"):
        slept.check()

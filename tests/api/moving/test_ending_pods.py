"""Workers that have been told to end go on with their work until they have: nobody else starts before."""

from __future__ import annotations

import time
from typing import Any

import pytest

from flipgate.core.values.errors import Refused, TemporaryError
from flipgate.steps.moving import ending as ending_pods
from flipgate.steps.moving.hand_over import hand_over_workers
from tests.api.moving.workers import mailers
from tests.api.shop import BLUE, GREEN, Shop, meanwhile, under_lease

HELD = "example.com/held"


@pytest.fixture
def ending(shop: Shop) -> str:
    """A pod of blue's mailer that was told to end, and does not yet: a message is under its hands. Its address."""
    pods = f"/api/v1/namespaces/{shop.namespace(BLUE)}/pods"
    meta: dict[str, Any] = {"name": "mailer-1", "labels": {"app": "mailer"}, "finalizers": [HELD]}
    shop.cluster.create(
        pods, {"metadata": meta, "spec": {"containers": [{"name": "mailer", "image": "shop/mailer:1"}]}}
    )
    shop.cluster.delete(f"{pods}/mailer-1")
    return f"{pods}/mailer-1"


def test_new_workers_start_once_the_old_ones_pods_have_ended(shop: Shop, ending: str) -> None:
    looks: list[tuple[int, int]] = []

    def later() -> None:
        shop.play_all_ready()  # a Deployment's status counts no pod that ends
        looks.append(mailers(shop))
        if len(looks) == 3:
            shop.cluster.merge(ending, {"metadata": {"finalizers": None}})

    assert under_lease(meanwhile(shop.adopted(), later), hand_over_workers, GREEN) == ()
    assert looks[:3] == [(0, 0)] * 3
    assert mailers(shop) == (0, 1)


def test_one_that_never_ends_is_named_and_nobody_works_twice(shop: Shop, ending: str) -> None:
    spec = shop.deployment(BLUE, "mailer")["spec"]["template"]["spec"]
    assert spec["terminationGracePeriodSeconds"] == 30
    path = f"{shop.deployments(BLUE)}/mailer"
    shop.patch(path, ("add", "/spec/template/spec/terminationGracePeriodSeconds", 0))
    shop.play_all_ready()
    world = meanwhile(shop.adopted(), shop.play_all_ready)
    with pytest.raises(Refused, match=r"mailer \(pods that still end: mailer-1\)") as refused:
        under_lease(world, hand_over_workers, GREEN, timeout_seconds=0.5)
    assert (refused.value.reason, mailers(shop)) == ("WorkersNotReady", (0, 0))


def test_on_the_way_back_pods_that_cannot_be_listed_are_given_their_time_to_end(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[float] = []

    def unlisted(*_: Any) -> list[str]:
        asked.append(time.monotonic())
        assert mailers(shop) == (0, 0)
        raise TemporaryError("the API server said 500: etcdserver: request timed out", obj="pods")

    monkeypatch.setattr(ending_pods, "running_pods", unlisted)
    shop.patch(f"{shop.deployments(BLUE)}/mailer", ("add", "/spec/template/spec/terminationGracePeriodSeconds", 1))
    shop.play_all_ready()
    world = meanwhile(shop.adopted(), shop.play_all_ready)
    (left,) = under_lease(world, hand_over_workers, GREEN, back=True)
    assert "etcdserver: request timed out" in left
    assert left.endswith("They have had 1 s to end")
    assert asked[-1] - asked[0] >= 1
    assert mailers(shop) == (0, 1)

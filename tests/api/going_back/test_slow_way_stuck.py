"""The slow way back to a side that no waiting brings up: it is said at once, with what to type, and users stay."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from flipgate.core.values.errors import Refused
from flipgate.core.workloads import standstill
from flipgate.core.workloads.view import ASKED_AGAIN
from flipgate.steps.acting.world import World
from tests.api.shop import BLUE, Shop
from tests.api.steps import users_complain

LONG = 600.0
QUOTA = 'pods "web-1-x" is forbidden: exceeded quota: compute, requested: pods=1, used: pods=4, limited: pods=4'
OUTAGE = 'Internal error occurred: failed calling webhook "policy.example": context deadline exceeded'


@pytest.fixture
def live(shop: Shop) -> World:
    """Users are on green; blue's web has no Ready pod."""
    world = shop.gone_live("pipeline")
    shop.play_ready(BLUE, "web", ready=0)
    return world


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standstill, "PATIENCE_SECONDS", 0.0)


def refused(shop: Shop, message: str) -> None:
    obj = shop.deployment(BLUE, "web")
    condition = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message}
    status = {"observedGeneration": obj["metadata"]["generation"], "conditions": [condition]}
    shop.patch(f"{shop.deployments(BLUE)}/web/status", ("add", "/status", status))


def paused(shop: Shop) -> None:
    shop.patch(f"{shop.deployments(BLUE)}/web", ("add", "/spec/paused", True))
    generation = shop.deployment(BLUE, "web")["metadata"]["generation"]
    status = {"observedGeneration": generation, "replicas": 2, "updatedReplicas": 0}
    shop.patch(f"{shop.deployments(BLUE)}/web/status", ("add", "/status", status))


@pytest.mark.parametrize(
    ("stuck", "fact", "command"),
    [
        (lambda shop: refused(shop, QUOTA), "refuses more: .* exceeded quota", "describe resourcequotas; then kubectl"),
        (paused, r"web is paused", "rollout resume deployment/web; then kubectl"),
    ],
    ids=["refused", "paused"],
)
def test_it_is_said_at_once_with_what_to_type(
    shop: Shop, live: World, stuck: Callable[[Shop], None], fact: str, command: str
) -> None:
    stuck(shop)
    with pytest.raises(Refused, match=rf"web 0 of \d; .*{fact}") as no:
        users_complain(shop, lambda: stuck(shop), patience_seconds=LONG)  # asked again, and refused again
    assert (no.value.reason, shop.where()) == ("WayBackNotReady", ("green",))
    assert command in no.value.next_command
    assert "--to blue" in no.value.next_command


def test_whoever_names_the_side_waits_no_longer_either_and_goes(shop: Shop, live: World) -> None:
    refused(shop, QUOTA)

    def waits() -> None:
        refused(shop, QUOTA)
        shop.play_ready(BLUE, "mailer")

    done = users_complain(shop, waits, to=BLUE, patience_seconds=LONG)
    assert (done.way, shop.where()) == ("slow", ("blue",))


def test_an_outage_is_waited_for(shop: Shop, live: World) -> None:
    refused(shop, OUTAGE)
    looks: list[int] = []

    def waits() -> None:
        looks.append(1)
        if len(looks) > 3:
            shop.play_all_ready()

    done = users_complain(shop, waits, patience_seconds=LONG)
    assert (done.way, shop.where()) == ("slow", ("blue",))


def test_a_refusal_whose_cause_is_mended_does_not_close_the_way(
    shop: Shop, live: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A quota was short, and was raised: the ReplicaSet's controller tries again within 1,000 s, unless it is asked."""
    monkeypatch.setattr(standstill, "PATIENCE_SECONDS", 15.0)
    refused(shop, QUOTA)

    def waits() -> None:
        if ASKED_AGAIN in (shop.deployment(BLUE, "web")["metadata"].get("annotations") or {}):
            shop.play_all_ready()

    done = users_complain(shop, waits, patience_seconds=LONG)
    assert (done.way, shop.where()) == ("slow", ("blue",))

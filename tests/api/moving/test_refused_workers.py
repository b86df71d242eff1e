"""Workers whose pods the API server refuses while they are handed over: a refusal that passes, one that does not, and
one on the way back."""

from __future__ import annotations

import pytest

from flipgate.core.values.errors import Refused
from flipgate.core.values.sides import Side
from flipgate.core.workloads import standstill
from flipgate.steps.moving.hand_over import hand_over_workers
from tests.api.moving.workers import declared, mailers
from tests.api.shop import BLUE, GREEN, Shop, meanwhile, under_lease

QUOTA = 'pods "mailer-1-x" is forbidden: exceeded quota: compute, requested: pods=1, used: pods=4, limited: pods=4'
OUTAGE = (
    'Internal error occurred: failed calling webhook "policy.example": failed to call webhook: Post '
    '"https://policy.example.svc:443/pods?timeout=10s": context deadline exceeded'
)


@pytest.fixture
def new_first(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """The shop whose workers start before the old ones stop; a refusal is final as soon as it is seen twice."""
    monkeypatch.setattr(standstill, "PATIENCE_SECONDS", 0.0)
    return declared(shop, "  policy: {workers: new-first}\n")


def refuse(shop: Shop, side: Side, message: str) -> None:
    """What the Deployment's controller writes when the API server refuses the mailer's pods."""
    obj = shop.deployment(side, "mailer")
    condition = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message}
    status = {"observedGeneration": obj["metadata"]["generation"], "conditions": [condition]}
    shop.patch(f"{shop.deployments(side)}/mailer/status", ("add", "/status", status))


def bad_side_works(shop: Shop) -> None:
    """Users were on green, whose mailer works; they go back now."""
    shop.gone_live("pipeline")
    shop.scale(BLUE, "mailer", 0)
    shop.scale(GREEN, "mailer", 1)
    shop.play_all_ready()


@pytest.mark.parametrize("message", [QUOTA, OUTAGE], ids=["quota", "outage"])
def test_on_the_way_back_the_bad_sides_workers_stop_though_the_old_ones_are_refused(
    new_first: Shop, message: str
) -> None:
    bad_side_works(new_first)

    def later() -> None:
        if mailers(new_first) == (1, 1):
            refuse(new_first, BLUE, message)
        else:
            new_first.play_ready(GREEN, "mailer")

    world = meanwhile(new_first.world("ana"), later)
    (left,) = under_lease(world, hand_over_workers, BLUE, back=True)
    assert mailers(new_first) == (1, 0), "asked for on the old side, and stopped on the bad one"
    assert left.startswith("mailer was not handed over to blue: Deployment ")
    assert message[:60] in left
    assert "describe resourcequotas" in left or "get events" in left, "the command"


def test_on_the_way_back_one_that_does_not_come_up_in_time_stops_on_the_bad_side(new_first: Shop) -> None:
    bad_side_works(new_first)
    world = meanwhile(new_first.world("ana"), lambda: new_first.play_ready(GREEN, "mailer"))
    (left,) = under_lease(world, hand_over_workers, BLUE, back=True, timeout_seconds=0.3)
    assert mailers(new_first) == (1, 0)
    assert left == "mailer was not handed over to blue: not as wanted on blue within 0.3 s"


def test_forward_an_outage_of_a_webhook_is_waited_for(new_first: Shop) -> None:
    looks: list[int] = []

    def later() -> None:
        looks.append(1)
        if len(looks) < 5 and mailers(new_first)[1]:
            refuse(new_first, GREEN, OUTAGE)
        else:
            new_first.play_all_ready()

    assert under_lease(meanwhile(new_first.adopted(), later), hand_over_workers, GREEN) == ()
    assert mailers(new_first) == (0, 1)
    assert len(looks) >= 5


def test_forward_an_outage_that_lasts_is_named_at_the_limit(new_first: Shop) -> None:
    world = meanwhile(new_first.adopted(), lambda: refuse(new_first, GREEN, OUTAGE))
    with pytest.raises(Refused, match=r"within 0\.5 s: mailer; .* refuses more: Internal error occurred") as refused:
        under_lease(world, hand_over_workers, GREEN, timeout_seconds=0.5)
    assert refused.value.reason == "WorkersNotReady"
    assert mailers(new_first)[0] == 1, "it works on the live side still"


def test_on_the_way_back_one_that_two_things_keep_from_coming_up_is_left_once(new_first: Shop) -> None:
    """Paused, and refused (as well: two pods of a StatefulSet without a volume): nobody else's work is held up."""
    bad_side_works(new_first)

    def later() -> None:
        if mailers(new_first) == (1, 1):
            new_first.patch(f"{new_first.deployments(BLUE)}/mailer", ("add", "/spec/paused", True))
            refuse(new_first, BLUE, QUOTA)
        else:
            new_first.play_ready(GREEN, "mailer")

    world = meanwhile(new_first.world("ana"), later)
    left = under_lease(world, hand_over_workers, BLUE, back=True)
    assert mailers(new_first) == (1, 0)
    assert any("is paused" in line for line in left)
    assert any("exceeded quota" in line for line in left)

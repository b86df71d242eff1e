"""Both sides beside each other: images, pods, what each takes, restarts."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from flipgate.core.record.compared import Half
from flipgate.core.workloads.compared import Seen, compared
from flipgate.core.workloads.view import SideState
from tests.core.builders import BLUE, GREEN, deployment, shop, side, without

NEEDS = {"web": {"requests.cpu": Decimal("0.1"), "limits.memory": Decimal(256 * 2**20)}}
LABELS = {"app": "web", "tier": "front"}


def web(image: str, replicas: int = 2) -> dict[str, Any]:
    return deployment("web", image=image, replicas=replicas, selector={"matchLabels": {"app": "web"}})


def pod(restarts: int, labels: dict[str, str], **more: Any) -> dict[str, Any]:
    status = {"containerStatuses": [{"name": "web", "restartCount": restarts}, {"name": "proxy"}]}
    return {"metadata": {"labels": labels, **more}, "status": status}


def row(old: SideState, new: SideState, pods: Any = ()) -> tuple[Half, Half]:
    (found,) = [each for each in compared(shop(), Seen(old, NEEDS, ()), Seen(new, {}, pods)) if each.service == "web"]
    return found.old, found.new


def test_each_service_is_a_row_with_both_sides() -> None:
    old, new = side(BLUE, web("acme/web:1", 3)), side(GREEN, web("acme/web:2"))
    assert [each.service for each in compared(shop(), Seen(old, {}, ()), Seen(new, {}, ()))] == ["web", "mailer"]
    assert row(old, new) == (
        Half(image="acme/web:1", ready=3, wanted=3, cpu="0.1 / -", memory="- / 256Mi", restarts=0),
        Half(image="acme/web:2", ready=2, wanted=2, cpu="- / -", memory="- / -", restarts=0),
    )
    assert row(without(old, "web"), new)[0] == Half(), "it does not exist there"


def test_restarts_are_those_of_its_own_pods_that_stay() -> None:
    new = side(GREEN, web("acme/web:2"))
    going = pod(50, LABELS, deletionTimestamp="2026-03-01T12:00:00Z")
    pods = [pod(2, LABELS), pod(1, LABELS), pod(7, {"app": "mailer"}), going]
    assert row(side(BLUE), new, pods)[1].restarts == 3


def test_restarts_that_nobody_could_read_are_not_none() -> None:
    assert row(side(BLUE), side(GREEN), None)[1].restarts is None

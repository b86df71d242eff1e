"""After the old side went to rest: one look through every Traefik replica, before the release is closed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from flipgate.core.record import record as records
from flipgate.core.record.phases import Phase, QuestionKind
from flipgate.core.record.record import Decision
from flipgate.core.values.base import but
from flipgate.core.values.errors import Refused
from flipgate.steps.acting.world import World
from flipgate.steps.going_back.roll_back import roll_back
from flipgate.steps.releasing.questions import decide, pose
from flipgate.steps.releasing.settle import settle
from tests.api.front import Users, fronted, saying
from tests.api.shop import BLUE, COUNTS, GREEN, Shop, timed_by_its_waiting, under_lease
from tests.api.wire import Answer, Handler, serving
from tests.core.builders import ANA, declaring

AT_REST = dict.fromkeys(COUNTS, 0)
GREEN_ANSWERS = saying("X-Served-Side: green")
NO_ROUTE = saying(status=404, body=b"404 page not found\n")


@contextmanager
def soaked(shop: Shop, folder: Path, users: Users, replicas: tuple[str, ...] = ("traefik-1",)) -> Iterator[World]:
    """The shop live on green, with a person's word that blue may rest, behind a Traefik that answers like this."""
    admin = shop.gone_live()
    admin.store.update(lambda r: records.update_release(r, lambda each: but(each, settle_after=admin.now())))
    pose(admin, QuestionKind.SCALE_DOWN, [])
    decide(admin, Decision.APPROVE, by=ANA, via="cli", reason="it soaked")
    with serving(fronted(shop, users, replicas), folder) as cluster:
        world = shop.world("ana", cluster)
        throttle = but(world.application.spec.traffic.traefik, throttle_seconds=0)
        facts = {"proof_timeout_seconds": 1.0, "proof_answers": 2, "traefik": throttle}
        world.application = declaring(world.application, traffic=facts)
        yield timed_by_its_waiting(world)


def test_a_release_is_closed_when_every_replica_shows_the_live_side(shop: Shop, tmp_path: Path) -> None:
    with soaked(shop, tmp_path, GREEN_ANSWERS, ("traefik-1", "traefik-2")) as world:
        assert under_lease(world, settle).phase is Phase.SETTLED
    assert shop.counts(BLUE) == AT_REST
    said = shop.world().store.read().last
    assert said
    assert said.changes[-1].message.endswith("green is as it was before: 1 workload, 2 pods Ready")


def test_what_changes_on_the_live_side_meanwhile_is_told_and_moves_nothing(shop: Shop, tmp_path: Path) -> None:
    def users(request: Handler) -> Answer | None:
        shop.scale(GREEN, "web", 3)  # an autoscaler, while it is looked through Traefik
        return GREEN_ANSWERS(request)

    with soaked(shop, tmp_path, users) as world:
        said = under_lease(world, settle).changes[-1].message
    assert "warning: green changed meanwhile, and nothing was moved for it: Deployment" in said
    assert "web asks for 3 pods, before for 2" in said
    assert (shop.where(), shop.counts(BLUE)) == (("green",), AT_REST)


def test_a_replica_that_lost_the_route_keeps_the_release_open_and_the_way_back_works(
    shop: Shop, tmp_path: Path
) -> None:
    def users(request: Handler) -> Answer | None:
        lost = "traefik-2" in request.path and shop.counts(BLUE) == AT_REST
        return (NO_ROUTE if lost else GREEN_ANSWERS)(request)

    with soaked(shop, tmp_path, users, ("traefik-1", "traefik-2")) as world:
        with pytest.raises(Refused) as refused:
            under_lease(world, settle)
        assert refused.value.reason == "TrafficNotProven"
        assert "traefik-2 (HTTP 404 from an unnamed side)" in refused.value.fact
        assert "traefik-1" not in refused.value.fact
        assert f"flipgate rollback {shop.name} --reason" in refused.value.next_command
        assert f"flipgate scale-down {shop.name}" in refused.value.next_command
        assert world.store.read().phase is Phase.SETTLING
        with pytest.raises(Refused, match="traefik-2"):
            under_lease(world, settle)  # rested already, and looked at again
    with shop.playing_ready():
        assert roll_back(shop.world(), "users get 404", by="ana").to is BLUE
    assert (shop.where(), shop.counts(BLUE)["web"]) == (("blue",), COUNTS["web"])


def test_the_look_waits_for_the_pods_to_be_gone(shop: Shop, tmp_path: Path) -> None:
    """Until then Traefik has them behind what it is about to lose."""
    pods = f"/api/v1/namespaces/{shop.namespace(BLUE)}/pods"
    spec = {"containers": [{"name": "web", "image": "x"}]}
    for name in ("web-1", "web-2"):
        shop.cluster.create(pods, {"metadata": {"name": name, "labels": {"app": "web"}}, "spec": spec})
    asked: list[Any] = []

    def users(request: Handler) -> Answer | None:
        asked.append(len(shop.cluster.items(pods)))
        return GREEN_ANSWERS(request)

    def gone() -> None:
        """One pod ends each time that somebody waits."""
        for pod in shop.cluster.items(pods)[:1]:
            shop.cluster.delete(f"{pods}/{pod['metadata']['name']}")

    with soaked(shop, tmp_path, users) as world:
        assert under_lease(timed_by_its_waiting(world, gone), settle).phase is Phase.SETTLED
    assert set(asked) == {0}


def test_a_pod_that_was_evicted_is_not_waited_for(shop: Shop, tmp_path: Path) -> None:
    pods = f"/api/v1/namespaces/{shop.namespace(BLUE)}/pods"
    spec = {"containers": [{"name": "web", "image": "x"}]}
    shop.cluster.create(pods, {"metadata": {"name": "web-1", "labels": {"app": "web"}}, "spec": spec})
    evicted = {"phase": "Failed", "reason": "Evicted"}
    shop.cluster.patch(f"{pods}/web-1/status", [{"op": "add", "path": "/status", "value": evicted}])
    with soaked(shop, tmp_path, GREEN_ANSWERS) as world:
        done = under_lease(world, settle)
        assert world.monotonic() < 2
    assert "had not ended" not in done.changes[-1].message


def test_where_traefik_cannot_be_looked_through_that_is_said(shop: Shop, tmp_path: Path) -> None:
    with soaked(shop, tmp_path, GREEN_ANSWERS, ()) as world:
        done = under_lease(world, settle)
    assert (done.phase, done.side) == (Phase.SETTLED, GREEN)
    assert "whether users still reach green was not seen" in done.changes[-1].message


def test_a_stuck_replica_keeps_no_release_open_for_ever(shop: Shop, tmp_path: Path) -> None:
    """Its first look is made whoever says what; then a person may close the release, by name."""
    with soaked(shop, tmp_path, NO_ROUTE) as world:
        with pytest.raises(Refused, match="--unseen"):
            under_lease(world, settle, unseen_by="ana")
        assert world.store.read().phase is Phase.SETTLING
        done = under_lease(world, settle, unseen_by="ana")
    assert done.phase is Phase.SETTLED
    assert "closed by ana, though not every Traefik replica shows green: traefik-1" in done.changes[-1].message

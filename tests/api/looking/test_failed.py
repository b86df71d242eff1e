"""What a release that failed leaves behind is read before its pods may go, and the message says where it is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from flipgate.core.gates.checks import Check
from flipgate.core.record.phases import Phase
from flipgate.core.record.release import Release
from flipgate.core.values.errors import Refused
from flipgate.core.values.reasons import Why
from flipgate.core.values.text import TEXT_BYTES
from flipgate.core.values.verdicts import Evidence, Verdict
from flipgate.steps.acting.world import World
from flipgate.steps.looking.failed import what_failed
from flipgate.steps.releasing.settle import failing
from flipgate.steps.releasing.setup import check_application
from tests.api.desk import Desk
from tests.api.looking.test_why import CRASHING, EXITED, RUNNING, add_pod, container
from tests.api.shop import GREEN, Shop, opened
from tests.api.users import grant, user
from tests.api.wire import Answer, Handler, Through, serving
from tests.core.builders import declaring

NOT_READY = Refused("not Ready within 1 s: web 1/2", reason=Why.NOT_READY_IN_TIME)


@pytest.fixture
def release(shop: Shop, world: World) -> Release:
    """One that is being brought up, with a pod that crashes and a Warning about it."""
    add_pod(shop, "web-6f5c9d8b7-aaaaa", container(CRASHING, restartCount=3, lastState=EXITED))
    involved = {"kind": "Pod", "name": "web-6f5c9d8b7-aaaaa", "namespace": shop.namespace(GREEN)}
    event = {"metadata": {"name": "web-1"}, "involvedObject": involved, "type": "Warning", "reason": "BackOff"}
    shop.cluster.create(
        f"/api/v1/namespaces/{shop.namespace(GREEN)}/events", event | {"message": "Back-off restarting"}
    )
    return opened(world)


def with_logs(shop: Shop, kubeconfig: Path | None = None) -> Any:
    """The API server with a kubelet's logs, which nobody writes in this tier."""
    through = Through(kubeconfig or shop.kubeconfig)

    def script(request: Handler) -> Answer | None:
        where = urlsplit(request.path)
        if not where.path.endswith("/log"):
            return through(request)
        asked = parse_qs(where.query)
        return 200, f"{asked['container'][0]}{' before' if 'previous' in asked else ''}: no database\n".encode()

    return script


def test_the_last_lines_of_both_its_lives_and_the_warnings_are_read(
    shop: Shop, release: Release, tmp_path: Path
) -> None:
    with serving(with_logs(shop), tmp_path) as cluster:
        found = what_failed(shop.world("ana", cluster), release, NOT_READY)
    for said in (
        f"## {release.name} failed on green: NotReadyInTime\n\nnot Ready within 1 s: web 1/2\n",
        "| web-6f5c9d8b7-aaaaa | web | web | waiting: CrashLoopBackOff | 3 | terminated with exit code 1: Error |",
        "| Pod web-6f5c9d8b7-aaaaa | BackOff | Back-off restarting |",
        "web: last lines\n\n```text\nweb: no database\n```",
        "web: the one before\n\n```text\nweb before: no database\n```",
    ):
        assert said in found, found


def test_of_many_pods_the_rest_is_named(shop: Shop, release: Release) -> None:
    for number in range(7):
        add_pod(shop, f"web-6f5c9d8b7-b{number}", container(CRASHING, restartCount=3, lastState=EXITED))
    found = what_failed(shop.world(), release, NOT_READY)
    assert "*2 more pods are not shown: web-6f5c9d8b7-b5, web-6f5c9d8b7-b6*" in found


def test_a_missing_right_is_said_in_its_place(shop: Shop, release: Release, tmp_path: Path) -> None:
    robot = user(shop, tmp_path)
    grant(shop, check_application(robot, shop.application, shop.own))
    found = what_failed(shop.world("robot", robot), release, NOT_READY)
    place = shop.namespace(GREEN)
    assert f"no permission to read its log (kubectl auth can-i get pods --subresource=log -n {place})" in found
    assert f"*Events are not shown: no permission to list them (kubectl auth can-i list events -n {place})*" in found


def test_pods_that_are_ready_are_looked_at_where_their_check_failed(shop: Shop, world: World, tmp_path: Path) -> None:
    ready = {"conditions": [{"type": "Ready", "status": "True"}]}
    add_pod(shop, "web-6f5c9d8b7-bbbbb", container(RUNNING, ready=True) | ready)
    release = opened(world)
    refused = Refused(
        "health: fail",
        reason=Why.CHECKS_FAILED,
        evidence=(Evidence("health", Verdict.FAIL, "web:80/", "green", "status 500", "status 200"),),
    )
    check = Check.model_validate({"name": "health", "service": "web", "path": "/"})
    said = "web-6f5c9d8b7-bbbbb, web: last lines\n\n```text\nweb: no database"
    with serving(with_logs(shop), tmp_path) as cluster:
        seen = shop.world("ana", cluster)
        assert what_failed(seen, release, refused) == "", "nobody knows which"
        spec = seen.application.spec.model_copy(update={"checks": (check,)})
        seen.application = seen.application.model_copy(update={"spec": spec})
        assert said in what_failed(seen, release, refused)


def test_the_file_may_say_that_nothing_is_kept(shop: Shop, world: World, release: Release) -> None:
    world.application = declaring(world.application, policy={"keep_logs": False})
    assert what_failed(world, release, NOT_READY) == ""


def test_where_it_is_kept_ends_the_message_however_long_that_is(
    shop: Shop, world: World, release: Release, tmp_path: Path
) -> None:
    kept, link = [], "What its pods said: http://prefect.example/artifacts/key/shop-1-failed"

    def keep(refused: Refused) -> str:
        kept.append((refused.reason, world.store.read().phase))
        return link

    with pytest.raises(Refused), world.acting() as acting, failing(acting, release, keep):
        raise Refused("é" * TEXT_BYTES, reason=Why.NOT_READY_IN_TIME)
    assert kept == [("NotReadyInTime", Phase.DEPLOYING)], "before the side may go to rest"
    ended = world.store.read().last
    assert ended
    assert ended.changes[-1].message.endswith(f"…. {link}")
    desk = Desk(shop, tmp_path)
    for verb in (("status", shop.name), ("history", shop.name, release.name)):
        assert link in desk.run(*verb).stdout, verb

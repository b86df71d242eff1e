"""What keeps a dark side's pods from coming up until somebody acts: named at once, not after the whole time for it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from flipgate.core.record.phases import Phase, Reason
from flipgate.core.record.release import Release
from flipgate.core.values.errors import Refused
from flipgate.core.values.verdicts import Verdict
from flipgate.core.workloads import standstill
from flipgate.steps.acting.world import World
from flipgate.steps.looking.look import look
from flipgate.steps.moving.hand_over import hand_over_workers
from flipgate.steps.moving.move import need_counts
from flipgate.steps.moving.stamp import stamped_look
from flipgate.steps.releasing.bring_up import bring_up, open_release, scale_to_live, wait_ready
from flipgate.steps.releasing.foresee import foresee
from flipgate.steps.releasing.preflight import preflight
from flipgate.steps.releasing.settle import failing
from flipgate.steps.releasing.setup import check_application
from tests.api.shop import BLUE, COUNTS, GREEN, Shop, advanced, opened, under_lease
from tests.api.steps import refusing

LONG = 600.0


def pause(shop: Shop, name: str) -> None:
    """What `kubectl rollout pause` does."""
    shop.patch(f"{shop.deployments(GREEN)}/{name}", ("add", "/spec/paused", True))


def brought_up(world: World) -> Release:
    """A release whose pods are asked for on green."""
    release = opened(world)
    under_lease(world, bring_up, release)
    return release


def failed(world: World) -> Reason:
    """Why the release has ended, which was not brought up."""
    ended = world.store.read().last
    assert ended
    assert ended.phase is Phase.FAILED
    return ended.changes[-1].reason


# Paused Deployments


@pytest.mark.parametrize("name", ["web", "mailer"])
def test_a_paused_deployment_is_named_before_anything_is_written(shop: Shop, world: World, name: str) -> None:
    """A worker too, whose pods come up only after users were moved."""
    pause(shop, name)
    release = open_release(world, {name: f"shop/{name}:2"}, "ci")
    with world.acting() as acting:
        view = stamped_look(acting, GREEN)
        before = shop.version(f"{shop.deployments(GREEN)}/{name}")
        with pytest.raises(Refused, match=f"Deployment {shop.name}-green/{name} is paused") as refused:
            bring_up(acting, release, view)
    assert refused.value.reason == "DeploymentPaused"
    assert refused.value.next_command == f"kubectl -n {shop.name}-green rollout resume deployment/{name}"
    assert shop.version(f"{shop.deployments(GREEN)}/{name}") == before
    assert shop.counts(GREEN) == dict.fromkeys(COUNTS, 0)


def test_a_paused_one_is_a_row_of_the_preflight_before_any_hook_and_of_the_dry_run(shop: Shop, world: World) -> None:
    pause(shop, "web")
    images = {"web": "shop/web:2"}
    fact = f"Deployment {shop.name}-green/web is paused: Kubernetes starts no pod of its new template"
    mend = f"kubectl -n {shop.name}-green rollout resume deployment/web"
    plan = foresee(world, images)
    (row,) = [each for each in plan.preflight if each.gate == "Deployment web"]
    assert (row.verdict, row.answer, row.mend, fact in plan.refused) == (Verdict.FAIL, fact, mend, True)
    assert foresee(world, {"mailer": "shop/mailer:2"}).refused == "", "it gets no new template"
    release = open_release(world, images, "ci")
    with world.acting() as acting, refusing("PreflightFailed", match=re.escape(f"{fact} ({mend})")):
        preflight(acting, release)


def test_one_that_is_paused_while_its_pods_are_waited_for_is_named(
    shop: Shop, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standstill, "PATIENCE_SECONDS", 0.0)
    release = brought_up(world)
    pause(shop, "web")
    with pytest.raises(Refused, match="web is paused") as refused, world.acting() as acting, failing(acting, release):
        wait_ready(acting, release, timeout_seconds=LONG)
    assert refused.value.reason == "DeploymentPaused"
    assert "blue, which has the live traffic" in refused.value.untouched
    assert failed(world) is Reason.DEPLOYMENT_PAUSED


def test_one_that_is_paused_with_nothing_to_roll_out_holds_nothing_up(shop: Shop, world: World) -> None:
    """Kubernetes scales a paused Deployment: what it runs already is what is wanted."""
    pause(shop, "mailer")
    release = brought_up(world)
    with shop.playing_ready():
        under_lease(world, wait_ready, release, timeout_seconds=20)


def test_check_names_the_paused(shop: Shop) -> None:
    pause(shop, "web")
    problems = check_application(shop.cluster, shop.application, shop.own)
    resume = f"kubectl -n {shop.name}-green rollout resume deployment/web"
    assert any("web is paused" in problem and resume in problem for problem in problems), problems


# Pods that the API server refuses

QUOTA = (
    'pods "web-6f5c9d8b7-x2x4p" is forbidden: exceeded quota: compute, requested: requests.cpu=2, used: '
    "requests.cpu=3, limited: requests.cpu=4"
)


def refuse(shop: Shop, message: str, *, name: str = "web", ready: int = 0, at: str = "") -> None:
    """What the Deployment's controller writes when the API server refuses its pods."""
    condition = {
        "type": "ReplicaFailure",
        "status": "True",
        "reason": "FailedCreate",
        "message": message,
        **({"lastTransitionTime": at, "lastUpdateTime": at} if at else {}),
    }
    obj = shop.deployment(GREEN, name)
    counts = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas"), ready)
    status = {**counts, "observedGeneration": obj["metadata"]["generation"], "conditions": [condition]}
    shop.patch(f"{shop.deployments(GREEN)}/{name}/status", ("add", "/status", status))


def test_what_the_api_server_refuses_is_said_in_its_own_words(
    shop: Shop, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What else it may say, and what to type then: tests/core/workloads/test_standstill.py."""
    monkeypatch.setattr(standstill, "PATIENCE_SECONDS", 0.0)
    release = brought_up(world)
    refuse(shop, QUOTA, ready=1)
    with pytest.raises(Refused) as refused, world.acting() as acting, failing(acting, release):
        wait_ready(acting, release, timeout_seconds=LONG)
    assert refused.value.reason == "PodsRefused"
    assert refused.value.fact == (
        f"Deployment {shop.name}-green/web has 1 of 2 pods, and the API server refuses more: {QUOTA}"
    )
    assert "describe resourcequotas" in refused.value.next_command
    assert failed(world) is Reason.PODS_REFUSED


def test_a_refusal_that_passes_is_waited_for(shop: Shop, world: World) -> None:
    release = brought_up(world)
    refuse(shop, QUOTA)
    world.say = lambda _: shop.play_ready(GREEN)
    under_lease(world, wait_ready, release, timeout_seconds=20)


def test_a_refusal_is_not_final_while_pods_are_going_and_the_time_limit_names_it(
    shop: Shop, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They make room: those of the release before may have half a minute to end."""
    monkeypatch.setattr(standstill, "PATIENCE_SECONDS", 0.1)
    pods = f"/api/v1/namespaces/{shop.name}-green/pods"
    held = {"name": "old", "finalizers": ["example.com/held"]}
    shop.cluster.create(pods, {"metadata": held, "spec": {"containers": [{"name": "a", "image": "a:1"}]}})
    shop.cluster.delete(f"{pods}/old")
    release = brought_up(world)
    refuse(shop, QUOTA)
    with pytest.raises(Refused, match="exceeded quota: compute") as refused:
        under_lease(world, wait_ready, release, timeout_seconds=0.3)
    assert refused.value.reason == "NotReadyInTime"


def test_workers_that_are_refused_send_users_back_at_once(
    shop: Shop, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standstill, "PATIENCE_SECONDS", 0.0)
    world.sleep = lambda _: refuse(shop, QUOTA, name="mailer") if shop.counts(GREEN)["mailer"] else quiet(shop)
    with pytest.raises(Refused, match="mailer has 0 of 1 pods, and the API server refuses more") as refused:
        under_lease(world, hand_over_workers, GREEN)
    assert refused.value.reason == "WorkersNotReady"


def quiet(shop: Shop) -> None:
    """The live side's worker has stopped."""
    shop.play_ready(BLUE, "mailer")


# Pods that somebody takes away


def autoscaler(shop: Shop, least: int, most: int, **meta: Any) -> None:
    """One of the dark side's `web`."""
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    spec = {"scaleTargetRef": target, "minReplicas": least, "maxReplicas": most}
    path = f"/apis/autoscaling/v2/namespaces/{shop.name}-green/horizontalpodautoscalers"
    shop.cluster.create(path, {"metadata": {"name": "web-hpa", **meta}, "spec": spec})
    shop.cluster.merge(f"{path}/web-hpa/status", {"status": {"currentReplicas": 4, "desiredReplicas": least}})


def shrunk(shop: Shop, world: World) -> Release:
    """A dark release, which has to be scaled to four pods of `web`, and is scaled to one at once."""
    release = brought_up(world)
    shop.play_ready(GREEN)
    record = advanced(world, release, Phase.DARK)
    shop.scale(BLUE, "web", 4)
    taking = world.say

    def say(line: str) -> None:
        taking(line)
        if "0 of 4" in line or "of 4 pods Ready" in line:
            shop.scale(GREEN, "web", 1)

    world.say = say
    assert record.release
    return record.release


def test_an_autoscaler_that_takes_pods_away_is_named_at_once_with_its_numbers(shop: Shop, world: World) -> None:
    autoscaler(shop, 1, 5)
    release = shrunk(shop, world)
    with pytest.raises(Refused) as refused:
        under_lease(world, scale_to_live, release)
    assert refused.value.reason == "ScaledByAnother"
    assert refused.value.fact == (
        f"Deployment {shop.name}-green/web asks for 1 of 4 wanted pods: HorizontalPodAutoscaler web-hpa "
        "(1 to 5 pods, wants 1) took them away"
    )
    patch = """'{"spec":{"minReplicas":4}}'"""
    assert refused.value.next_command == f"kubectl -n {shop.name}-green patch hpa web-hpa --type=merge -p={patch}"
    assert shop.where() == ("blue",)


def test_without_an_autoscaler_it_is_whoever_wrote_the_count(shop: Shop, world: World) -> None:
    release = brought_up(world)
    shop.scale(GREEN, "web", 1)
    told = r"asks for 1 of 2 wanted pods, set by flipgate \(Update\)"
    with pytest.raises(Refused, match=told) as refused, world.acting() as acting, failing(acting, release):
        wait_ready(acting, release, timeout_seconds=LONG)
    assert refused.value.next_command == f"kubectl -n {shop.name}-green scale deployment/web --replicas=2"
    assert failed(world) is Reason.SCALED_BY_ANOTHER


def test_a_move_that_is_refused_for_its_counts_names_the_autoscaler(shop: Shop, world: World) -> None:
    autoscaler(shop, 1, 5)
    shop.scale(GREEN, "web", 1)
    shop.play_ready(GREEN)
    with pytest.raises(Refused, match=r"web 1 of 2; .*web-hpa \(1 to 5 pods, wants 1\) took them away") as refused:
        need_counts(world, look(world), GREEN)
    assert refused.value.reason == "TooFewReady"
    assert "patch hpa web-hpa" in refused.value.next_command


# A refusal of the release before


def test_a_refusal_that_was_mended_before_the_same_build_came_again_does_not_fail_it(
    shop: Shop, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standstill, "PATIENCE_SECONDS", 0.0)
    release = brought_up(world)
    refuse(shop, QUOTA, at="2026-03-01T12:00:00Z")
    under_lease(world, bring_up, release)
    annotations = shop.deployment(GREEN, "web")["metadata"]["annotations"]
    assert annotations["flipgate.dev/asked-again"], "the controllers try again at once"
    refuse(shop, QUOTA, at="2026-03-01T12:00:00Z")
    world.say = lambda _: shop.play_ready(GREEN)
    under_lease(world, wait_ready, release, timeout_seconds=20)


def test_a_refusal_of_the_release_before_that_stays_is_named_at_the_limit(
    shop: Shop, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standstill, "PATIENCE_SECONDS", 0.0)
    release = brought_up(world)
    refuse(shop, QUOTA, at="2026-03-01T12:00:00Z")
    with pytest.raises(Refused, match=r"exceeded quota: compute.*, said before it was written last") as refused:
        under_lease(world, wait_ready, release, timeout_seconds=0.3)
    assert refused.value.reason == "NotReadyInTime"

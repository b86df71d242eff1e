"""What is approved is what runs: whatever else somebody changed on the dark side is shown before anybody says yes."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from flipgate.adapters.cluster import Reader
from flipgate.core.record.approvals import Granted, NotGranted
from flipgate.core.record.phases import Phase, QuestionKind
from flipgate.core.record.record import Decision
from flipgate.core.spec.application import load_application
from flipgate.core.values.stamps import STAMP
from flipgate.core.workloads.view import AGAIN
from flipgate.steps.acting.world import World
from flipgate.steps.looking.look import look, need_record
from flipgate.steps.looking.targets import led_to
from flipgate.steps.releasing.foresee import foresee
from flipgate.steps.releasing.questions import decide, need_phase, pose, since_the_yes, standing
from flipgate.steps.releasing.what_runs import need_approved
from tests.api.shop import GREEN, Shop
from tests.api.steps import refusing
from tests.core.builders import ANA

FLIP = QuestionKind.FLIP


@pytest.fixture
def dark(shop: Shop) -> World:
    """The shop with a release of a new `web` up on green, which nobody has seen."""
    return shop.gone_live(until=Phase.DARK)


def changed(shop: Shop, name: str = "web", **spec: Any) -> None:
    """Changes green's pods as a person with kubectl would; what the controllers do of it is done."""
    shop.cluster.merge(f"{shop.deployments(GREEN)}/{name}", {"spec": {"template": {"spec": spec}}})
    shop.play_ready(GREEN)


def of_container(shop: Shop, name: str = "web", **parts: Any) -> None:
    """The same of its container."""
    (container,) = shop.deployment(GREEN, name)["spec"]["template"]["spec"]["containers"]
    changed(shop, name, containers=[{**container, **parts}])


def test_what_differs_from_the_live_pods_is_in_the_question_and_the_history(shop: Shop, dark: World) -> None:
    of_container(shop, env=[{"name": "LOG_LEVEL", "value": "debug"}])
    line = "containers[web].env LOG_LEVEL: added (debug)"
    question = pose(dark, FLIP, [])
    assert question.changes == ("web: shop/web:1 to shop/web:2", f"web: {line}")
    assert ("differs: web", "info", line) in [(each.gate, each.verdict, each.detail) for each in question.evidence]
    assert question.summary.endswith("Beside images, 1 difference from what is live: web.")
    decide(dark, Decision.APPROVE, by=ANA, via="cli", reason="read it")
    release = dark.store.read().release
    assert release is not None
    assert line in [each.detail for each in release.decisions[-1].evidence]


def test_where_nothing_differs_nothing_is_said(dark: World) -> None:
    question = pose(dark, FLIP, [])
    assert question.changes == ("web: shop/web:1 to shop/web:2",)
    assert [each.gate for each in question.evidence] == ["images without pods"]
    assert "difference" not in question.summary


def test_a_deploy_that_is_foreseen_says_what_would_differ(shop: Shop, world: World) -> None:
    of_container(shop, env=[{"name": "LOG_LEVEL", "value": "debug"}])
    plan = foresee(world, {"web": "shop/web:2"})
    assert plan.differences == ("web: containers[web].env LOG_LEVEL: added (debug)",)


def test_what_was_changed_after_the_yes_is_named_and_the_yes_does_not_count(shop: Shop, dark: World) -> None:
    of_container(shop, env=[{"name": "LOG_LEVEL", "value": "debug"}])
    pose(dark, FLIP, [])
    decide(dark, Decision.APPROVE, by=ANA, via="cli", reason="read it")
    assert isinstance(standing(dark, FLIP), Granted)
    of_container(shop, env=[{"name": "LOG_LEVEL", "value": "trace"}])
    decided = standing(dark, FLIP)
    assert isinstance(decided, NotGranted)
    assert decided.reason == "BasisChanged"
    assert decided.fact == (
        "what would change is no longer what was approved: now web: containers[web].env LOG_LEVEL: added (trace); "
        "no longer web: containers[web].env LOG_LEVEL: added (debug)"
    )
    (shown,) = since_the_yes(decided)
    assert (shown.gate, shown.verdict, shown.answer) == ("since the last yes", "info", decided.fact)


def test_what_flipgate_changes_itself_leaves_the_yes(shop: Shop, dark: World) -> None:
    pose(dark, FLIP, [])
    decide(dark, Decision.APPROVE, by=ANA, via="cli", reason="read it")
    marks = {AGAIN: "mark", "kubectl.kubernetes.io/restartedAt": "now"}
    template = {"metadata": {"annotations": marks}}
    shop.scaled(GREEN, "web", 5, {STAMP: "1.other"}, template=template)
    assert isinstance(standing(dark, FLIP), Granted)


def test_a_yes_is_bound_to_the_digests_that_pods_ran_when_it_was_asked_for(shop: Shop, dark: World) -> None:
    run_pod(shop, "web-0", DIGEST)
    question = pose(dark, FLIP, [])
    assert question.content == {"shop/web:2": (DIGEST,)}
    assert ("image shop/web:2", "info", DIGEST) in [(e.gate, e.verdict, e.detail) for e in question.evidence]
    still_approved(dark)
    run_pod(shop, "web-1", OTHER)
    with refusing("ContentDiffers", f"pods of shop/web:2 run {DIGEST} and {OTHER}, approved was {DIGEST}") as refused:
        still_approved(dark)
    assert "--image web=shop/web:2 --image mailer=shop/mailer:1 --again" in refused.value.next_command


def test_a_pod_that_is_made_anew_has_nobody_asked_again(shop: Shop, dark: World) -> None:
    run_pod(shop, "web-0", DIGEST)
    question = pose(dark, FLIP, [])
    shop.cluster.delete(f"/api/v1/namespaces/{shop.namespace(GREEN)}/pods/web-0")
    assert pose(dark, FLIP, []) == question


def test_nobody_is_asked_about_one_tag_with_two_contents(shop: Shop, dark: World) -> None:
    run_pod(shop, "web-0", DIGEST)
    run_pod(shop, "web-1", OTHER)
    with refusing("ContentDiffers", f"pods of shop/web:2 run {DIGEST} and {OTHER}"):
        pose(dark, FLIP, [])
    assert dark.store.read().question is None


def test_a_flip_asks_for_pods_once_at_most(shop: Shop, dark: World) -> None:
    asked: list[str] = []
    listed = Reader.items

    def items(cluster: Reader, path: str, **more: Any) -> Any:
        asked.append(path)
        return listed(cluster, path, **more)

    pose(dark, FLIP, [])
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Reader, "items", items)
        still_approved(dark)
        assert asked == [], "nothing is known to be held against"
        run_pod(shop, "web-0", DIGEST)
        pose(dark, FLIP, [])
        asked.clear()
        still_approved(dark)
        assert len(asked) == 1


DATA = {"name": "data", "hostPath": {"path": "/"}}


def test_pods_that_may_do_more_than_the_live_ones_are_not_asked_about_unless_it_is_declared(
    shop: Shop, dark: World
) -> None:
    changed(shop, serviceAccountName="admin", volumes=[DATA])
    with refusing("TemplateDiffers") as refused:
        pose(dark, FLIP, [])
    assert refused.value.fact == (
        "may do more, or runs other code, than what is live: web: serviceAccountName: added (admin); "
        "web: volume data: added (hostPath /). To allow it, declare `mayChange: [serviceAccount, volumes]` for web"
    )
    assert dark.store.read().question is None
    for words in ("[volumes]", "[serviceAccount]"):
        with refusing("TemplateDiffers"):
            pose(declaring(shop, words), FLIP, [])
    question = pose(declaring(shop, "[serviceAccount, volumes]"), FLIP, [])
    assert "web: serviceAccountName: added (admin)" in question.changes


def test_a_deploy_that_is_foreseen_says_what_would_be_refused(shop: Shop, world: World) -> None:
    changed(shop, hostNetwork=True)
    (note,) = foresee(world, {"web": "shop/web:2"}).notes
    assert "hostNetwork: added (true). To allow it, declare `mayChange: [host]` for web" in note


def declaring(shop: Shop, words: str) -> World:
    """The shop with these words in its file."""
    text = shop.text.replace("container: web}", f"container: web, mayChange: {words}}}")
    return replace(shop.world(), application=load_application(text, "shop.yaml"))


def still_approved(world: World) -> None:
    view = look(world)
    release = need_phase(world, need_record(world, view), FLIP)
    need_approved(world, view, release, led_to(world, view.traffic, GREEN))


DIGEST, OTHER = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"


def run_pod(shop: Shop, pod: str, digest: str, owner: str = "web-6f5c9d8b7") -> None:
    """A pod of green's `web`, which says what content it runs."""
    pods = f"/api/v1/namespaces/{shop.namespace(GREEN)}/pods"
    container = {"name": "web", "image": "shop/web:2"}
    made_by = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": owner, "uid": owner}
    meta = {"name": pod, "labels": {"app": "web"}, "ownerReferences": [made_by]}
    shop.cluster.create(pods, {"metadata": meta, "spec": {"containers": [container]}})
    status = {**container, "imageID": f"docker.io/shop/web@{digest}", "ready": True, "restartCount": 0}
    shop.cluster.merge(f"{pods}/{pod}/status", {"status": {"containerStatuses": [status]}})


@pytest.fixture
def led(shop: Shop, dark: World) -> World:
    """The same with a Service in green, as the route names it, and a pod of `web` behind it."""
    lead(shop, "web")
    run_pod(shop, "web-0", DIGEST)
    return dark


def lead(shop: Shop, app: str) -> None:
    spec = {"selector": {"app": app}, "ports": [{"name": "http", "port": 80}]}
    body = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": spec}
    shop.cluster.apply(f"/api/v1/namespaces/{shop.namespace(GREEN)}/services/web", body)


def test_a_service_that_leads_elsewhere_since_the_question_makes_the_yes_void(shop: Shop, led: World) -> None:
    question = pose(led, FLIP, [])
    assert question.services == {"web": "selector app=web; port 80 to 80; ClusterIP"}
    assert ("service web", "info") in [(each.gate, each.verdict) for each in question.evidence]
    assert pose(led, FLIP, []) == question
    decide(led, Decision.APPROVE, by=ANA, via="cli", reason="read it")
    assert isinstance(standing(led, FLIP), Granted)
    still_approved(led)

    lead(shop, "rogue")
    path = "Service web: selector app=web; port 80 to 80; ClusterIP -> selector app=rogue; port 80 to 80; ClusterIP"
    with refusing("BasisChanged", f"what would change is no longer what was approved: {path}"):
        still_approved(led)
    decided = standing(led, FLIP)
    assert isinstance(decided, NotGranted)
    assert (decided.reason, path in decided.fact) == ("BasisChanged", True)
    again = pose(led, FLIP, [])
    assert again.id != question.id
    assert led.store.read().approval is None


def test_a_pod_that_no_declared_workload_has_made_gets_no_users(shop: Shop, led: World) -> None:
    pose(led, FLIP, [])
    run_pod(shop, "rogue-0", DIGEST, owner="rogue-5d8")
    said = "pod rogue-0 (image shop/web:2, of ReplicaSet rogue-5d8) is behind Service web, of no declared workload"
    for refused in (still_approved, lambda world: pose(world, FLIP, [])):
        with refusing("ForeignPods", re.escape(said)):
            refused(led)

"""An HTTPRoute as the live route, served by the real Traefik: a release through it, there and back, under load."""

from __future__ import annotations

from typing import Any

import pytest

from flipgate.adapters.cluster import Cluster
from flipgate.core.record.record import QuestionKind
from flipgate.core.record.release import Phase
from flipgate.core.traffic.preview import PREVIEW_ROUTE
from flipgate.core.traffic.traffic import WAY_BACK
from flipgate.core.values.errors import Refused
from flipgate.steps.acting.world import DEFAULT_NAMESPACE
from flipgate.steps.going_back.roll_back import roll_back
from flipgate.steps.looking.look import look_at_traffic
from flipgate.steps.releasing.setup import check_application
from lab.control.records import Lab
from tests.lab import runbook
from tests.lab.stage import BLUE, GREEN, NewStage, Stage, images, lost_none, through_an_http_route, wait_until

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]

GATEWAY = "/apis/gateway.networking.k8s.io"


def previewed(lab: Lab) -> Any:
    """The route, and a host for its preview."""

    def edit(document: dict[str, Any]) -> None:
        through_an_http_route(lab)(document)
        document["spec"]["traffic"]["previewHost"] = "preview-" + document["spec"]["traffic"]["host"]

    return edit


def route(stage: Stage) -> dict[str, Any]:
    place = stage.place
    path = f"{GATEWAY}/v1/namespaces/{place.route_namespace}/httproutes/{place.route}"
    return Cluster.connect(stage.lab.kubeconfig).get(path)


def test_a_whole_release_goes_through_it_there_and_back_and_there_again(new_stage: NewStage, lab: Lab) -> None:
    stage = new_stage("gateway", edit=previewed(lab))
    world = stage.world()
    assert check_application(Cluster.connect(stage.lab.kubeconfig), world.application, DEFAULT_NAMESPACE) == []
    with stage.load() as load:
        runbook.deploy_dark(world, images("2"))
        assert set(load.snapshot().by_side) == {"blue"}
        runbook.approve(world, QuestionKind.FLIP)
        runbook.flip_traffic(world)
        stage.wait_for_users_on(GREEN)
        assert WAY_BACK in route(stage)["metadata"]["annotations"]
        counted = f'service="{stage.place.green}-api-service-http-8080@kubernetesgateway"'
        wait_until("Traefik counts the new side's target", lambda: counted in stage.traefik("/metrics"))

        done = roll_back(world, "orders fail", by="ana")
        stage.wait_for_users_on(BLUE)
        assert (done.way, done.left, stage.record().phase) == ("fast", (), Phase.ROLLED_BACK)

        runbook.go_live(world, images("3"))
        runbook.scale_down(world)
        assert stage.replicas(BLUE) == {}
        report = lost_none(load)
    assert report.transitions[-1][1:] == ("blue", "green")
    assert [change[1:] for change in report.transitions].count(("blue", "green")) >= 2
    assert (look_at_traffic(world).active, stage.images(GREEN)) == (GREEN, images("3"))
    previews = [entry for entry in stage.record().journal if entry.step == PREVIEW_ROUTE]
    assert [entry.outcome.partition(" through ")[0] for entry in previews] == [
        f"preview-{stage.place.host} leads to green"
    ] * 2
    assert WAY_BACK not in (route(stage)["metadata"].get("annotations") or {}), "there is none any more"


def test_a_side_that_grants_nothing_is_named_and_gets_nobody(new_stage: NewStage, lab: Lab) -> None:
    stage = new_stage("ungranted", edit=through_an_http_route(lab))
    world, green = stage.world(), stage.place.green
    with stage.load() as load:
        runbook.deploy_dark(world, images("2"))
        Cluster.connect(stage.lab.kubeconfig).delete(f"{GATEWAY}/v1beta1/namespaces/{green}/referencegrants/routes")
        (problem,) = check_application(Cluster.connect(stage.lab.kubeconfig), world.application, DEFAULT_NAMESPACE)
        assert problem.startswith(f"Service {green}/api-service may not be named by HTTPRoute ")
        runbook.approve(world, QuestionKind.FLIP)
        with pytest.raises(Refused) as refused:
            runbook.flip_traffic(world)
        report = lost_none(load)
    assert (refused.value.reason, refused.value.obj) == ("ReferenceGrantMissing", f"Service {green}/api-service")
    assert (set(report.by_side), stage.record().phase) == ({"blue"}, Phase.DARK)

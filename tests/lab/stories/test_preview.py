"""Whether Traefik can lead users to the new side is found out before they depend on it: on a real one, under load."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flipgate.adapters.cluster import Cluster
from flipgate.core.record.intents import MOVE_ROUTES
from flipgate.core.record.record import EntryState
from flipgate.core.traffic.preview import PREVIEW_ROUTE
from flipgate.core.values.errors import Refused
from flipgate.steps.acting.world import DEFAULT_NAMESPACE
from flipgate.steps.looking.look import look_at_traffic
from flipgate.steps.releasing.setup import check_application
from lab.control.records import Lab
from tests.lab import runbook
from tests.lab.second_traefik import second_traefik
from tests.lab.stage import (
    BLUE,
    GREEN,
    NewStage,
    Stage,
    images,
    lost_none,
    phases,
    through_a_traefik_service,
)

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]

ROUTES = "/apis/traefik.io/v1alpha1/namespaces"


def previews(stage: Stage) -> list[str]:
    """What is left of this application's previews; others that share the lab have theirs."""
    kinds = "ingressroutes,traefikservices"
    names = stage.kubectl("get", kinds, "-A", "-l", "app.kubernetes.io/component=preview", "-o", "name").split()
    return [name for name in names if stage.application in name]


@pytest.mark.parametrize("kind", ["IngressRoute", "TraefikService"])
def test_the_new_side_is_seen_by_a_route_of_its_own_before_anybody_moves(
    new_stage: NewStage, lab: Lab, kind: str
) -> None:
    """And what users reach is behind a Service that is not called as its workload."""

    def declared(document: dict[str, Any]) -> None:
        document["spec"]["traffic"]["previewHost"] = "preview.nobody.example"
        if kind == "TraefikService":
            through_a_traefik_service(lab)(document)

    stage = new_stage(f"preview-{kind.lower()}", edit=declared)
    world = stage.world()
    assert check_application(Cluster.connect(lab.kubeconfig), world.application, DEFAULT_NAMESPACE) == []
    with stage.load() as load:
        runbook.go_live(world, images("2", "api-all"))
        assert stage.answering() == GREEN
        report = lost_none(load)
    assert report.transitions[-1][1:] == ("blue", "green")
    steps = [entry for entry in stage.record().journal if entry.step in (PREVIEW_ROUTE, MOVE_ROUTES)]
    assert [(entry.step, entry.state) for entry in steps] == [
        (PREVIEW_ROUTE, EntryState.DONE),
        (MOVE_ROUTES, EntryState.DONE),
    ]
    moved = steps[1].at.timestamp()
    assert report.transitions[0][0] >= moved, "no user came by the preview: the new side answers from the move on"
    assert previews(stage) == []


def test_a_traefik_that_may_not_refer_across_namespaces_is_found_before_the_move(
    new_stage: NewStage, lab: Lab, tmp_path: Path
) -> None:
    """The route stands in blue's namespace: everything is fine with it until it names green's."""
    cluster = Cluster.connect(lab.kubeconfig)
    with second_traefik(lab, tmp_path, f"near-{tmp_path.name[-1]}", without="allowcrossnamespace") as other:

        def at_home(document: dict[str, Any]) -> None:
            spec = document["spec"]
            blue, host = spec["sides"]["blue"]["namespace"], f"home.{spec['traffic']['host']}"
            rule = {"kind": "Rule", "match": f"Host(`{host}`)", "services": [{"name": "api-service", "port": 8080}]}
            made = {"apiVersion": "traefik.io/v1alpha1", "kind": "IngressRoute", "metadata": {"name": "home"}}
            cluster.create(f"{ROUTES}/{blue}/ingressroutes", {**made, "spec": {"routes": [rule]}})
            spec["routes"] = [{"kind": "IngressRoute", "namespace": blue, "name": "home"}]
            spec["traffic"] |= {"host": host, "previewHost": "preview.nobody.example"}
            spec["traffic"] |= {"scheme": "http", "proofTimeoutSeconds": 8}
            spec["traffic"]["traefik"]["selector"] = f"app.kubernetes.io/name={other.name}"

        stage = new_stage("near", edit=at_home)
        world = stage.world()
        runbook.dark_and_approved(world, images("2", "api-all"))
        with stage.load() as load:
            with pytest.raises(Refused) as refused:
                runbook.flip_traffic(world)
            report = lost_none(load)
        assert f"{other.pod} (HTTP 404 from an unnamed side)" in refused.value.fact
    assert (refused.value.reason, refused.value.untouched) == ("PreviewNotSeen", "all routes")
    assert set(report.by_side) == {"blue"}
    assert look_at_traffic(world).active is BLUE
    record = stage.record()
    assert phases(record.release)[-1] == "dark ChecksPassed"
    assert record.open_entry is None
    assert record.approval, "nothing was moved for it: it stands"
    assert previews(stage) == []

"""The old side goes to rest under load: with a real autoscaler on it, and with a rollback in the middle."""

from __future__ import annotations

from pathlib import Path
from threading import Lock

import pytest

from flipgate.adapters.cluster import Cluster
from flipgate.core.record.phases import Phase, QuestionKind
from flipgate.core.values.errors import FlipgateError
from flipgate.steps.releasing import settle
from tests.api.wire import Answer, Through
from tests.lab import runbook
from tests.lab.late import behind
from tests.lab.stage import BLUE, GREEN, SERVING, WORKERS, NewStage, Stage, images, lost_none, wait_until

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]

WARM = "api-all"


def test_a_rollback_in_the_middle_of_the_scale_down_finds_a_whole_side(new_stage: NewStage, tmp_path: Path) -> None:
    """Three Deployments are at 0 by then; the fourth write is on its way, and arrives once users are back."""
    stage = new_stage("rest-middle")
    runbook.go_live(stage.world(), images("2", WARM))
    stage.wait_for_users_on(GREEN)
    runbook.approve(stage.world(), QuestionKind.SCALE_DOWN)
    written, one = list[str](), Lock()

    def before(method: str, path: str) -> Answer | None:
        if method == "PATCH" and f"/{stage.place.blue}/deployments/" in path and stage.record().open_entry:
            with one:
                written.append(path)
                if len(written) == 4:
                    assert len(stage.replicas(BLUE)) == len(SERVING) - 3
                    stage.typed("rollback", stage.application, "--reason", "orders fail")
                    stage.wait_for_users_on(BLUE)
        return None

    with stage.load() as load:
        network = Through(stage.lab.kubeconfig, before=before)
        with behind(stage, network, tmp_path) as worker, pytest.raises(FlipgateError), worker.acting() as acting:
            settle.settle(acting)
        lost_none(load)
    assert len(written) == 4, "who was taken over sends nothing more"
    assert set(stage.replicas(BLUE)) == {*SERVING, *WORKERS}
    assert not set(stage.replicas(GREEN)) & set(WORKERS)
    record = stage.record()
    assert (record.phase, record.active, record.open_entry) == (Phase.ROLLED_BACK, BLUE, None)


def autoscaler(stage: Stage) -> str:
    """The path of blue's, with a minimum of 2."""
    path = f"/apis/autoscaling/v2/namespaces/{stage.place.blue}/horizontalpodautoscalers"
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": WARM}
    spec = {"scaleTargetRef": target, "minReplicas": 2, "maxReplicas": 4}
    Cluster.connect(stage.lab.kubeconfig).create(path, {"metadata": {"name": WARM}, "spec": spec})
    return f"{path}/{WARM}"


def test_kubernetes_own_autoscaler_leaves_a_warm_count_and_is_as_it_was_after_the_way_back(
    new_stage: NewStage,
) -> None:
    stage = new_stage("rest-warm", policy={"restReplicas": 1})
    path, cluster = autoscaler(stage), Cluster.connect(stage.lab.kubeconfig)

    def seen(count: int) -> None:
        """It has looked since, which it does every 15 s."""
        look = lambda: cluster.get(path).get("status", {}).get("currentReplicas") == count  # noqa: E731
        wait_until(f"the autoscaler has seen {count} pods", look)

    runbook.go_live(stage.world(), images("2", WARM))
    seen(2)
    with stage.load() as load:
        runbook.scale_down(stage.world())
        seen(1)
        assert stage.replicas(BLUE) == dict.fromkeys(SERVING, 1)
        stage.typed("rollback", stage.application, "--reason", "orders fail", "--to", "blue")
        stage.wait_for_users_on(BLUE)
        lost_none(load)
    found = cluster.get(path)
    assert (found["spec"]["minReplicas"], found["metadata"].get("annotations") or {}) == (2, {})
    assert stage.replicas(BLUE)[WARM] == 2

"""A release's images are pulled to the nodes before its pods come."""

from __future__ import annotations

from typing import Any

import pytest

from flipgate.adapters.cluster import Cluster
from flipgate.core.spec.pre_pull import NOUN
from flipgate.core.values.verdicts import Verdict
from flipgate.steps.releasing.bring_up import open_release
from flipgate.steps.releasing.preflight import preflight
from tests.lab.stage import GREEN, SERVING, NewStage, images, wait_until

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]


def test_what_can_be_pulled_is_what_cannot_is_said_and_nothing_is_left(new_stage: NewStage) -> None:
    def edit(document: dict[str, Any]) -> None:
        document["spec"]["prePull"] = {"timeoutSeconds": 60}

    stage = new_stage("pulled", edit=edit)
    world, (good, bad) = stage.world(), SERVING[:2]
    release = open_release(world, {**images("2", good), **images("2-pull-fails", bad)}, "ci")
    with world.acting() as acting:
        (row,) = [each for each in preflight(acting, release) if each.gate == NOUN]
    assert row.verdict is Verdict.INFO
    assert row.answer.startswith("2 images, 1 node: 1 of 2 pulls done; not pulled: ")
    assert f"{release.images[bad]} on " in row.answer
    assert "ErrImagePull: manifest unknown" in row.answer
    green, cluster = stage.place.green, Cluster.connect(stage.lab.kubeconfig)
    assert cluster.items(f"/apis/batch/v1/namespaces/{green}/jobs") == []
    wait_until("its pods are gone", lambda: not cluster.items(f"/api/v1/namespaces/{green}/pods"))
    assert stage.replicas(GREEN) == {}

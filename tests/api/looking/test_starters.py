"""What would start workers on the side that is dark: an autoscaler that scales from nothing. Found by `check`; what is
said of which is tests/core/workloads/test_starters.py."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from flipgate.steps.looking.starters import starter_problems
from flipgate.steps.releasing.setup import check_application
from tests.api.front import fronted
from tests.api.shop import GREEN, Shop
from tests.api.wire import Answer, Handler, serving

KEDA = {"name": "keda.sh", "preferredVersion": {"groupVersion": "keda.sh/v1alpha1"}}


def scaled_object(target: str = "mailer", **kind: str) -> dict[str, Any]:
    """One as the API server gives it; `scaleTargetRef.kind` is left out where it is a Deployment."""
    spec = {"scaleTargetRef": {"name": target, **kind}, "minReplicaCount": 0, "triggers": []}
    return {"metadata": {"name": f"{target}-scaler"}, "spec": spec}


def autoscaler(name: str, least: int) -> dict[str, Any]:
    ref = {"kind": "Deployment", "name": "mailer"}
    return {"metadata": {"name": name}, "spec": {"scaleTargetRef": ref, "minReplicas": least, "maxReplicas": 9}}


def test_check_names_those_of_declared_workers_on_the_dark_side(standing: Shop, tmp_path: Path) -> None:
    """KEDA is served by script, which has no CRD in this tier."""
    groups, through, place = standing.cluster.get("/apis")["groups"], fronted(standing), standing.namespace(GREEN)
    others = [scaled_object("web"), scaled_object("mailer", kind="StatefulSet")]
    there = {
        "scaledobjects": [*others, scaled_object(kind="Deployment")],
        "horizontalpodautoscalers": [autoscaler("mailer-0", 0), autoscaler("mailer-1", 1)],
        "scaledjobs": [{"metadata": {"name": "imports"}, "spec": {"jobTargetRef": {}}}],
    }
    live = {"scaledobjects": [scaled_object()], "scaledjobs": [{"metadata": {"name": "exports"}}]}

    def script(request: Handler) -> Answer | None:
        path, _, plural = request.path.partition("?")[0].rpartition("/")
        if request.path == "/apis":
            return 200, json.dumps({"groups": [*groups, KEDA]}).encode()
        if plural in (there if path.endswith(place) else live):
            return 200, json.dumps({"items": (there if path.endswith(place) else live)[plural]}).encode()
        return through(request)

    seen: list[str] = []
    with serving(script, tmp_path) as cluster:
        problems = check_application(cluster, standing.application, standing.own, seen.append)
    assert [problem.partition(" on green")[0].partition(" from ")[0] for problem in problems] == [
        f"HorizontalPodAutoscaler {place}/mailer-0 may start mailer",
        f"ScaledObject {place}/mailer-scaler may start mailer",
    ]
    assert [line.partition(",")[0] for line in seen if "cale" in line] == [
        f"ScaledJob {place}/imports may start Jobs on green"
    ], "the live side's are what has to scale it"


def test_where_keda_is_not_served_nothing_is_asked_of_it(standing: Shop, tmp_path: Path) -> None:
    asked: list[str] = []

    def script(request: Handler) -> Answer | None:
        asked.append(request.path)
        return fronted(standing)(request)

    with serving(script, tmp_path) as cluster:
        assert list(starter_problems(standing.world("ana", cluster))) == []
    assert asked
    assert not any("keda" in path for path in asked)

"""What would start workers on the side that is dark: an autoscaler that scales from nothing. Found by `check`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from flipgate.core.values.sides import Side
from flipgate.steps.releasing.setup import check_application
from tests.api.front import fronted
from tests.api.shop import BLUE, GREEN, Shop
from tests.api.wire import Answer, Handler, Script, serving

PAUSED = "autoscaling.keda.sh/paused"


@pytest.fixture
def shop(standing: Shop) -> Shop:
    """One for all: who checks changes nothing."""
    return standing


def scaled_object(target: str = "mailer", *, kind: str = "", **annotations: str) -> dict[str, Any]:
    """One as the API server gives it; `scaleTargetRef.kind` is left out where it is a Deployment."""
    named = {name.replace("_", "-"): value for name, value in annotations.items()}
    meta = {"name": f"{target}-scaler", "annotations": {f"autoscaling.keda.sh/{n}": v for n, v in named.items()}}
    ref = {"name": target, **({"kind": kind} if kind else {})}
    return {"metadata": meta, "spec": {"scaleTargetRef": ref, "minReplicaCount": 0, "triggers": []}}


def with_keda(shop: Shop, objects: dict[Side, list[dict[str, Any]]]) -> Script:
    """The shop on a cluster that serves KEDA, which has no CRD in this tier."""
    through = fronted(shop)

    def script(request: Handler) -> Answer | None:
        if request.path == "/apis":
            groups = shop.cluster.get("/apis")["groups"]
            keda = {"name": "keda.sh", "preferredVersion": {"groupVersion": "keda.sh/v1alpha1"}}
            return 200, json.dumps({"groups": [*groups, keda]}).encode()
        for side, found in objects.items():
            if request.path.startswith(f"/apis/keda.sh/v1alpha1/namespaces/{shop.namespace(side)}/scaledobjects"):
                return 200, json.dumps({"items": found}).encode()
        return through(request)

    return script


def checked(shop: Shop, folder: Path, script: Script) -> tuple[list[str], list[str]]:
    """The problems, and what else was seen of autoscalers."""
    seen: list[str] = []
    with serving(script, folder) as cluster:
        problems = check_application(cluster, shop.application, shop.own, seen.append)
    return problems, [line for line in seen if "scaler" in line]


def test_a_scaled_object_that_may_start_a_worker_on_the_dark_side_is_named_with_its_mend(
    shop: Shop, tmp_path: Path
) -> None:
    script = with_keda(shop, {side: [scaled_object()] for side in Side})
    (problem,), seen = checked(shop, tmp_path, script)
    place = shop.namespace(GREEN)
    assert problem == (
        f"ScaledObject {place}/mailer-scaler may start mailer on green, which is dark: work would be done twice. The "
        f"next deploy pauses it. At once: kubectl -n {place} annotate scaledobject mailer-scaler {PAUSED}-replicas=0 "
        "flipgate.dev/paused-replicas-before=null --overwrite"
    )
    assert seen == [], "the live side's has to scale it, and is paused with the hand-over"


def test_one_that_is_paused_at_a_number_would_undo_a_hand_over(shop: Shop, tmp_path: Path) -> None:
    held = [scaled_object(paused_replicas="0")]
    (live, dark), seen = checked(shop, tmp_path, with_keda(shop, dict.fromkeys(Side, held)))
    assert "holds mailer at 0 pods on green, which is dark, and flipgate did not set that" in dark
    assert "holds mailer at 0 pods on blue, which is live: by an annotation that flipgate did not set" in live
    assert seen == []


@pytest.mark.parametrize(
    ("found", "problems"),
    [
        (scaled_object(paused_replicas="0"), 1),
        (scaled_object(paused="true"), 0),
        (scaled_object(paused="false"), 1),
        (scaled_object(paused_replicas="2"), 1),
        (scaled_object(paused_replicas="2", paused="true"), 1),
        (scaled_object("web"), 0),
        (scaled_object("mailer", kind="StatefulSet"), 0),
        (scaled_object("mailer", kind="Deployment"), 1),
    ],
)
def test_one_that_is_paused_or_scales_no_worker_is_no_problem(
    shop: Shop, tmp_path: Path, found: dict[str, Any], problems: int
) -> None:
    said, _ = checked(shop, tmp_path, with_keda(shop, {BLUE: [], GREEN: [found]}))
    assert len(said) == problems


def test_an_autoscaler_with_a_minimum_of_0_starts_workers_and_one_with_1_leaves_them(
    shop: Shop, tmp_path: Path
) -> None:
    least = {"mailer-0": 0, "mailer-1": 1}

    def script(request: Handler) -> Answer | None:
        if f"/namespaces/{shop.namespace(GREEN)}/horizontalpodautoscalers" in request.path:
            ref = {"kind": "Deployment", "name": "mailer"}
            items = [
                {"metadata": {"name": name}, "spec": {"scaleTargetRef": ref, "minReplicas": count, "maxReplicas": 9}}
                for name, count in least.items()
            ]
            return 200, json.dumps({"items": items}).encode()
        return fronted(shop)(request)

    (problem,), _ = checked(shop, tmp_path, script)
    place = shop.namespace(GREEN)
    assert problem == (
        f"HorizontalPodAutoscaler {place}/mailer-0 may start mailer from 0 pods while green is dark: work would be "
        f"done twice. With a minimum of 1 it leaves alone what is at 0: kubectl -n {place} patch hpa mailer-0 "
        """--type=merge -p '{"spec":{"minReplicas":1}}'"""
    )


def test_where_keda_is_not_served_nothing_is_asked_of_it(shop: Shop, tmp_path: Path) -> None:
    asked: list[str] = []

    def script(request: Handler) -> Answer | None:
        asked.append(request.path)
        return fronted(shop)(request)

    assert checked(shop, tmp_path, script) == ([], [])
    assert not any("keda" in path for path in asked)


@pytest.mark.parametrize(("annotations", "named"), [({}, True), ({"autoscaling.keda.sh/paused": "true"}, False)])
def test_a_scaled_job_of_the_dark_side_is_said_for_nobody_hands_it_over(
    shop: Shop, tmp_path: Path, annotations: dict[str, str], named: bool
) -> None:
    through = with_keda(shop, {BLUE: [], GREEN: []})
    job = {"metadata": {"name": "imports", "annotations": annotations}, "spec": {"jobTargetRef": {}}}

    def script(request: Handler) -> Answer | None:
        if request.path.endswith("/scaledjobs"):
            return 200, json.dumps({"items": [job]}).encode()
        return through(request)

    seen: list[str] = []
    with serving(script, tmp_path) as cluster:
        assert check_application(cluster, shop.application, shop.own, seen.append) == []
    said = [line for line in seen if "ScaledJob" in line]
    assert [line.partition(",")[0] for line in said] == (
        [f"ScaledJob {shop.namespace(GREEN)}/imports may start Jobs on green"] if named else []
    )

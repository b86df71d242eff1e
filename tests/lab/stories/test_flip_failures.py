"""Flips that fail on a real cluster under load: who is in the way, what is refused, and where users are after it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from flipgate.adapters.cluster import Cluster
from flipgate.core.record.intents import HAND_OVER
from flipgate.core.record.phases import Phase, QuestionKind
from flipgate.core.record.record import EntryState
from flipgate.core.values.errors import Refused
from flipgate.steps.looking.look import look, look_at_traffic
from lab.control.records import Lab
from tests.lab import runbook
from tests.lab.second_traefik import second_traefik
from tests.lab.stage import (
    BLUE,
    ENDS_SECONDS,
    GREEN,
    SERVING,
    WORKERS,
    NewStage,
    Stage,
    before_patches,
    images,
    lost_none,
    phases,
    second_route,
    wait_until,
)
from tests.repeating import repeating

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]

UNMOVED = ["dark ChecksPassed", "flipping Approved", "dark MoveUndone"]
POLICIES = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"
BINDINGS = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings"


def change_priority(stage: Stage, route: str, *more: str) -> None:
    """What somebody may want of a route who knows nothing of releases."""
    change = '-p=[{"op": "add", "path": "/spec/routes/0/priority", "value": 7}]'
    stage.kubectl("-n", stage.place.route_namespace, "patch", "ingressroute", route, "--type=json", change, *more)


def test_somebody_elses_patch_between_look_and_patch_is_refused_and_moves_nobody(
    new_stage: NewStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = new_stage("meddled")
    runbook.dark_and_approved(stage.world(), images("2", "api-all"))
    before_patches(monkeypatch, lambda: change_priority(stage, stage.place.route))
    world = stage.world()
    with stage.load() as load:
        with pytest.raises(Refused, match="changed by somebody else since it was read") as refused:
            runbook.flip_traffic(world)
        report = lost_none(load)
    assert (refused.value.reason, refused.value.untouched) == ("RouteChanged", "all routes: traffic is on blue")
    assert set(report.by_side) == {"blue"}
    record = stage.record()
    assert phases(record.release)[-3:] == UNMOVED
    assert (record.approval, record.open_entry, look_at_traffic(world).active) == (None, None, BLUE)
    assert set(WORKERS) <= set(stage.replicas(BLUE))

    runbook.approve(world, QuestionKind.FLIP)
    assert runbook.flip_traffic(world).phase is Phase.LIVE, "asked again, it goes with what they wrote"


def test_an_annotation_that_is_written_all_the_time_refuses_no_move(
    new_stage: NewStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = new_stage("annotated")
    runbook.dark_and_approved(stage.world(), images("2", "api-all"))
    world, written = stage.world(), count(1)
    path = f"/apis/traefik.io/v1alpha1/namespaces/{stage.place.route_namespace}/ingressroutes/{stage.place.route}"

    def annotate() -> None:
        Cluster.connect(stage.lab.kubeconfig).merge(
            path, {"metadata": {"annotations": {"someone": str(next(written))}}}
        )

    before_patches(monkeypatch, annotate, annotate, annotate)
    with stage.load() as load, repeating(annotate):
        live = runbook.flip_traffic(world)
        assert stage.answering() == GREEN
        lost_none(load)
    assert phases(live)[-3:] == ["flipping Approved", "baking TrafficProven", "live BakePassed"]
    assert next(written) > 10
    assert live.first_new_answer_ms
    assert [each.first_new_answer_ms for each in live.shown] == [live.first_new_answer_ms]


@contextmanager
def frozen(stage: Stage, route: str) -> Iterator[None]:
    """A policy of the cluster's that lets nobody change what this route says."""
    cluster, name = Cluster.connect(stage.lab.kubeconfig), f"{stage.application}-freeze"
    rule = {
        "apiGroups": ["traefik.io"],
        "apiVersions": ["*"],
        "operations": ["UPDATE"],
        "resources": ["ingressroutes"],
        "resourceNames": [route],
    }
    said = {"expression": "object.spec == oldObject.spec", "message": "frozen until Monday", "reason": "Forbidden"}
    policy = {"failurePolicy": "Fail", "matchConstraints": {"resourceRules": [rule]}, "validations": [said]}
    cluster.create(POLICIES, {"metadata": {"name": name}, "spec": policy})
    cluster.create(BINDINGS, {"metadata": {"name": name}, "spec": {"policyName": name, "validationActions": ["Deny"]}})

    def denied() -> bool:
        try:
            change_priority(stage, route, "--dry-run=server")
        except AssertionError as error:
            return "frozen until Monday" in str(error)
        return False

    try:
        wait_until("the policy holds", denied)
        yield
    finally:
        cluster.delete(f"{BINDINGS}/{name}")
        cluster.delete(f"{POLICIES}/{name}")


def test_a_second_route_that_fails_brings_everybody_back(new_stage: NewStage, lab: Lab) -> None:
    stage = new_stage("two-routes", edit=second_route(lab))
    runbook.dark_and_approved(stage.world(), images("2", "api-all"))
    world = stage.world()
    with frozen(stage, "second"), stage.load() as load:
        with pytest.raises(Refused) as refused:
            runbook.flip_traffic(world)
        stage.wait_for_users_on(BLUE)
        lost_none(load)
        assert stage.ask("/second").headers["X-Served-Side"] == "blue"
    assert refused.value.reason == "RouteChanged"
    assert refused.value.obj == f"IngressRoute {stage.place.route_namespace}/second"
    assert "frozen until Monday" in refused.value.fact
    assert refused.value.untouched == "all routes: traffic is on blue"
    traffic = look_at_traffic(world)
    assert (traffic.active, [state.way_back for state in traffic.routes]) == (BLUE, ["", ""])
    record = stage.record()
    assert phases(record.release)[-3:] == UNMOVED
    assert record.release
    assert "frozen until Monday" in record.release.changes[-1].message
    assert (record.approval, record.open_entry) == (None, None)


def test_users_stay_where_the_old_side_is_gone_when_the_new_one_turns_bad(new_stage: NewStage) -> None:
    def slack(document: dict[str, Any]) -> None:
        document["spec"]["announce"] = {"slackChannel": "#releases"}

    stage = new_stage("no-old-side", policy={"bakeSeconds": 120}, edit=slack)
    runbook.dark_and_approved(stage.world(), images("2", "api-all"))
    blue, green = stage.place.blue, stage.place.green
    with stage.load() as load, stage.program("-m tests.lab.runbook", "flip", stage.application) as flipping:
        wait_until("workers handed over", lambda: handed_over(stage))
        stage.kubectl("-n", blue, "scale", "deployment/api-all", "--replicas=0")
        stage.wait_until_gone(blue, "app=api-all")
        told = "lab.flipgate.dev/behaviour=errors-50pct"
        stage.kubectl("-n", green, "annotate", "pod", "-l", "app=api-all", told)
        out, err = flipping.communicate(timeout=ENDS_SECONDS)
        report = load.stop()
    assert flipping.returncode != 0, out
    assert "Refused: bake: fail: " in err, err[-2000:]
    assert set(report.failures_by_kind) == {"status-500"}, "nothing but what the version itself answered"
    assert look(stage.world()).active is GREEN
    record = stage.record()
    assert phases(record.release)[-1] == "baking TrafficProven"
    assert record.open_entry is None
    message = record.outbox[-1]
    assert message.reason == "BakeFailed"
    for part in ("users were not sent back", "WayBackNotReady", "api-all 0 of 2", "errors"):
        assert part in message.text
    assert set(WORKERS) <= set(stage.replicas(GREEN))


def handed_over(stage: Stage) -> bool:
    entries = [entry for entry in stage.record().journal if entry.step == HAND_OVER]
    return bool(entries) and entries[-1].state is EntryState.DONE


def test_a_traefik_replica_that_no_longer_hears_sends_everybody_back_and_is_named(
    new_stage: NewStage, lab: Lab, tmp_path: Path
) -> None:
    with second_traefik(lab, tmp_path, f"cut-{tmp_path.name[-1]}") as other:

        def both(document: dict[str, Any]) -> None:
            document["spec"]["traffic"]["proofTimeoutSeconds"] = 10
            document["spec"]["traffic"]["traefik"]["selector"] = other.selector

        stage = new_stage("cut", edit=both)
        runbook.dark_and_approved(stage.world(), images("2", "api-all"))
        other.cut_off()
        world = stage.world()
        with stage.load() as load:
            with pytest.raises(Refused) as refused:
                runbook.flip_traffic(world)
            stage.wait_for_users_on(BLUE)
            report = lost_none(load)
        shown = f"{other.pod} (HTTP 200 from blue)"
    assert refused.value.reason == "TrafficNotProven"
    assert shown in refused.value.fact
    assert report.by_side["green"], "through the replica that heard, users were on green in between"
    record = stage.record()
    assert phases(record.release)[-3:] == [
        "flipping Approved",
        "rolling_back TrafficNotProven",
        "rolled_back TrafficRestored",
    ]
    assert record.release
    assert shown in record.release.changes[-1].message
    assert set(stage.replicas(BLUE)) == {*SERVING, *WORKERS}

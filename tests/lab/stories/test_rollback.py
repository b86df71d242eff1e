"""The way back from the command line, with nothing but the cluster: no Prefect answers, and none is imported."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest

from flipgate.adapters.cluster import Cluster
from flipgate.core.record.intents import MOVE_ROUTES, REST_SIDE
from flipgate.core.record.phases import Phase, QuestionKind
from flipgate.core.values.base import but
from flipgate.core.values.errors import LostLease
from flipgate.steps.acting.world import World
from flipgate.steps.going_back.recover import recover
from tests.lab import runbook
from tests.lab.stage import (
    BLUE,
    ENDS_SECONDS,
    GREEN,
    SERVING,
    WORKERS,
    NewStage,
    Stage,
    images,
    lost_none,
    phases,
    wait_until,
)
from tests.repeating import repeating

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]

NO_PREFECT = {"PREFECT_API_URL": "http://127.0.0.1:9/api"}


def rollback(
    stage: Stage, *extra: str, env: Mapping[str, str] = NO_PREFECT, leaves_some: bool = False
) -> dict[str, Any]:
    """`flipgate rollback APP -o json` in a process of its own, which must not import Prefect; what it printed."""
    words = ["rollback", stage.application, "--reason", "orders fail", "-o", "json", *extra]
    with stage.program("-X importtime -m flipgate.cli", *words, env=env) as process:
        out, err = process.communicate(timeout=ENDS_SECONDS)
    assert process.returncode == (1 if leaves_some else 0), err[-2000:]
    imported = re.findall(r"^import time:.*\| +(\S+)$", err, re.MULTILINE)
    assert "flipgate.steps.going_back.roll_back" in imported
    assert not [name for name in imported if name.split(".")[0] == "prefect"]
    answer: dict[str, Any] = json.loads(out)
    return answer


def test_rollback_from_live(new_stage: NewStage) -> None:
    stage = new_stage("back-live", policy={"soakSeconds": 3600})
    world = stage.world()
    runbook.go_live(world, images("2"))
    with stage.load() as load:
        done = rollback(stage)
        assert stage.answering() == BLUE
        lost_none(load)
    assert (done["way"], done["to"], done["recorded"], done["notes"]) == ("fast", "blue", True, [])
    record = stage.record()
    assert phases(record.release)[-3:] == [
        "live BakePassed",
        "rolling_back RollbackRequested",
        "rolled_back TrafficRestored",
    ]
    assert record.active is BLUE
    assert set(stage.replicas(BLUE)) == {*SERVING, *WORKERS}
    assert set(stage.replicas(GREEN)) == set(SERVING), "kept for diagnosis, without its workers"
    assert phases(world.store.history()[0]) == phases(record.release)

    again = runbook.deploy_dark(world, images("3"))
    assert again.side is GREEN, "the next build opens a release on the side that was left"


def test_rollback_while_the_flip_still_watches(new_stage: NewStage) -> None:
    stage = new_stage("back-baking", policy={"bakeSeconds": 120})
    world = stage.world()
    runbook.dark_and_approved(world, images("2"))
    with stage.load() as load, stage.program("-m tests.lab.runbook", "flip", stage.application) as flipping:
        wait_until("baking", lambda: stage.record().phase is Phase.BAKING)
        wait_until("users on green", lambda: stage.answering() == GREEN)
        done = rollback(stage)
        assert stage.answering() == BLUE
        _, err = flipping.communicate(timeout=ENDS_SECONDS)
        lost_none(load)
    assert (done["way"], done["to"]) == ("fast", "blue")
    assert flipping.returncode != 0
    assert "LostLease" in err, "the flip that was taken over must notice, and write nothing more"
    record = stage.record()
    assert phases(record.release)[-2:] == ["rolling_back RollbackRequested", "rolled_back TrafficRestored"]
    assert record.open_entry is None
    assert record.active is BLUE
    assert set(stage.replicas(BLUE)) == {*SERVING, *WORKERS}
    assert not set(stage.replicas(GREEN)) & set(WORKERS)


def test_rollback_from_flipping_and_from_settling(new_stage: NewStage) -> None:
    """The two phases that only a death holds still: right after the patch, and with the old side just at rest."""
    stage = new_stage("back-half")
    world = stage.world()
    with stage.load() as load:
        runbook.dark_and_approved(world, images("2", "api-all"))
        stage.die_at("flip", MOVE_ROUTES, "done")
        stage.wait_for_users_on(GREEN)
        assert stage.record().phase is Phase.FLIPPING
        assert (rollback(stage)["way"], stage.answering()) == ("fast", BLUE)

        again = runbook.deploy_dark(world, images("2", "api-all"))
        assert again.attempt == 2, "going forward to the same release is a release of its own, and a new question"
        assert stage.record().approval is None
        runbook.approve(world, QuestionKind.FLIP)
        runbook.flip_traffic(world)
        stage.die_at("scale-down", REST_SIDE, "done")
        assert (stage.record().phase, stage.replicas(BLUE)) == (Phase.SETTLING, {})
        done = rollback(stage)
        assert (done["way"], done["recorded"], stage.answering()) == ("slow", True, BLUE)
        lost_none(load)
    record = stage.record()
    assert (record.phase, record.active, record.open_entry) == (Phase.ROLLED_BACK, BLUE, None)
    assert set(stage.replicas(BLUE)) == {*SERVING, *WORKERS}


def test_rollback_with_every_other_system_down_and_in_the_way(new_stage: NewStage) -> None:
    """Prefect swallows packets, nobody talks to Slack, another actor holds the Lease, somebody writes the route."""

    def slack(document: dict[str, Any]) -> None:
        document["spec"]["announce"] = {"slackChannel": "#releases"}

    stage = new_stage("back-alone", policy={"soakSeconds": 3600}, edit=slack)
    world = stage.world("holder")
    runbook.go_live(world, images("2", "api-all"))
    with swallowing() as url, stage.load() as load, world.acting() as acting, repeating(lambda: annotate(stage, world)):
        done = rollback(stage, env={"PREFECT_API_URL": f"{url}/api"})
        assert (done["way"], done["recorded"], stage.answering()) == ("fast", True, BLUE)
        with pytest.raises(LostLease, match="has taken over"):
            acting.world.store.update(lambda record: but(record, threads={"late": "late"}))
        lost_none(load)
    record = stage.record()
    assert (record.phase, record.active) == (Phase.ROLLED_BACK, BLUE)
    assert [each.reason for each in record.outbox][-2:] == ["RollbackRequested", "TrafficRestored"], "told later"


def annotate(stage: Stage, world: World) -> None:
    """What an unrelated writer does to a route."""
    path = f"/apis/traefik.io/v1alpha1/namespaces/{stage.place.route_namespace}/ingressroutes/{stage.place.route}"
    Cluster.connect(stage.lab.kubeconfig).merge(path, {"metadata": {"annotations": {"someone": str(uuid4())}}})


@contextmanager
def swallowing() -> Iterator[str]:
    """A server that takes every connection and never says a word; its URL."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_rollback_after_the_old_side_went_to_rest_is_the_slow_way(new_stage: NewStage) -> None:
    stage = new_stage("back-slow")
    world = stage.world()
    runbook.go_live(world, images("2"))
    runbook.scale_down(world)
    assert stage.replicas(BLUE) == {}
    with stage.load() as load:
        done = rollback(stage, "--to", "blue")
        assert stage.answering() == BLUE
        lost_none(load)
    assert (done["way"], done["to"], done["notes"]) == ("slow", "blue", [])
    record = stage.record()
    assert record.phase is Phase.SETTLED
    assert record.active is BLUE
    assert set(stage.replicas(BLUE)) == {*SERVING, *WORKERS}
    assert stage.images(BLUE)["api-all"] == "sportsdata/api:1", "back at what ran before"


@pytest.mark.parametrize("lost", ["garbled", "gone"])
def test_rollback_without_a_record_goes_by_routes_and_sides_alone(new_stage: NewStage, lost: str) -> None:
    stage = new_stage(f"back-{lost}", policy={"soakSeconds": 3600})
    world = stage.world()
    runbook.go_live(world, images("2", "api-all"))
    record = ("-n", "flipgate", "configmap", f"record-{stage.application}")
    readable = stage.kubectl("get", *record, "-o", "jsonpath={.data}")
    if lost == "gone":
        stage.kubectl("delete", *record)
    else:
        stage.kubectl("patch", *record, "--type=merge", "-p", json.dumps({"data": {"record.json": "{"}}))
    with stage.load() as load:
        # Without any record nobody has said what runs where: a person must name the side.
        done = rollback(stage, *(["--to", "blue"] if lost == "gone" else []), leaves_some=True)
        assert stage.answering() == BLUE
        assert (done["way"], done["to"], done["recorded"]) == ("fast", "blue", False)
        assert "unrecorded" in done["notes"][0]
        assert any("workers" in each for each in done["left"]), "what it did not do is said"
        assert set(WORKERS) <= set(stage.replicas(GREEN))
        if lost == "garbled":
            stage.kubectl("patch", *record, "--type=merge", "-p", json.dumps({"data": json.loads(readable)}))
            assert recover(world).changed
            went = ["rolling_back RollbackRequested", "rolled_back TrafficRestored"]
            assert phases(stage.record().release)[-2:] == went
            assert set(WORKERS) <= set(stage.replicas(BLUE))
            assert not set(WORKERS) & set(stage.replicas(GREEN))
        lost_none(load)

"""What one look of the bake makes of the answers it gets: by script, for a Traefik is not to be had in this tier."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from flipgate.core.values.errors import Refused
from flipgate.core.values.sides import Side
from flipgate.core.values.verdicts import Evidence, Verdict, combine
from flipgate.steps.looking.prove import prove
from flipgate.steps.watching.watch import PROBES_A_LOOK, quick_watch, watch
from tests.api.bakes import held
from tests.api.shop import timed_by_its_waiting
from tests.api.town import FORBIDDEN, Town, pod, world_of
from tests.api.wire import Answer, Handler, serving
from tests.core.builders import deployment, release

PASS, FAIL, UNKNOWN = Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN
REFUSED = json.dumps({"kind": "Status", "code": 503, "message": "error trying to reach service"}).encode()


@pytest.fixture
def watched(tmp_path: Path) -> Callable[[Town], dict[str, Evidence]]:
    def look(town: Town) -> dict[str, Evidence]:
        with serving(town, tmp_path) as cluster:
            return {evidence.gate: evidence for evidence in watch(world_of(cluster), release(), held)}

    return look


@pytest.mark.parametrize(
    ("town", "verdict"),
    [
        (Town(), PASS),
        (Town(404, "green"), PASS),
        (Town(500, "green"), FAIL),
        (Town(503, "", b"no available server"), FAIL),
        (Town(404, "", b"404 page not found"), FAIL),
        (Town(503, "", REFUSED), UNKNOWN),
        (Town(403, "", FORBIDDEN), UNKNOWN),
        (Town(200, ""), UNKNOWN),
        (Town(200, "blue"), UNKNOWN),
        (Town(500, "blue"), UNKNOWN),
        (Town(pods=[pod("a", ready=False)]), UNKNOWN),
    ],
    ids=[
        "good",
        "the side's own 404",
        "error",
        "no server",
        "no route",
        "proxy refused",
        "forbidden",
        "unnamed",
        "the old side",
        "the old side's error",
        "nobody Ready",
    ],
)
def test_what_users_get_decides_and_what_only_we_get_does_not(
    watched: Callable[[Town], dict[str, Evidence]], town: Town, verdict: Verdict
) -> None:
    assert combine(watched(town).values()) is verdict


@pytest.mark.parametrize(("town", "judged"), [(Town(), True), (Town(500), False)], ids=["good", "bad"])
def test_the_way_back_is_judged_at_the_end_unless_users_go_there_now(tmp_path: Path, town: Town, judged: bool) -> None:
    asked: list[str] = []

    def script(request: Handler) -> Answer | None:
        asked.append(request.path)
        return town(request)

    with serving(script, tmp_path) as cluster:
        watch(world_of(cluster), release(), held)
    assert ("/api/v1/namespaces/fg/configmaps/record-shop" in asked) is judged


def test_the_other_side_answering_is_named_as_drift(watched: Callable[[Town], dict[str, Evidence]]) -> None:
    found = watched(Town(shown="blue"))["side"]
    assert (found.verdict, found.answer) == (
        UNKNOWN,
        "drift: 10 of 10 probes were answered from blue, not from the new side",
    )


def test_only_ready_replicas_are_asked(watched: Callable[[Town], dict[str, Evidence]]) -> None:
    leaving = pod("c", deletionTimestamp="2026-03-01T12:00:00Z")
    town = Town(pods=[pod("a"), pod("b", ready=False), leaving, pod("d", phase="Succeeded"), pod("e")])
    watched(town)
    assert set(town.asked) == {"a", "e"}


@pytest.mark.parametrize(
    ("pods", "said"),
    [
        ([], "no running pod matches"),
        ([pod("b", ready=False), pod("a", ready=False)], r"no Ready pod matches .* \(running, but not Ready: a, b\)"),
        ([{"metadata": {"name": "new"}, "status": {"phase": "Running"}}], "not Ready: new"),
    ],
    ids=["none", "two", "one without conditions"],
)
def test_without_a_ready_replica_the_others_are_named(tmp_path: Path, pods: list[dict[str, Any]], said: str) -> None:
    with serving(Town(pods=pods), tmp_path) as cluster, pytest.raises(Refused, match=said) as refused:
        world_of(cluster).proxy.replicas()
    assert refused.value.reason == "NoTraefik"


@pytest.mark.parametrize(
    ("replicas", "ready", "answer"),
    [
        (1, 1, "Ready in 1 of 1 looks"),  # scaled down by an autoscaler, below the release's 2
        (6, 2, "Ready in 1 of 1 looks"),  # scaled up: the four others are starting
        (2, 1, "Ready in 0 of 1 looks"),
    ],
)
def test_an_autoscaler_at_work_is_no_failure(
    watched: Callable[[Town], dict[str, Evidence]], replicas: int, ready: int, answer: str
) -> None:
    obj = deployment(replicas=replicas)
    obj["status"]["readyReplicas"] = ready
    assert watched(Town(deployments=[obj]))["ready"].answer == answer


@pytest.mark.parametrize(
    ("town", "proven"), [(Town(), True), (Town(404, ""), False), (Town(404, "green"), True), (Town(500), False)]
)
def test_a_move_is_proven_by_the_same_measure(tmp_path: Path, town: Town, proven: bool) -> None:
    with serving(town, tmp_path) as cluster:
        seen = prove(timed_by_its_waiting(world_of(cluster)), Side.GREEN, ["a"], answers=2, timeout_seconds=0.3)
    assert seen.ok is proven


@pytest.mark.parametrize(("town", "bad"), [(Town(), False), (Town(500, "green"), True)], ids=["good", "bad"])
def test_a_glance_is_one_look_an_interval_and_refuses_a_side_that_is_bad(tmp_path: Path, town: Town, bad: bool) -> None:
    with serving(town, tmp_path) as cluster:
        look_again = quick_watch(world_of(cluster), release())
        with pytest.raises(Refused, match="errors: 10 of 10") if bad else nullcontext():
            look_again()
        look_again()
    assert sum(town.asked.values()) == PROBES_A_LOOK


def test_glances_go_on_where_the_last_one_ended_until_each_replica_was_asked(tmp_path: Path) -> None:
    names = {f"replica-{number}" for number in range(PROBES_A_LOOK + 2)}
    town = Town(pods=[pod(name) for name in names])
    with serving(town, tmp_path) as cluster:
        world = timed_by_its_waiting(world_of(cluster))
        look_again = quick_watch(world, release())
        for _ in range(2):
            look_again()
            world.sleep(world.application.spec.policy.bake_interval_seconds)
    assert set(town.asked) == names

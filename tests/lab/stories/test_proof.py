"""The proof on a Traefik with its own throttle: what it holds back has come through when the proof is there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flipgate.core.way_back.facts import agreed
from flipgate.steps.going_back.roll_back import roll_back
from flipgate.steps.looking.observe import observe
from flipgate.steps.releasing import flip
from lab.control.records import Lab
from tests.lab import runbook
from tests.lab.second_traefik import second_traefik
from tests.lab.stage import (
    BLUE,
    GREEN,
    NewStage,
    before_patches,
    images,
    lost_none,
    phases,
    second_route,
    through_a_traefik_service,
    wait_until,
)

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]

DEFAULT_THROTTLE_SECONDS = 2


def test_the_last_of_several_routes_has_arrived_when_a_move_is_proven(
    new_stage: NewStage, lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first patch passes, and answers by it come at once; the second, a little later, is held back."""
    name = f"slow-{tmp_path.name[-1]}"

    def both(document: dict[str, Any]) -> None:
        second_route(lab)(document)
        traefik = {"throttleSeconds": DEFAULT_THROTTLE_SECONDS, "selector": f"app.kubernetes.io/name={name}"}
        document["spec"]["traffic"]["traefik"] = traefik

    stage = new_stage("held-back", edit=both)
    place = stage.place
    followed = (place.blue, place.green, place.route_namespace)
    with second_traefik(lab, tmp_path, name, without="throttle", namespaces=followed) as other:
        world = stage.world()

        def shown(path: str) -> str:
            answer = world.cluster.through_pod(
                "traefik", other.pod, 8443, path, host=place.host, scheme="https", timeout=5
            )
            return answer.headers.get("x-served-side", "")

        def first_is_there() -> None:
            wait_until("the first route has moved", lambda: shown("/") == "green", pause=0.01)

        runbook.dark_and_approved(world, images("2", "api-all"))
        wait_until("the second route is known", lambda: shown("/second") == "blue")
        before_patches(monkeypatch, lambda: None, first_is_there)
        with stage.load() as load, world.acting() as acting:
            _, proven = flip.flip(acting)
            assert shown("/second") == "green"
            lost_none(load)
    assert proven.ok
    assert proven.seconds >= DEFAULT_THROTTLE_SECONDS
    assert proven.first_new_answer_ms


def test_without_a_header_traefiks_own_counters_name_the_side(new_stage: NewStage, lab: Lab) -> None:
    """Under load: what users ask is counted as well. A preview, too, is seen while they are on the other side."""

    def counted(document: dict[str, Any]) -> None:
        through_a_traefik_service(lab)(document)
        traffic = document["spec"]["traffic"]
        del traffic["header"]
        traffic["traefik"]["metricsPort"] = 8080
        traffic["previewHost"] = "preview.nobody.example"

    stage = new_stage("counted", edit=counted)
    world = stage.world()
    with stage.load() as load:
        live = runbook.go_live(world, images("2", "api-all"))
        assert stage.answering() == GREEN
        assert agreed(observe(world)()) is GREEN
        done = roll_back(world, "orders fail", by="ana")
        lost_none(load)
    assert phases(live)[-3:] == ["flipping Approved", "baking TrafficProven", "live BakePassed"]
    assert live.first_new_answer_ms
    assert done.first_old_answer_ms
    assert agreed(observe(world)()) is BLUE

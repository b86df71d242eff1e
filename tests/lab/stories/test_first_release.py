"""A first release ever, with people at the door: nobody answers them before it, everybody is served after it."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest

from flipgate.core.record.phases import Phase, QuestionKind
from lab.control.records import Lab
from lab.stories import example
from tests.lab import runbook
from tests.lab.stage import BLUE, GREEN, SERVING, WORKERS, Stage, images, lost_none, wait_until

pytestmark = pytest.mark.timeout(900)

NOBODY = (404, 503)


def flipgate(stage: Stage, verb: str) -> dict[str, Any]:
    """`flipgate VERB APP -o json`; what it printed."""
    answer: dict[str, Any] = json.loads(stage.typed(verb, stage.application, "-o", "json")[0])
    return answer


def test_first_release(lab: Lab) -> None:
    stage = Stage(lab, example.Place.named(f"t{os.getpid()}-first"))
    try:
        example.install(lab, stage.place)
        stage.kubectl("-n", stage.place.blue, "delete", "deployments", "--all")
        stage.apply()
        wait_until("nobody answers users", lambda: stage.ask().status_code in NOBODY)
        assert flipgate(stage, "init")["active"] == BLUE

        world, said = stage.world(), list[str]()
        world.say = said.append
        release = runbook.deploy_dark(world, images("2", "api-all"))
        assert (release.images["api-all"], release.images["venue-football-ncaa"]) == (
            "sportsdata/api:2",
            "sportsdata/venue:1",
        )
        assert stage.ask().status_code in NOBODY
        runbook.approve(world, QuestionKind.FLIP)
        runbook.flip_traffic(world)
        assert any("nothing ever ran on blue" in line for line in said)
        stage.wait_for_users_on(GREEN)
        with stage.load() as load:
            no_way = "nothing ever ran on blue: there is no way back to it"
            none = {
                "way": "none",
                "side": None,
                "services": [],
                "why": no_way,
                "byHand": [],
                "foreignLines": [],
                "offLiveSide": "",
            }
            assert flipgate(stage, "status")["wayBack"] == none
            assert runbook.scale_down(world).phase is Phase.SETTLED
            lost_none(load)
        assert set(stage.replicas(GREEN)) == {*SERVING, *WORKERS}
        assert stage.replicas(BLUE) == {}
    finally:
        stage.remove()

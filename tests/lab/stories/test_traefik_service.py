"""A TraefikService as the route: the documented way there from a plain one, and a release through it, under load."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from flipgate.steps.going_back.roll_back import roll_back
from flipgate.steps.looking.look import look_at_traffic
from lab.machine.paths import CHECKOUT
from lab.stories import example
from tests.lab import runbook
from tests.lab.stage import BLUE, GREEN, POLICY, NewStage, Stage, images, lost_none, wait_until

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]

BLOCK = re.compile(r"^```(sh|yaml)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def sections() -> tuple[str, str]:
    """The change-over, and the line that reads the way back off the route."""
    text = (CHECKOUT / "docs" / "routes.md").read_text()
    before, change = text.split("\n## From a plain route to a TraefikService\n")
    return change, before.partition("\n## The way back by hand, on the route\n")[2]


def named(stage: Stage, text: str) -> str:
    """The page's text with this copy's names."""
    place = stage.place
    names = {"sportsdata": place.application, "monitoring": place.route_namespace, "api-live": place.route}
    for old, new in names.items():
        text = text.replace(old, new)
    return text


def run(stage: Stage, commands: str, folder: Path) -> str:
    """What the commands print, typed in this folder by somebody with flipgate, kubectl and a kubeconfig."""
    lab = stage.lab
    path = f"{Path(sys.executable).parent}:{lab.kubectl.parent}:{os.environ['PATH']}"
    own = {"PATH": path, "KUBECONFIG": str(lab.kubeconfig), "HOME": str(folder)}
    words = ["bash", "-euo", "pipefail", "-c", named(stage, commands)]
    done = subprocess.run(words, env=os.environ | own, cwd=folder, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"{commands}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def declare(stage: Stage, part: str, folder: Path) -> None:
    """Writes the application's file with the routes that the page shows."""
    document = yaml.safe_load(example.application_text(stage.place, POLICY, by_http=True))
    document["spec"] |= yaml.safe_load(named(stage, part))
    (folder / "flipgate.yaml").write_text(yaml.safe_dump(document, sort_keys=False))


def metrics(stage: Stage) -> str:
    """What Traefik itself counts."""
    return stage.traefik("/metrics")


def test_a_plain_route_becomes_a_traefik_service_and_a_release_goes_through_it(
    new_stage: NewStage, tmp_path: Path
) -> None:
    stage = new_stage("split", policy={"soakSeconds": 3600})
    change, way_back = sections()
    with stage.load() as load:
        for language, text in BLOCK.findall(change):
            declare(stage, text, tmp_path) if language == "yaml" else run(stage, text, tmp_path)
            assert look_at_traffic(stage.world()).active is BLUE
        place = stage.place
        blue, green = (
            f'service="{namespace}-api-service-8080@kubernetescrd"' for namespace in (place.blue, place.green)
        )
        wait_until("Traefik's own counters name the side that answers", lambda: blue in metrics(stage))
        assert green not in metrics(stage)

        world = stage.world()
        assert [route.kind for route in world.application.spec.routes] == ["TraefikService"]
        runbook.go_live(world, images("2", "api-all"))
        stage.wait_for_users_on(GREEN)
        # Not blue's as well: Traefik lets the counters of what it no longer serves go once somebody has scraped them.
        wait_until("Traefik's own counters name the side that answers", lambda: green in metrics(stage))
        ((_, line),) = BLOCK.findall(way_back)
        assert run(stage, line, tmp_path).startswith(f"kubectl -n {place.route_namespace} patch traefikservices.")

        done = roll_back(world, "orders fail", by="ana")
        stage.wait_for_users_on(BLUE)
        lost_none(load)
    assert (done.way, done.left) == ("fast", ())
    (state,) = look_at_traffic(world).routes
    assert (state.whole, state.way_back) == (BLUE, "")

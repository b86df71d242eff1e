"""The pages for people on call: each command on them, run as it stands, in the state its section is about."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from flipgate.core.record.intents import MOVE_ROUTES
from flipgate.core.record.phases import BEFORE_TRAFFIC, TERMINAL, QuestionKind
from flipgate.steps.going_back.roll_back import roll_back
from flipgate.steps.releasing import questions
from lab.control.pipelines import Pipelines
from lab.machine.paths import CHECKOUT
from tests import dying
from tests.lab import runbook
from tests.lab.stage import BLUE, GREEN, NewStage, Stage, images, wait_until

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]

BLOCK = re.compile(r"^<!-- state: (\w+) -->\n```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ANY_BLOCK = re.compile(r"^```sh\n", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """Commands of one page, and the state in which somebody would type them."""

    state: str
    commands: str


def blocks(page: str) -> list[Block]:
    """A page's commands. Fails when a block does not say its state: it would be run by nobody."""
    text = (CHECKOUT / "docs" / page).read_text()
    found = [Block(state, commands) for state, commands in BLOCK.findall(text)]
    assert len(found) == len(ANY_BLOCK.findall(text)), f"a block of docs/{page} has no state"
    return found


@pytest.mark.parametrize("page", ["3am.md", "rollback.md"])
def test_each_command_does_what_the_page_says(new_stage: NewStage, prefect_server: Pipelines, page: str) -> None:
    stage = new_stage(f"docs-{page.removesuffix('.md')}", policy={"soakSeconds": 0, "bakeSeconds": 1})
    stand = Stand(stage, prefect_server)
    for block in blocks(page):
        stand.bring(block.state)
        stand.run(block.commands)
        stand.need_done(block)


class Stand:
    """One copy of the example, brought from state to state."""

    def __init__(self, stage: Stage, prefect: Pipelines) -> None:
        self.stage, self.world = stage, stage.world()
        self.prefect = {"PREFECT_API_URL": prefect.api_url, "PREFECT_API_AUTH_STRING": prefect.login}
        self.version, self.state = 1, ""

    def bring(self, state: str) -> None:
        """To the state that a section is about; one that a command before has left as it was is gone on with."""
        if state == self.state and state == "live" and self.stage.record().phase == "live":
            return
        if state not in ("patched", "back"):
            self._begin()
            getattr(self, f"_{state}")()
        self.state = state

    def run(self, commands: str) -> None:
        """The commands in a shell, with this copy's names, for somebody with flipgate, kubectl and a kubeconfig."""
        lab = self.stage.lab
        path = f"{Path(sys.executable).parent}:{lab.kubectl.parent}:{os.environ['PATH']}"
        own = {"PATH": path, "KUBECONFIG": str(lab.kubeconfig), **self.prefect}
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", self._named(commands)],
            env={**_plain_environment(), **own},
            cwd=lab.dir,
            capture_output=True,
            text=True,
            timeout=180,
        )
        assert done.returncode == 0, f"{commands}\n{done.stdout}\n{done.stderr}"

    def need_done(self, block: Block) -> None:
        """What the page promises of the block."""
        words = block.commands
        if "rollback" in words:
            self.stage.wait_for_users_on(BLUE)
            record = self.stage.record()
            assert record.open_entry is None
            assert record.release is None or record.release.phase in TERMINAL
        if "patch ingressroute" in words:
            self.stage.wait_for_users_on(BLUE)
        if "reject" in words:
            assert self.stage.record().phase == "live"
        if "reconcile" in words:
            wait_until("nothing is open any more", lambda: self.stage.record().open_entry is None)

    def _named(self, text: str) -> str:
        place = self.stage.place
        names = {
            "sportsdata": place.application,
            "production-blue": place.blue,
            "production-green": place.green,
            "-n monitoring": f"-n {place.route_namespace}",
            "api-live": place.route,
        }
        for old, new in names.items():
            text = text.replace(old, new)
        return text

    def _begin(self) -> None:
        """Users on blue, nothing open."""
        record = self.stage.record()
        if record.release and record.release.phase not in TERMINAL:
            roll_back(self.world, "the next section", by="test", to=None if record.phase in BEFORE_TRAFFIC else BLUE)
        self.stage.wait_for_users_on(BLUE)

    def _dark(self) -> None:
        self.version += 1
        runbook.deploy_dark(self.world, images(str(self.version), "api-all"))

    def _live(self) -> None:
        self._dark()
        runbook.approve(self.world, QuestionKind.FLIP)
        runbook.flip_traffic(self.world)
        self.stage.wait_for_users_on(GREEN)

    def _warm(self) -> None:
        """The old side with one pod of each service: `api-all` carried two."""
        self._live()
        self.stage.kubectl("-n", self.stage.place.blue, "scale", "deployment/api-all", "--replicas=1")
        wait_until(
            "one pod of api", lambda: self.stage.deployments(BLUE)["api-all"]["status"].get("readyReplicas") == 1
        )

    def _elsewhere(self) -> None:
        self._live()
        place = self.stage.place
        patch = '[{"op": "replace", "path": "/spec/routes/0/services/0/namespace", "value": "nowhere"}]'
        named = ("-n", place.route_namespace, "patch", "ingressroute", place.route)
        self.stage.kubectl(*named, "--type=json", "-p", patch)

    def _asked(self) -> None:
        self._live()
        questions.pose(self.world, QuestionKind.SCALE_DOWN, [])

    def _killed(self) -> None:
        self._dark()
        runbook.approve(self.world, QuestionKind.FLIP)
        self.stage.die_at("flip", MOVE_ROUTES, dying.DONE)


def _plain_environment() -> Mapping[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}

"""A network that holds a scale-down's writes until a rollback has sent users back: under load, nobody is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from flipgate.core.record.phases import Phase, QuestionKind
from flipgate.core.values.errors import TemporaryError
from flipgate.core.values.stamps import STAMP
from flipgate.steps.releasing import settle
from tests.api.wire import Holding
from tests.lab import runbook
from tests.lab.late import behind
from tests.lab.stage import BLUE, GREEN, SERVING, WORKERS, NewStage, images, lost_none

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]


def test_held_writes_of_a_scale_down_never_reach_the_side_that_users_are_on(
    new_stage: NewStage, tmp_path: Path
) -> None:
    stage = new_stage("late")
    world = stage.world()
    stage.kubectl("-n", stage.place.blue, "label", "deployments,cronjobs", "--all", f"{STAMP}-")  # as if never stamped
    runbook.go_live(world, images("2", "api-all"))
    stage.wait_for_users_on(GREEN)
    runbook.approve(world, QuestionKind.SCALE_DOWN)
    network = Holding(stage.lab.kubeconfig)
    counts: list[dict[str, int]] = []

    def holds(_: str, path: str, body: bytes) -> bool:
        """Its stamps first; and once it has tried again, what takes pods away."""
        stamps = b"/spec/" not in body
        return f"{stage.place.blue}/deployments/" in path and (stamps if not network.held else not stamps)

    with stage.load() as load:
        with behind(stage, network, tmp_path) as worker, worker.acting() as acting:
            network.holds = holds
            for _ in range(2):
                with pytest.raises(TemporaryError):
                    settle.settle(acting)
            assert len(network.held) > 1
            stage.typed("rollback", stage.application, "--reason", "orders fail", "--now")
            stage.wait_for_users_on(BLUE)
            assert set(network.release()) == {422}
            counts.append(stage.replicas(BLUE))
        lost_none(load)
    assert set(counts[0]) == {*SERVING, *WORKERS}
    assert stage.replicas(BLUE) == counts[0]
    assert stage.record().phase is Phase.ROLLED_BACK

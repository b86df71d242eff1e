"""Prefect's server is away, slow or talks rubbish, to a flow run and to whoever types: the cluster is there."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from flipgate.core.record.phases import Phase
from flipgate.core.record.pipelines import DEPLOY_DARK, FLIP_TRAFFIC
from flipgate.core.record.record import Question
from tests.faults import parts
from tests.faults.front import Fault, Front, before
from tests.faults.scene import Scene
from tests.faults.shops import Shop, one_check
from tests.lab import runbook
from tests.lab.prefect_api import TERMINAL, WAITING, PrefectApi
from tests.lab.stage import wait_until

ENDS_SECONDS = 240


def while_it_brings_up(scene: Scene) -> None:
    """Lost in the middle of a run's work: it goes on, or reconcile does what is missing, and a person is asked."""
    shop = scene.shop
    shop.again({"bakeSeconds": 6}, one_check)
    with before(scene.prefect.url) as front:
        parameters = {"application": shop.application, "images": shop.build()}
        run = scene.prefect.start(DEPLOY_DARK, parameters, reaching(scene, front))
        in_phase(shop, Phase.DEPLOYING)
        with lost(front, scene.case.fault, scene.case.row.seconds):
            need_status(scene, front)
        if ended(scene, run) != "COMPLETED":
            shop.reconcile(scene.prefect)
        wait_until("a person is asked", lambda: shop.record().question, ENDS_SECONDS)


def while_it_watches(scene: Scene) -> None:
    """Lost once users have moved, to the run that watches them. In the second row, a person goes back meanwhile."""
    shop = scene.shop
    goes_back = scene.case.row.when == parts.WATCHES_AND_BACK
    shop.again({"bakeSeconds": 120 if goes_back else 12, "keepFailedSeconds": 3600}, one_check)
    release = runbook.dark_and_approved(shop.world(), shop.build())
    with before(scene.prefect.url) as front:
        parameters = {"application": shop.application, "release": release.name}
        run = scene.prefect.start(FLIP_TRAFFIC, parameters, reaching(scene, front))
        in_phase(shop, Phase.BAKING)
        with lost(front, scene.case.fault, scene.case.row.seconds):
            need_status(scene, front)
            if goes_back:
                words = ("rollback", shop.application, "--reason", "orders fail")
                scene.said += shop.typed(*words, env=reaching(scene, front))
                scene.need(Phase.ROLLED_BACK)
        if ended(scene, run) != "COMPLETED":
            shop.reconcile(scene.prefect)


def while_a_person_is_asked(scene: Scene) -> None:
    """Lost as the run puts its question up, and away as somebody says yes: that is in the record, and counts."""
    shop = scene.shop
    shop.again(edit=one_check)
    release = runbook.deploy_dark(shop.world(), shop.build())
    with before(scene.prefect.url) as front:
        parameters = {"application": shop.application, "release": release.name}
        run = scene.prefect.start(FLIP_TRAFFIC, parameters, reaching(scene, front))
        wait_until("the question", lambda: shop.record().question, ENDS_SECONDS)
        with lost(front, scene.case.fault, scene.case.row.seconds):
            need_status(scene, front)
        if ended(scene, run) not in WAITING:
            shop.reconcile(scene.prefect)
        wait_until("a run that waits", lambda: waiting(scene.prefect, shop), ENDS_SECONDS, 0.5)
        scene.need(Phase.DARK)
        with lost(front, Fault.AWAY):
            scene.said += shop.typed("approve", shop.application, "--reason", "looks good", env=reaching(scene, front))
            approval = shop.record().approval
            assert approval
            assert approval.reason == "looks good"
        scene.prefect.start(FLIP_TRAFFIC, parameters)
        shop.wait_for(Phase.LIVE)


def waiting(prefect: PrefectApi, shop: Shop) -> Question | None:
    """The open question, once the run that asks it waits for the answer."""
    question = shop.record().question
    return question if question and prefect.state(question.flow_run) in WAITING else None


def reaching(scene: Scene, front: Front) -> Mapping[str, str]:
    """The environment of a process that reaches Prefect through this front."""
    login = scene.prefect.server.login
    return {"PREFECT_API_URL": f"{front.url}/api", "PREFECT_API_AUTH_STRING": login}


@contextmanager
def lost(front: Front, fault: Fault, seconds: float = 0) -> Iterator[None]:
    """This is wrong while the block runs, and for at least so many seconds."""
    ends = time.monotonic() + seconds
    front.fault = fault
    yield
    time.sleep(max(0.0, ends - time.monotonic()))
    front.fault = None
    assert front.asked, "nobody has felt it"


def in_phase(shop: Shop, phase: Phase) -> None:
    wait_until(f"{shop.application} is {phase}", lambda: shop.record().phase is phase, ENDS_SECONDS)


def need_status(scene: Scene, front: Front) -> None:
    """`flipgate status` says where it stands, meanwhile."""
    out, _ = scene.shop.typed("status", scene.shop.application, env=reaching(scene, front))
    assert scene.shop.application in out
    scene.said.append(out)


def ended(scene: Scene, run: str) -> str:
    """How the run has ended, once it has, or waits for a person: its state's type. What it said is said."""

    def end() -> str:
        state = scene.prefect.state(run)
        return state if state in TERMINAL | WAITING else ""

    how = str(wait_until("the end of the run", end, ENDS_SECONDS, 0.5))
    state = scene.prefect.flow_run(run)["state"] or {}
    scene.said += [f"the run: {how}, {state.get('message')}", scene.prefect.log(run)]
    return how


LIVED: Mapping[str, Callable[[Scene], None]] = {
    parts.BRINGS_UP: while_it_brings_up,
    parts.ASKS: while_a_person_is_asked,
    parts.WATCHES: while_it_watches,
    parts.WATCHES_AND_BACK: while_it_watches,
}

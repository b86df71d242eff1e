"""One of two Traefik replicas is away, slow, silent or talks rubbish, and stays Ready: users are still sent to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flipgate.adapters.cluster import Cluster
from flipgate.core.record.phases import Phase, QuestionKind
from flipgate.steps.acting.world import World
from flipgate.steps.going_back.roll_back import roll_back
from tests.faults.api_front import before_api
from tests.faults.front import Fault
from tests.faults.parts import METRICS
from tests.faults.replica import METRICS_PORT, Replica, one_more
from tests.faults.scene import Scene, moves_a_route
from tests.faults.shops import one_check
from tests.lab import runbook
from tests.lab.stage import Edit


def dark_with_two(scene: Scene, live: Callable[[Replica], None]) -> None:
    """A release that may be flipped, while there are two replicas."""
    shop = scene.shop
    with one_more(Cluster.connect(shop.lab.kubeconfig), f"{shop.application}-replica") as replica:
        shop.again({"bakeSeconds": 3, "soakSeconds": 0}, of_two(replica, counted=scene.case.row.part == METRICS))
        runbook.dark_and_approved(shop.world(), shop.build())
        live(replica)


def of_two(replica: Replica, *, counted: bool) -> Edit:
    """Both are flipgate's to ask; where users are `counted`, a gate reads each one's metrics."""

    def edit(document: dict[str, Any]) -> None:
        one_check(document)
        traffic = document["spec"]["traffic"]
        traffic["proofTimeoutSeconds"] = 12
        traffic["traefik"] |= {"selector": replica.selector, "metricsPort": METRICS_PORT}
        if counted:
            document["spec"]["gates"] = [{"name": "users", "traefik": {"maxErrorRatio": 0.05}}]

    return edit


def before_the_move(scene: Scene) -> None:
    """Found before the move: nobody has moved. Flipped once it is back."""

    def live(replica: Replica) -> None:
        replica.becomes(scene.case.fault)
        scene.flips()
        scene.need(Phase.DARK)
        replica.becomes(None)
        runbook.flip_traffic(scene.world())

    dark_with_two(scene, live)


def after_the_move(scene: Scene) -> None:
    """Lost with the patch that moves users: the move is not proven, and they go back, whatever it shows of that."""

    def live(replica: Replica) -> None:
        def move_begins(method: str, path: str, body: bytes) -> bool:
            if moves_a_route(method, path, body):
                replica.becomes(scene.case.fault)
            return False

        with before_api(scene.shop.lab.kubeconfig, Fault.AWAY, move_begins, 0) as front:
            world = World.open(scene.shop.application, kubeconfig=front.kubeconfig_of_it, actor="tester")
            world.say = scene.said.append
            scene.tries(lambda: runbook.flip_traffic(world))

    dark_with_two(scene, live)


def while_watched(scene: Scene) -> None:
    """Lost once the new side is watched: unknown, and users stay. A person goes back, while it is away still."""

    def live(replica: Replica) -> None:
        def hears(line: str) -> None:
            scene.said.append(line)
            if line.startswith("watching: 0 "):
                replica.becomes(scene.case.fault)

        world = scene.world()
        world.say = hears
        scene.tries(lambda: runbook.flip_traffic(world))
        scene.need(Phase.BAKING)
        done = roll_back(scene.world(), "who knows", by="ana")
        assert done.left == ()
        assert "not every Traefik replica shows" in " ".join(done.notes)

    dark_with_two(scene, live)


def while_counted(scene: Scene) -> None:
    """Its metrics alone: it serves and answers. A gate that reads them is unknown; watched again once they are back."""

    def live(replica: Replica) -> None:
        replica.becomes(scene.case.fault, METRICS_PORT)
        scene.flips()
        scene.need(Phase.BAKING)
        replica.becomes(None)
        runbook.flip_traffic(scene.world())

    dark_with_two(scene, live)


def at_rest(scene: Scene) -> None:
    """Lost before the old side rests: the release is not closed until each replica shows the new one again."""

    def live(replica: Replica) -> None:
        runbook.flip_traffic(scene.world())
        runbook.approve(scene.world(), QuestionKind.SCALE_DOWN)
        replica.becomes(scene.case.fault)
        scene.tries(lambda: runbook.settle_on(scene.world()))
        scene.need(Phase.SETTLING)
        replica.becomes(None)
        runbook.settle_on(scene.world())

    dark_with_two(scene, live)

"""The API server is away, slow or talks rubbish, from one request of a release on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flipgate.core.record.phases import QuestionKind
from flipgate.core.values.sides import Side
from flipgate.steps.acting.world import World
from tests.faults import parts
from tests.faults.api_front import ApiFront, Wanted, before_api
from tests.faults.scene import Scene, changes_spec, moves_a_route
from tests.faults.shops import Shop, one_check
from tests.lab import runbook
from tests.lab.stage import wait_until


def while_it_rolls_back(scene: Scene) -> None:
    """`flipgate rollback`, from the patch of the route on; typed again when it is back."""
    shop, row = scene.shop, scene.case.row
    shop.again({"keepFailedSeconds": 3600}, one_check)
    runbook.go_live(shop.world(), shop.build())
    words = ("rollback", shop.application, "--reason", "orders fail")
    with before_api(shop.lab.kubeconfig, scene.case.fault, moves_a_route, row.seconds) as front:
        env = {"KUBECONFIG": str(front.kubeconfig_of_it)}
        with shop.program("-m flipgate.cli", *words, env=env) as process:
            scene.said += process.communicate(timeout=150)
        need_felt(front)
    if "error: " in scene.said[-1]:
        assert "Next: " in scene.said[-1]
        shop.typed(*words)
    elif process.returncode:  # users are back, and something is left
        shop.goes_on()


def need_felt(front: ApiFront) -> None:
    """Somebody has felt it, and it is over."""
    assert front.asked, "nobody has felt it"
    wait_until("it is over", lambda: front.over)


def while_it_releases(scene: Scene) -> None:
    """A pipeline's steps, from the request on that the row is about; then reconcile, and what it starts."""
    shop, row = scene.shop, scene.case.row
    shop.again({"bakeSeconds": 3, "soakSeconds": 0 if row.when == parts.RESTS else 3600}, one_check)
    there = shop.live.other
    prepare(shop, row.when)
    wanted = Moment(shop, there)
    with before_api(shop.lab.kubeconfig, scene.case.fault, wanted.of(row.when), row.seconds) as front:
        world = World.open(shop.application, kubeconfig=front.kubeconfig_of_it, actor="worker")

        def hears(line: str) -> None:
            scene.said.append(line)
            if row.when == parts.WATCHES and line.startswith("watching: 0 "):
                front.begin()

        world.say = hears
        scene.tries(lambda: ACTS[row.when](world, shop))
        need_felt(front)
    record = shop.record()
    if row.users in ("old side", "new side"):
        shop.wait_for_users_on(there if row.users == "new side" else there.other)
    scene.said.append(f"it is over: {record.phase}, open {record.open_entry}")
    if record.phase not in row.ends or record.open_entry:
        shop.goes_on()


def prepare(shop: Shop, when: str) -> None:
    """Brings the shop to where the row begins."""
    if when != parts.BRINGS_UP:
        runbook.dark_and_approved(shop.world(), shop.build())
    if when == parts.RESTS:
        runbook.flip_traffic(shop.world())
        runbook.approve(shop.world(), QuestionKind.SCALE_DOWN)


def flips(world: World, _: Shop) -> object:
    return runbook.flip_traffic(world)


ACTS: dict[str, Callable[[World, Shop], object]] = {
    parts.BRINGS_UP: lambda world, shop: runbook.deploy_dark(world, shop.build()),
    parts.MOVES: flips,
    parts.PROVES: flips,
    parts.HANDS_OVER: flips,
    parts.WATCHES: flips,
    parts.RESTS: lambda world, _: runbook.settle_on(world),
}


@dataclass
class Moment:
    """The request that each row begins with, of a release on the side `there`."""

    shop: Shop
    there: Side
    moved: bool = False

    def of(self, when: str) -> Wanted:
        return {
            parts.BRINGS_UP: lambda *request: self._scales(self.there, *request),
            parts.MOVES: moves_a_route,
            parts.PROVES: lambda *request: self._has_moved(*request) and "/proxy/" in request[1],
            parts.HANDS_OVER: lambda *request: self._has_moved(*request) and self._scales(self.there.other, *request),
            parts.WATCHES: lambda *_: False,
            parts.RESTS: lambda *request: self._scales(self.there.other, *request),
        }[when]

    def _has_moved(self, method: str, path: str, body: bytes) -> bool:
        self.moved = self.moved or moves_a_route(method, path, body)
        return self.moved

    def _scales(self, side: Side, method: str, path: str, body: bytes) -> bool:
        """Whether a workload of this side is changed, and not only stamped."""
        namespace = self.shop.place.blue if side is Side.BLUE else self.shop.place.green
        return method == "PATCH" and f"/{namespace}/deployments/" in path and changes_spec(body)

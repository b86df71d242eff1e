"""A part that flipgate talks to is away, slow, silent or talks rubbish: nobody is lost, nothing is believed of what was
not heard, and afterwards it goes on or is taken back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from flipgate.adapters.chat import Chat
from flipgate.adapters.cluster import Cluster
from flipgate.core.record.phases import Phase
from flipgate.core.values.errors import FlipgateError
from flipgate.steps.acting.world import World
from flipgate.steps.going_back.recover import recover
from flipgate.steps.going_back.roll_back import roll_back
from lab.control import labs
from lab.control.records import Lab
from tests.conftest import LAB
from tests.faults import parts
from tests.faults.api_front import before_api
from tests.faults.front import Front, before
from tests.faults.parts import Case
from tests.faults.replica import Replica, one_more
from tests.faults.shops import Cases, Shop, Shops, one_check
from tests.lab import runbook, slack
from tests.lab.stage import Edit, wait_until

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]

PROMQL = {"name": "one", "promql": 'count(none{namespace="{namespace}"}) or vector(0)', "of": "namespace", "max": 1}
ALERT = {"name": "alert", "alerts": {"alertname": "Never", "namespace": "{namespace}"}}


@pytest.fixture(scope="module")
def lived(request: pytest.FixtureRequest, lab: Lab, shops: Shops, tell: Callable[[str], None]) -> Iterator[Cases]:
    measured = labs.up(LAB, metrics=True, progress=tell)
    with shops.at_once(request, lambda shop, case: live_through(Scene(shop, case, measured))) as cases:
        yield cases


@pytest.mark.parametrize("case", list(parts.cases()), ids=lambda case: case.id)
def test_part(lived: Cases, case: Case) -> None:
    lived.need(case)


@dataclass
class Scene:
    """One case on its shop, and all that flipgate says in it."""

    shop: Shop
    case: Case
    lab: Lab
    said: list[str] = field(default_factory=list)

    def world(self, chat: Chat | None = None) -> World:
        """One whose words are kept."""
        world = self.shop.world(chat=chat)
        world.say = self.said.append
        return world

    def flips(self) -> None:
        """A flip; what it was refused with is said."""
        try:
            runbook.flip_traffic(self.world())
        except FlipgateError as error:
            self.said.append(f"{getattr(error, 'reason', '')}: {error}")


def live_through(scene: Scene) -> None:
    LIVED[scene.case.row.part](scene)
    scene.shop.wait_for(*scene.case.row.ends)
    scene.shop.need_agreement()
    scene.shop.need_none_lost()
    assert scene.case.row.says in "\n".join(scene.said), scene.said


def without_api(scene: Scene) -> None:
    """`flipgate rollback`, from the patch of the route on; typed again when it is back."""
    shop, row = scene.shop, scene.case.row
    shop.again({"keepFailedSeconds": 3600}, one_check)
    runbook.go_live(shop.world(), shop.build())
    words = ("rollback", shop.application, "--reason", "orders fail")
    with before_api(shop.lab.kubeconfig, scene.case.fault, moves_a_route, row.seconds) as front:
        env = {"KUBECONFIG": str(front.kubeconfig_of_it)}
        with shop.program("-m flipgate.cli", *words, env=env) as process:
            scene.said += process.communicate(timeout=150)
        assert front.asked, "nobody has felt it"
        wait_until("it is over", lambda: front.over, 60)
    if "error: " in scene.said[-1]:
        assert "Next: " in scene.said[-1]
        shop.typed(*words)
    elif process.returncode:  # users are back, and something is left
        shop.goes_on()


def moves_a_route(method: str, path: str, body: bytes) -> bool:
    return method == "PATCH" and "/ingressroutes/" in path and b'"replace"' in body and b'"/spec/' in body


def without_metrics(scene: Scene) -> None:
    """Watched without it: unknown, and users stay. Watched again once it is back: live."""
    shop, prometheus = scene.shop, scene.case.row.part == parts.PROMETHEUS
    with before(scene.lab.prometheus_url if prometheus else scene.lab.alertmanager_url) as front:

        def declared(document: dict[str, Any]) -> None:
            one_check(document)
            document["spec"]["metrics"] = {"prometheus": front.url, "alertmanager": front.url}
            document["spec"]["gates"] = [PROMQL if prometheus else ALERT]

        shop.again({"bakeSeconds": 2}, declared)
        runbook.dark_and_approved(shop.world(), shop.build())
        front.fault = scene.case.fault
        scene.flips()
        need_unknown(scene, front)
        front.fault = None
        runbook.flip_traffic(scene.world())


def need_unknown(scene: Scene, front: Front) -> None:
    """It was asked, it is not believed, and users are on the new side still."""
    record = scene.shop.record()
    assert front.asked
    assert record.phase is Phase.BAKING, scene.said
    scene.shop.wait_for_users_on(record.active)


def without_a_replica(scene: Scene) -> None:
    """Found before the move: nobody has moved. Flipped once it is back."""
    shop = scene.shop
    with one_more(Cluster.connect(shop.lab.kubeconfig), f"{shop.application}-replica") as replica:
        shop.again(edit=of_two(replica))
        runbook.dark_and_approved(shop.world(), shop.build())
        replica.becomes(scene.case.fault)
        scene.flips()
        assert shop.record().phase is Phase.DARK, scene.said
        replica.becomes(None)
        runbook.flip_traffic(scene.world())


def of_two(replica: Replica) -> Edit:
    def edit(document: dict[str, Any]) -> None:
        one_check(document)
        document["spec"]["traffic"]["proofTimeoutSeconds"] = 6
        document["spec"]["traffic"]["traefik"] |= {"selector": replica.selector}

    return edit


def without_slack(scene: Scene) -> None:
    """A whole life while it is away: users wait for nobody, and it is told later."""
    shop = scene.shop

    def channel(document: dict[str, Any]) -> None:
        one_check(document)
        document["spec"]["announce"] = {"slackChannel": "#releases"}

    with slack.serving() as told, before(told.url.removesuffix("/api/")) as front:
        shop.again(edit=channel)
        world = scene.world(Chat(token="xoxb-test", base_url=f"{front.url}/api/"))
        front.fault = scene.case.fault
        runbook.go_live(world, shop.build())
        began = time.time()
        done = roll_back(world, "orders fail", by="ana")
        assert done.left == ()
        assert shop.load
        first = shop.load.first_answer_after(str(done.to), began)
        assert first
        assert first - began < USERS_WAIT_SECONDS, "users wait for the routes, and for nothing else"
        front.fault = None
        recover(world)
        assert shop.record().outbox == ()


USERS_WAIT_SECONDS = 5.0
"""As long as one message that Slack does not take; the whole of a way back tells several."""

LIVED: dict[str, Callable[[Scene], None]] = {
    parts.API: without_api,
    parts.PROMETHEUS: without_metrics,
    parts.ALERTMANAGER: without_metrics,
    parts.TRAEFIK: without_a_replica,
    parts.SLACK: without_slack,
}

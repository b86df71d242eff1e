"""A part that flipgate talks to is away, slow, silent or talks rubbish: nobody is lost, nothing is believed of what was
not heard, and afterwards it goes on or is taken back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from flipgate.adapters.chat import Chat
from flipgate.core.record.phases import Phase
from flipgate.steps.going_back.recover import recover
from flipgate.steps.going_back.roll_back import roll_back
from lab.control import labs
from lab.control.pipelines import Pipelines
from lab.control.records import Lab
from tests import slack
from tests.conftest import LAB
from tests.faults import away_api, away_prefect, away_traefik, parts
from tests.faults.front import before
from tests.faults.parts import Case
from tests.faults.scene import Scene
from tests.faults.shops import Cases, Shops, one_check
from tests.lab import runbook
from tests.lab.prefect_api import PrefectApi

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1200)]

PROMQL = {"name": "one", "promql": 'count(none{namespace="{namespace}"}) or vector(0)', "of": "namespace", "max": 1}
ALERT = {"name": "alert", "alerts": {"alertname": "Never", "namespace": "{namespace}"}}


@pytest.fixture(scope="module")
def lived(
    request: pytest.FixtureRequest, lab: Lab, prefect_server: Pipelines, shops: Shops, tell: Callable[[str], None]
) -> Iterator[Cases]:
    measured, prefect = labs.up(LAB, metrics=True, progress=tell), PrefectApi(prefect_server)
    with shops.at_once(request, lambda shop, case: live_through(Scene(shop, case, measured, prefect))) as cases:
        yield cases


@pytest.mark.parametrize("case", list(parts.cases()), ids=lambda case: case.id)
def test_part(lived: Cases, case: Case) -> None:
    lived.need(case)


def live_through(scene: Scene) -> None:
    try:
        LIVED[scene.case.row.part, scene.case.row.when](scene)
        scene.shop.wait_for(*scene.case.row.ends)
        scene.shop.need_agreement()
        scene.shop.need_none_lost()
        assert scene.case.row.says in "\n".join(scene.said)
    except BaseException as failed:
        failed.add_note("\n".join(("flipgate said:", *scene.said)))
        raise


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
        assert front.asked
        scene.need(Phase.BAKING)
        front.fault = None
        runbook.flip_traffic(scene.world())


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

LIVED: dict[tuple[str, str], Callable[[Scene], None]] = {
    (parts.API, parts.GOES_BACK): away_api.while_it_rolls_back,
    **dict.fromkeys([(parts.API, when) for when in away_api.ACTS], away_api.while_it_releases),
    **{(parts.PREFECT, when): lives for when, lives in away_prefect.LIVED.items()},
    (parts.PROMETHEUS, parts.WATCHES): without_metrics,
    (parts.ALERTMANAGER, parts.WATCHES): without_metrics,
    (parts.TRAEFIK, parts.LOOKS): away_traefik.before_the_move,
    (parts.TRAEFIK, parts.PROVES): away_traefik.after_the_move,
    (parts.TRAEFIK, parts.WATCHES_AND_BACK): away_traefik.while_watched,
    (parts.TRAEFIK, parts.RESTS): away_traefik.at_rest,
    (parts.METRICS, parts.WATCHES): away_traefik.while_counted,
    (parts.SLACK, parts.ALL): without_slack,
}

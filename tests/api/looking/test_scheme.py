"""Users who come by https are asked for by https; where they are asked for otherwise that is found before a flip."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from flipgate.adapters.cluster import Cluster
from flipgate.core.gates.traefik_counters import REQUESTS, STARTED
from flipgate.core.values.errors import Refused
from flipgate.core.way_back.facts import agreed
from flipgate.steps.looking import header
from flipgate.steps.looking.header import check_header, header_problems
from flipgate.steps.looking.look import look_at_traffic
from flipgate.steps.looking.observe import observe
from flipgate.steps.looking.prove import need_visible
from flipgate.steps.moving.preview import need_preview
from flipgate.steps.releasing.setup import adopt, check_application
from lab.control.records import Lab
from tests.api.front import Users, by, fronted, impatient, saying, unnamed
from tests.api.shop import BLUE, GREEN, ROUTES, Shop
from tests.api.wire import Answer, Handler, serving

NO_SNI = {"kind": "Status", "message": "error trying to reach service: remote error: tls: unrecognized name"}
OF_ITS_OWN = saying(status=421, body=b"Misdirected Request")


@pytest.fixture(scope="module")
def _split(cluster: Cluster, lab: Lab) -> Shop:
    return Shop.install(cluster, lab.kubeconfig, routes=("split",), weighted=["split"])


@pytest.fixture
def split(_split: Shop) -> Shop:
    """A shop whose route is a TraefikService, shared like `standing`."""
    return replace(_split)


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(header, "HOLD_SECONDS", 0.1)


class Front:
    """A Traefik whose route has tls: plain HTTP is sent to https, or not known at all."""

    def __init__(self, side: str = "blue", *, plain: Users | None = None, secure: Users | None = None) -> None:
        self.asked: list[tuple[str, str]] = []
        self._plain = plain or self._redirect
        self._secure = secure or saying(f"X-Served-Side: {side}")

    def __call__(self, request: Handler) -> Answer | None:
        pod = request.path.split("/pods/")[1].partition("/")[0]
        self.asked.append((pod, request.headers["Host"]))
        return (self._secure if pod.startswith("https:") else self._plain)(request)

    def _redirect(self, request: Handler) -> Answer | None:
        """As it comes by the pod proxy, which puts its own path into it."""
        return saying(f"Location: https://shop.example{request.path}", status=308)(request)


def test_https_is_asked_for_at_the_entry_point_with_tls_and_the_host_is_kept(shop: Shop, tmp_path: Path) -> None:
    front, seen = Front(), list[str]()
    with serving(fronted(by(shop, "https"), front), tmp_path) as cluster:
        assert check_application(cluster, shop.application, shop.own, seen.append) == []
        world = shop.world("ana", cluster)
        assert adopt(world).active is BLUE
        need_visible(world, BLUE, ["traefik-1"])
        assert agreed(observe(world)()) is BLUE
    assert set(front.asked) == {("https:traefik-1:8443", f"{shop.name}.example")}
    assert seen[-1] == f"traefik-1 for https://{shop.name}.example/: HTTP 200 from blue"


def test_the_port_of_that_entry_point_may_be_another(imagined: Shop, tmp_path: Path) -> None:
    front = Front()
    assert unnamed(by(imagined, "https", httpsPort=4443), tmp_path, front) == []
    assert {pod for pod, _ in front.asked} == {"https:traefik-1:4443"}


FOUND = [
    (
        "http",
        Front(),
        "RedirectedToHttps",
        "HTTP 308: who asks by http is sent to https://shop.example/; declare spec.tra",
    ),
    (
        "https",
        Front(secure=OF_ITS_OWN),
        "SniNeeded",
        "HTTP 421: the route has TLS options of its own, so Traefik refuses",
    ),
    (
        "https",
        Front(secure=lambda _: (503, json.dumps(NO_SNI).encode())),
        "SniNeeded",
        "Traefik has sniStrict on, and refuses TLS begun without a name",
    ),
]


@pytest.mark.parametrize(("scheme", "front", "reason", "said"), FOUND, ids=["redirect", "421", "sniStrict"])
def test_check_adopt_and_a_flip_say_with_one_sentence_what_came_instead_and_the_key(
    standing: Shop, tmp_path: Path, scheme: str, front: Front, reason: str, said: str
) -> None:
    by(standing, scheme)
    with serving(fronted(standing, front), tmp_path) as cluster:
        world = standing.world("ana", cluster)
        (problem,) = header_problems(world, check_header(world, BLUE, ["traefik-1"]))
        with pytest.raises(Refused) as refused:
            adopt(world)
        with pytest.raises(Refused) as blind:
            need_visible(impatient(world), BLUE, ["traefik-1"])
    key = "spec.traffic.scheme: https" if reason == "RedirectedToHttps" else "spec.traffic.address: https://"
    assert said in problem
    assert key in problem
    assert problem in str(refused.value)
    assert (refused.value.reason, blind.value.reason) == (reason, "CannotSee")
    sentence = said.removeprefix("HTTP 308: ").removeprefix("HTTP 421: ")
    assert blind.value.fact.count(sentence) == 1
    assert blind.value.next_command.startswith(f"declare {key}")
    assert standing.world().store.find() is None, "adopted nothing"


@pytest.mark.parametrize(
    ("plain", "moved", "said"),
    [
        (saying("Location: https://x/", status=308), False, "who asks by http is sent to https://x/"),
        (saying(status=404), False, "HTTP 404, and no side's counter moved: Traefik itself answers so where no rule"),
        (saying(status=404), True, ""),
    ],
    ids=["redirect", "no rule", "the side's own 404"],
)
def test_where_counters_name_the_side_it_is_found_too(
    split: Shop, tmp_path: Path, plain: Users, moved: bool, said: str
) -> None:
    split.text = split.text.replace("header: X-Served-Side, ", "")
    by(split, "http", metricsPort=9100)
    front = Front(plain=plain)
    counter = f'{REQUESTS}{{code="404",service="{split.name}-blue-web-80@kubernetescrd"}}'

    def users(request: Handler) -> Answer | None:
        if not request.path.endswith("/metrics"):
            return front(request)
        return 200, f"{STARTED} 1\n{counter} {len(front.asked) * moved}\n".encode()

    problems = unnamed(split, tmp_path, users)
    assert len(problems) == bool(said)
    assert said in "".join(problems)
    assert ("declare spec.traffic.scheme: https" in "".join(problems)) is bool(said)


def test_a_flip_that_meets_no_rule_by_http_asks_whether_the_route_has_tls(standing: Shop, tmp_path: Path) -> None:
    front = Front(plain=saying(status=404, body=b"404 page not found"))
    with serving(fronted(by(standing, "http"), front), tmp_path) as cluster, pytest.raises(Refused) as refused:
        need_visible(impatient(standing.world("ana", cluster)), BLUE, ["traefik-1"])
    assert refused.value.reason == "CannotSee"
    assert "if the route has tls, declare spec.traffic.scheme: https" in refused.value.fact


def test_a_preview_of_a_traefik_service_can_be_asked_for_by_https(split: Shop, tmp_path: Path) -> None:
    split.text = split.text.replace("header: ", f"previewHost: new.{split.name}.example, header: ")
    by(split, "https")
    made: list[object] = []

    def green(request: Handler) -> Answer | None:
        rule = split.cluster.get(f"{ROUTES}/{split.own}/ingressroutes/flipgate-preview-{split.name}-0")
        made.append(rule["spec"].get("tls"))
        return saying("X-Served-Side: green")(request)

    with serving(fronted(split, Front(secure=green)), tmp_path) as asked:
        world = split.world("ana", asked)
        split.adopted()
        with world.acting() as acting:
            need_preview(acting, look_at_traffic(world), GREEN, ["traefik-1"])
    assert made == [{}]

"""A header that names no side is found by `check` and `adopt`, and not after a person has said yes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from flipgate.adapters.cluster import Cluster
from flipgate.core.values.errors import Refused
from flipgate.steps.looking import header
from flipgate.steps.looking.prove import need_visible
from flipgate.steps.releasing.setup import adopt, check_application
from lab.control.records import Lab
from tests.api.front import Users, by, checked, fronted, impatient, saying, unnamed
from tests.api.shop import BLUE, Shop, timed_by_its_waiting
from tests.api.telling import heard
from tests.api.wire import Answer, Handler, serving

DENIED = json.dumps({"kind": "Status", "code": 403, "message": "pods/proxy is forbidden"}).encode()
STRIPPED = saying("Server: shop")
PASSES: dict[str, Users] = {
    "no route yet": saying(status=404, body=b"404 page not found"),
    "no pod yet": saying(status=503, body=b"no available server"),
    "the other side": saying("X-Served-Side: green"),
}


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Less patience with a Traefik that has not heard yet, and a throttle that is over at once."""
    monkeypatch.setattr(header, "HOLD_SECONDS", 0.1)
    monkeypatch.setattr(header, "PAUSE_SECONDS", 0.02)


@pytest.fixture
def unadopted(standing: Shop) -> Iterator[Shop]:
    """The shop, whose record is taken away again."""
    yield standing
    standing.cluster.delete(f"{standing.config_maps}/record-{standing.name}")


@pytest.mark.parametrize(
    ("users", "said"),
    [
        (STRIPPED, "without header X-Served-Side: misspelt, or taken off by a middleware of the route? What came: "),
        (saying("X-Served-Side: Blue"), 'X-Served-Side: "Blue", which is no side'),
        (saying(status=403, body=DENIED), "no answer, so whether X-Served-Side names the side is not known: HTTP 403"),
        (lambda _: None, "no answer, so whether X-Served-Side names the side is not known: did not answer"),
        *((users, "HTTP ") for users in PASSES.values()),
    ],
    ids=["stripped", "no side", "denied", "cut", *PASSES],
)
def test_what_is_seen_instead_is_a_problem(imagined: Shop, tmp_path: Path, users: Users, said: str) -> None:
    (problem,) = unnamed(by(imagined), tmp_path, users)
    assert said in problem


def test_a_header_that_is_misspelt_is_a_problem_that_names_it_and_what_came(standing: Shop, tmp_path: Path) -> None:
    standing.text = standing.text.replace("X-Served-Side", "X-Serving-Site")
    assert checked(by(standing), tmp_path) == [
        f"Traefik (traefik-1) for {standing.name}.example/: HTTP 200 without header X-Serving-Site: x-served-side: "
        f"blue came, did you mean that? (spec.traffic.header in the file of application {standing.name})"
    ]


def test_nobody_is_asked_where_no_traefik_is_found_or_nothing_serves_yet(shop: Shop, tmp_path: Path) -> None:
    by(shop)
    with serving(fronted(shop, replicas=()), tmp_path) as cluster:
        (problem,) = check_application(cluster, shop.application, shop.own)
        assert "no running pod matches app.kubernetes.io/name=traefik" in problem
    shop.play_ready(BLUE, "web", ready=0)
    assert checked(shop, tmp_path, users=STRIPPED) == []


@pytest.mark.parametrize(
    ("users", "reason"),
    [
        (STRIPPED, "HeaderMissing"),
        (saying("X-Served-Side: v1"), "HeaderNamesNoSide"),
        (PASSES["no route yet"], "HeaderMissing"),
        (PASSES["the other side"], "OtherSideAnswers"),
    ],
    ids=["stripped", "no side", "no route yet", "the other side"],
)
def test_adopting_is_refused_where_answers_do_not_name_the_live_side(
    standing: Shop, tmp_path: Path, users: Users, reason: str
) -> None:
    script = fronted(by(standing), users)
    with serving(script, tmp_path) as cluster, pytest.raises(Refused, match="X-Served-Side") as refused:
        adopt(timed_by_its_waiting(standing.world("ana", cluster)))
    assert refused.value.reason == reason
    assert "spec.traffic.header in the file of application" in str(refused.value)
    assert standing.world().store.find() is None


@pytest.mark.parametrize("early", PASSES.values(), ids=PASSES)
def test_a_traefik_that_has_not_heard_yet_is_asked_again(unadopted: Shop, tmp_path: Path, early: Users) -> None:
    asked: list[str] = []

    def users(request: Handler) -> Answer | None:
        asked.append(request.path)
        return (early if len(asked) < 3 else saying("X-Served-Side: blue"))(request)

    with serving(fronted(by(unadopted), users), tmp_path) as cluster:
        assert adopt(timed_by_its_waiting(unadopted.world("ana", cluster))).active is BLUE
    assert len(asked) == 3


def test_each_replica_is_asked_once_and_those_that_say_the_same_are_one_sentence(
    imagined: Shop, tmp_path: Path
) -> None:
    asked: list[str] = []

    def users(request: Handler) -> Answer | None:
        asked.append(request.path.split("/pods/")[1].split(":")[0])
        return (saying("X-Served-Side: blue") if asked[-1] == "c" else STRIPPED)(request)

    (problem,) = unnamed(by(imagined), tmp_path, users, ("a", "b", "c"))
    assert sorted(asked) == ["a", "b", "c"]
    assert problem.startswith("Traefik (a, b) for ")


@pytest.mark.parametrize("users", [lambda _: None, saying(status=403, body=DENIED)], ids=["cut", "denied"])
def test_who_cannot_be_asked_keeps_nobody_from_adopting_and_is_said(
    unadopted: Shop, tmp_path: Path, users: Users
) -> None:
    with serving(fronted(by(unadopted), users), tmp_path) as cluster:
        world = unadopted.world("ana", cluster)
        said = heard(world)
        assert adopt(world).active is BLUE
    (line,) = said
    assert "whether X-Served-Side names the side is not known" in line


def test_where_traefiks_counters_tell_no_header_is_looked_for(cluster: Cluster, lab: Lab, tmp_path: Path) -> None:
    shop = Shop.named(cluster, lab.kubeconfig, routes=("split",), weighted=["split"])
    shop.text = shop.text.replace("header: X-Served-Side, ", "")
    assert unnamed(by(shop, metricsPort=9100), tmp_path, STRIPPED) == []


@pytest.mark.parametrize(
    ("users", "named"), [(STRIPPED, True), (PASSES["no pod yet"], False)], ids=["stripped", "no pod"]
)
def test_a_flip_that_cannot_see_names_the_header_and_the_file_where_that_is_why(
    standing: Shop, tmp_path: Path, users: Users, named: bool
) -> None:
    with serving(fronted(by(standing), users), tmp_path) as cluster, pytest.raises(Refused) as refused:
        need_visible(impatient(standing.world("ana", cluster)), BLUE, ["traefik-1"])
    assert refused.value.reason == "CannotSee"
    assert ("kubectl" not in refused.value.next_command) is named
    assert (f"correct spec.traffic.header in the file of application {standing.name}" in str(refused.value)) is named
    assert ("without header X-Served-Side" in refused.value.fact) is named

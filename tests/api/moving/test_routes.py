"""Several routes of both kinds: moved in their order, all or none, with the way back by hand on each of them."""

from __future__ import annotations

import json
from itertools import groupby
from pathlib import Path

import pytest

from flipgate.adapters.routes import clear_way_back
from flipgate.core.record.phases import QuestionKind
from flipgate.core.record.record import EntryState
from flipgate.core.traffic.traffic import WAY_BACK
from flipgate.core.values.errors import Refused
from flipgate.core.way_back.by_hand import foreign_lines
from flipgate.steps.acting.world import World
from flipgate.steps.looking.look import look, look_at_traffic
from flipgate.steps.moving.move import MOVE_TRIES, close_routes, move, move_back
from flipgate.steps.releasing import questions
from flipgate.steps.releasing.setup import check_application
from lab.control.records import Lab
from tests.api.authority import unleased
from tests.api.front import checked, saying
from tests.api.shop import BLUE, GREEN, Shop, last_entry, opened, under_lease
from tests.api.steps import Install
from tests.api.targets import there_and_back
from tests.api.users import typed
from tests.api.wire import Answer, Through, serving
from tests.repeating import repeating

SPLIT, FRONT = "split", "front"


@pytest.fixture
def split(install: Install) -> Shop:
    """A shop whose one route is a TraefikService."""
    return install(routes=(SPLIT,), weighted=[SPLIT])


def line_on(shop: Shop, name: str = "live") -> str:
    """The way back by hand that stands on a route; empty when none does."""
    return str((shop.route(name)["metadata"].get("annotations") or {}).get(WAY_BACK, ""))


# A TraefikService


def test_the_rights_of_the_declared_kind_are_enough_and_a_traefik_service_of_a_side_is_read_there(
    split: Shop, tmp_path: Path
) -> None:
    missing = there_and_back(split, tmp_path)
    assert not [sentence for sentence in missing if "ingressroutes" in sentence]

    inner = {"name": "web", "kind": "TraefikService", "namespace": split.namespace(BLUE)}
    split.patch(split.route_path(SPLIT), ("replace", "/spec/weighted/services/0", inner))
    more = checked(split, tmp_path, kubeconfig=tmp_path / "robot.kubeconfig")
    assert [sentence.partition(" (")[0] for sentence in more] == [
        f"no permission to get traefikservices.traefik.io web in namespace {split.namespace(side)}"
        for side in (BLUE, GREEN)
    ]


def test_a_kind_that_is_not_installed_is_said(split: Shop, tmp_path: Path) -> None:
    def half(method: str, path: str) -> Answer | None:
        if path == "/apis/traefik.io/v1alpha1":
            return 200, json.dumps({"resources": [{"kind": "IngressRoute"}]}).encode()
        return (404, b"404 page not found") if "/traefikservices/" in path else None

    with serving(Through(split.kubeconfig, before=half), tmp_path) as cluster:
        (problem,) = check_application(cluster, split.application, split.own)
    assert f"TraefikService {split.own}/{SPLIT} is missing" in problem
    assert "traefik.io/v1alpha1 has no TraefikService here" in problem


def test_a_route_that_leads_to_a_declared_one_follows_it_untouched(install: Install, tmp_path: Path) -> None:
    shop = install(routes=(FRONT, SPLIT), weighted=[SPLIT])
    leads = [{"name": SPLIT, "kind": "TraefikService"}]
    shop.patch(shop.route_path(FRONT), ("replace", "/spec/routes/0/services", leads))
    world = shop.adopted()
    assert checked(shop, tmp_path, users=saying("X-Served-Side: blue")) == []
    before = shop.version(shop.route_path(FRONT))
    under_lease(world, move, GREEN)
    assert (look(world).active, str(look(world).traffic)) == (
        GREEN,
        f"IngressRoute {shop.own}/front -> TraefikService {shop.own}/split; TraefikService {shop.own}/split -> green",
    )
    assert unleased(world, move_back, BLUE).left == ()
    assert (look(world).active, shop.version(shop.route_path(FRONT))) == (BLUE, before)


# Several routes


@pytest.fixture
def three(install: Install) -> Shop:
    return install(routes=("z", SPLIT, "a"), weighted=[SPLIT])


@pytest.mark.parametrize("code", [403, 409])
def test_a_route_that_cannot_be_moved_puts_back_those_before_it(three: Shop, tmp_path: Path, code: int) -> None:
    """403 for whatever is written to it, and 409 while it is moved: somebody else is always faster."""
    three.adopted()
    asked: list[str] = []

    def denied(method: str, path: str) -> Answer | None:
        if method != "PATCH" or "traefik.io" not in path:
            return None
        name = path.partition("?")[0].rpartition("/")[2]
        asked.append(name)
        body = json.dumps({"kind": "Status", "code": code, "message": "not this one"}).encode()
        return (code, body) if name == SPLIT and (code == 403 or asked.count(SPLIT) <= MOVE_TRIES) else None

    with serving(Through(three.kubeconfig, before=denied), tmp_path) as cluster:
        world = three.world("ana", cluster)
        with pytest.raises(Refused, match="not this one" if code == 403 else "others wrote it") as refused:
            under_lease(world, move, GREEN)
    assert (refused.value.reason, refused.value.obj) == ("RouteChanged", f"TraefikService {three.own}/{SPLIT}")
    assert f"get traefikservices {SPLIT}" in refused.value.next_command
    assert refused.value.untouched.startswith("all routes: traffic is on blue")
    assert ("could not be confirmed" in refused.value.untouched) is (code == 403)
    assert [name for name, _ in groupby(asked)][:3] == ["z", SPLIT, "z"], (
        "the declared order, and nothing after the one that was refused"
    )
    assert [three.route(name)["metadata"]["generation"] for name in ("z", SPLIT, "a")] == [3, 1, 1]
    assert three.where() == ("blue", "blue", "blue")
    assert line_on(three, "z") == ""
    assert last_entry(world).state is EntryState.UNDONE


def test_every_rule_and_weight_that_names_a_side_moves_and_nothing_beside_them(three: Shop) -> None:
    blue, green = (three.namespace(side) for side in (BLUE, GREEN))

    def rules(side: str) -> list[dict[str, object]]:
        shared = [{"name": "web", "namespace": side, "port": 80}, {"name": "api", "namespace": side, "weight": 0}]
        page = [{"name": "maintenance", "namespace": "pages", "port": 80}]
        return [{"match": "Host(`x`)", "services": shared}, {"match": "Host(`y`)", "services": page}]

    def spec(side: str) -> dict[str, object]:
        mirrors = [{"name": "web", "namespace": side, "percent": 5}, {"name": "tap", "namespace": "elsewhere"}]
        return {"mirroring": {"name": "web", "namespace": side, "port": 80, "mirrors": mirrors}}

    three.patch(three.route_path("z"), ("replace", "/spec/routes", rules(blue)))
    three.patch(three.route_path(SPLIT), ("replace", "/spec", spec(blue)))
    world = three.adopted()
    assert [patch.route.name for patch in under_lease(world, move, GREEN).patches] == ["z", SPLIT, "a"]
    assert (three.route("z")["spec"]["routes"], three.route(SPLIT)["spec"]) == (rules(green), spec(green))
    unleased(world, move_back, BLUE)
    assert (three.route("z")["spec"]["routes"], three.route(SPLIT)["spec"]) == (rules(blue), spec(blue))


# The way back by hand, on the route


@pytest.fixture
def each(install: Install) -> Shop:
    """A route of each kind."""
    return install(routes=("live", SPLIT, "http"), weighted=[SPLIT], http=["http"])


def test_the_line_on_each_route_takes_it_back_and_is_refused_after_that(each: Shop, lab: Lab, tmp_path: Path) -> None:
    each.annotate("live", "a person's")
    under_lease(each.adopted(), move, GREEN)
    assert each.route("live")["metadata"]["annotations"]["someone"] == "a person's"
    lines = [line_on(each, name) for name in each.routes]
    assert lines[2].startswith(f"kubectl -n {each.own} patch httproutes.gateway.networking.k8s.io http --type=json ")
    for line in lines:
        done = typed(lab, line, tmp_path)
        assert done.returncode == 0, done.stderr
    assert each.where() == ("blue", "blue", "blue")
    for again in (lines[0], lines[2]):
        assert typed(lab, again, tmp_path).returncode == 1


def test_the_line_on_the_route_is_the_one_that_status_makes_and_another_is_not_to_be_typed(
    shop: Shop, world: World
) -> None:
    under_lease(world, move, GREEN)
    places = world.application.places
    assert line_on(shop)
    assert foreign_lines(look_at_traffic(world), places) == ()
    unleased(world, close_routes, look_at_traffic(world), keep_way_back=True)
    assert line_on(shop)
    assert foreign_lines(look_at_traffic(world), places) == ()
    evil = line_on(shop).replace(shop.namespace(BLUE), "elsewhere")
    shop.patch(shop.route_path(), ("add", f"/metadata/annotations/{WAY_BACK.replace('/', '~1')}", evil))
    (said,) = foreign_lines(look_at_traffic(world), places)
    assert f"{shop.own}/live is not flipgate's line" in said


def test_the_line_goes_with_the_way_back_and_other_annotations_or_a_newer_line_stay(shop: Shop, world: World) -> None:
    shop.annotate("live", "a person's")
    under_lease(world, move, GREEN)
    assert line_on(shop)
    unleased(world, move_back, BLUE)
    annotations = shop.route()["metadata"]["annotations"]
    assert (annotations["someone"], WAY_BACK in annotations) == ("a person's", False)

    under_lease(world, move, GREEN)
    (stale,) = look_at_traffic(world).routes
    for newer in ({"someone": "else"}, {WAY_BACK: "newer"}):
        shop.patch(shop.route_path(), ("add", "/metadata/annotations", newer))
        clear_way_back(shop.cluster, stale)
        assert shop.route()["metadata"]["annotations"] == newer


def test_who_writes_annotations_all_the_time_is_in_no_move_s_way(shop: Shop, world: World) -> None:
    """Each of these writes throws away all other annotations, ours too."""
    said: list[str] = []
    world.say = said.append
    with repeating(shop.annotate):
        under_lease(world, move, GREEN)
        for side in (BLUE, GREEN, BLUE):
            unleased(world, move_back, side)
            assert shop.where() == (str(side),)
    assert said == []


def test_the_line_changes_nothing_of_what_a_person_approves(shop: Shop, world: World) -> None:
    release = opened(world)
    before = questions.basis(world, look(world), release, QuestionKind.FLIP)
    shop.cluster.merge(shop.route_path(), {"metadata": {"annotations": {WAY_BACK: "an older line"}}})
    assert questions.basis(world, look(world), release, QuestionKind.FLIP) == before


def test_a_route_is_missing_or_denied_when_its_line_is_taken_off(each: Shop, tmp_path: Path) -> None:
    each.adopted()
    under_lease(each.world(), move, GREEN)

    def denied(method: str, path: str) -> Answer | None:
        asked = method == "PATCH" and f"/{SPLIT}?" in path and each.where() == ("blue", "blue", "blue")
        return (403, b'{"kind": "Status", "message": "denied"}') if asked else None

    with serving(Through(each.kubeconfig, before=denied), tmp_path) as cluster:
        world = each.world("ana", cluster)
        said: list[str] = []
        world.say = said.append
        assert unleased(world, move_back, BLUE).left == ()
    assert (each.where(), line_on(each)) == (("blue", "blue", "blue"), "")
    assert len(said) == 1
    assert f"TraefikService {each.own}/{SPLIT} still says a way back that is none" in said[0]

"""What Traefik's counters of users' requests mean: whose they are, what they grew by, and when there is no number."""

from __future__ import annotations

import pytest

from flipgate.core.gates.declared import judge
from flipgate.core.gates.kinds import Gate
from flipgate.core.gates.sample import GateSample
from flipgate.core.gates.traefik_counters import (
    BEGUN,
    Count,
    Reading,
    counted_targets,
    counters_of,
    error_ratio,
    increase,
    rule_counter,
    sides_moved,
    target_counter,
)
from flipgate.core.traffic.reading import read_route
from flipgate.core.traffic.traffic import RouteName, Target
from flipgate.core.values.verdicts import Verdict
from tests.core.builders import BLUE, GREEN, NAMESPACES, PLACES, service, traefik_service, traffic, weighted

GATE = Gate.model_validate({"name": "users", "traefik": {"max_error_ratio": 0.05}, "failures": 1})
ROUTE = RouteName("IngressRoute", "edge", "live")
PASS, FAIL, UNKNOWN = Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN


def reading(started: float = 1, **codes: float) -> Reading:
    return Reading({(("code", code[1:]), ("service", "s")): value for code, value in codes.items()}, started)


def test_the_names_are_traefiks() -> None:
    assert target_counter("shop-green", Target("Service", "web.v2", 80)) == "shop-green-web-v2-80@kubernetescrd"
    assert target_counter("shop-green", Target("Service", "web", "http")) == "shop-green-web-http@kubernetescrd"
    # As Traefik 3.6 named it on the lab.
    named = rule_counter(RouteName("IngressRoute", "monitoring", "api-live"), "Host(`api.sportsdata.example`)")
    assert named == "monitoring-api-live-4a0c0253361f6093e21f@kubernetescrd"


def test_a_rule_with_one_service_is_counted_under_the_rules_name_and_one_with_more_per_target() -> None:
    def rule(*names: str) -> dict[str, object]:
        return {"match": "Host(`a`)", "services": [{"name": name, "namespace": "shop-green"} for name in names]}

    state = read_route(ROUTE, {"spec": {"routes": [rule("web"), rule("web", "api")]}}, PLACES)
    assert [entry.rule for entry in state.entries] == ["Host(`a`)", "", ""]
    weighted = {"spec": {"weighted": {"services": [{"name": "web", "namespace": "shop-green"}]}}}
    split = RouteName("TraefikService", "edge", "live")
    assert [entry.rule for entry in read_route(split, weighted, PLACES).entries] == [""]


def test_a_sum_with_a_rules_counter_in_it_names_no_side() -> None:
    assert counters_of([], ["a"]).of == "target"
    assert counters_of(["r"], ["a"]).of == "time"
    assert counters_of(["r"], ["a"]).names == {"r", "a"}


@pytest.mark.parametrize(
    ("before", "after", "grown"),
    [
        (reading(c200=90, c500=2), reading(c200=100, c500=5), (13, 3)),
        (reading(c200=90), reading(c200=90, c502=3), (3, 3)),  # a counter begins with the first of its code
        (reading(c200=90, c500=9), reading(c200=7), (7, 0)),  # let go, and begun anew
        (reading(c200=90, c500=9), reading(c200=90, c500=2), (2, 2)),
        (reading(c200=90, c500=9), reading(started=2, c200=100, c500=10), (110, 10)),  # started again, and busy since
        (reading(c200=90), reading(), (0, 0)),
    ],
)
def test_what_counters_grew_by_is_never_less_than_nothing(
    before: Reading, after: Reading, grown: tuple[int, int]
) -> None:
    assert increase(before, after)[:2] == grown


def test_flipgates_own_requests_are_taken_off_and_never_more_than_there_were() -> None:
    assert Count(30, 4).minus(Count(10, 1)) == Count(20, 3)
    assert Count(5, 0).minus(Count(10, 2)) == Count(0, 0)


def ratio(*counts: Count, unread: tuple[str, ...] = (), replicas: int = 2) -> GateSample:
    why = dict.fromkeys(unread, "HTTP 404")
    return error_ratio(0, counts, limit=0.05, of="target", unread=why, replicas=replicas)


@pytest.mark.parametrize(
    ("sample", "verdict", "said"),
    [
        (ratio(Count(100, 0)), PASS, "0 (0 of 100 users' requests failed) of shop-green by Traefik's target"),
        (ratio(Count(50, 1), Count(50, 5)), FAIL, "0.06 (6 of 100 users' requests failed)"),
        (ratio(), UNKNOWN, BEGUN),
        (ratio(Count(0, 0)), UNKNOWN, "no traffic"),
        (ratio(Count(3, 3, unsure=3)), UNKNOWN, "no traffic"),  # perhaps all of them flipgate's own
        (ratio(Count(10, 2)), UNKNOWN, "2 of 10 users' requests failed: too few to judge"),
        (ratio(Count(100, 0), unread=("b",)), UNKNOWN, "1 of 2 Traefik replicas not read: b: HTTP 404"),
        (
            ratio(Count(100, 9), unread=("b",)),
            FAIL,
            "0.09 (9 of 100 users' requests failed at 1 of 2 replicas)",
        ),  # those whose answers were counted did see it
        (ratio(Count(100, 9), unread=("a", "b")), UNKNOWN, "2 of 2 Traefik replicas not read: a: HTTP 404"),
    ],
)
def test_what_is_not_known_never_passes(sample: GateSample, verdict: Verdict, said: str) -> None:
    evidence = judge(GATE, [sample], 0, "shop-green")
    assert evidence.verdict is verdict
    assert said in evidence.answer
    assert evidence.of_whom == "Traefik's own counters, of shop-green by Traefik's target"


B, G = "shop-blue-web-80@kubernetescrd", "shop-green-web-80@kubernetescrd"


def test_what_users_hear_from_is_counted_on_either_side_and_mirrors_are_not() -> None:
    blue = NAMESPACES[BLUE]
    found = counted_targets(
        traffic(traefik_service(weighted(service(blue), service(blue, name="old", weight=0)))), PLACES
    )
    assert found == {target_counter(NAMESPACES[side], Target("Service", "web", 80)): side for side in (BLUE, GREEN)}
    mirror = weighted(mirroring={**service(blue), "mirrors": [service(blue, name="shadow", percent=10)]})
    assert set(counted_targets(traffic(traefik_service(mirror)), PLACES)) == set(found)


@pytest.mark.parametrize(
    ("before", "after", "moved"),
    [
        ({B: 1, G: 5}, {B: 1, G: 6}, {GREEN}),
        ({B: 1}, {B: 1, G: 1}, {GREEN}),
        ({B: 9}, {B: 2}, {BLUE}),
        ({B: 9}, {}, set()),
        ({B: 1, G: 5}, {B: 2, G: 6}, {BLUE, GREEN}),
        ({"other": 1}, {"other": 2}, set()),
    ],
    ids=["one", "first of all", "began anew", "let go", "both", "a foreign one"],
)
def test_a_counter_that_moved_names_its_side(
    before: dict[str, float], after: dict[str, float], moved: set[str]
) -> None:
    def counted(by_name: dict[str, float]) -> Reading:
        return Reading({(("code", "200"), ("service", name)): value for name, value in by_name.items()})

    assert sides_moved(counted(before), counted(after), {B: BLUE, G: GREEN}) == moved

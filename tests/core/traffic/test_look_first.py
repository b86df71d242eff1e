"""The commands by which a person looks at the dark side."""

from __future__ import annotations

from flipgate.core.record import approvals
from flipgate.core.traffic.look_first import MOST, port_forwards
from flipgate.core.traffic.traffic import Traffic
from tests.core.builders import (
    BLUE,
    DARK,
    GREEN,
    NAMESPACES,
    PLACES,
    question,
    record,
    release,
    route,
    route_object,
    service,
    to_side,
    traffic,
)


def test_each_service_that_users_reach_has_its_line_once() -> None:
    rules = [[service(NAMESPACES[BLUE])], [service(NAMESPACES[BLUE])], [service(NAMESPACES[BLUE], name="api")]]
    assert port_forwards(traffic(route(route_object(*rules))), PLACES[GREEN]) == (
        f"kubectl -n {NAMESPACES[GREEN]} port-forward service/web 9090:80",
        f"kubectl -n {NAMESPACES[GREEN]} port-forward service/api 9091:80",
    )


def test_routes_that_name_no_side_and_too_many_services() -> None:
    assert port_forwards(Traffic(()), PLACES[GREEN]) == ()
    many = [[service(NAMESPACES[BLUE], name=f"s{number}")] for number in range(MOST + 2)]
    assert len(port_forwards(traffic(route(route_object(*many)), to_side(BLUE)), PLACES[GREEN])) == MOST


def test_the_message_of_the_question_says_them() -> None:
    asked = question(look_first=("kubectl -n shop-green port-forward service/web 9090:80",))
    posed = approvals.pose(record(release=release(*DARK)), asked)
    assert "To look at it first: kubectl -n shop-green port-forward service/web 9090:80. No decision" in (
        posed.outbox[-1].text
    )
    assert "look_first" not in question().model_dump_json(by_alias=True), "as the version before wrote it"

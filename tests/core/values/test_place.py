"""Where a side lives, and what its objects are called there, is asked of its Place alone."""

from __future__ import annotations

import ast
from collections.abc import Iterable

import pytest

from tests.core import source
from tests.core.builders import BLUE, GREEN, shop

pytestmark = source.IN_ONE_PROCESS

MAKERS = ("flipgate/core/spec/application.py", "flipgate/core/spec/sides.py")
HOUSE = [path for path in source.files(*source.PRODUCT, "benchmarks") if source.shown(path) not in MAKERS]


def around(code: Iterable[ast.AST]) -> list[str]:
    """What goes around the Place: a side's namespace as the file declares it, a Place of one's own, or an address that
    is made of a service's name."""
    return [ast.unparse(node) for node in code if goes_around(node)]


def goes_around(node: ast.AST) -> bool:
    match node:
        case ast.Attribute(value=ast.Attribute(attr="spec"), attr="sides"):
            return True
        case ast.Call(func=ast.Name(id="Place")):
            return True
        case ast.Call(func=ast.Name(id="address" | "Target"), args=[_, _, ast.Attribute(ast.Name(id="service" | "s"))]):
            return True
    return False


def test_nothing_goes_around_the_place() -> None:
    assert len(HOUSE) > 100
    assert {source.shown(path): found for path in HOUSE if (found := around(source.nodes(path)))} == {}


@pytest.mark.parametrize(
    "code",
    [
        "application.spec.sides.blue.namespace",
        'Place(side, "shop-blue")',
        "address(service.kind, namespace, service.name)",
        "Target(service.kind, namespace, service.name)",
    ],
)
def test_what_goes_around_it_is_seen(code: str) -> None:
    assert len(around(ast.walk(ast.parse(code)))) == 1


def test_a_place_is_a_sides_namespace_and_says_so() -> None:
    app = shop()
    assert [str(app.place_of(side)) for side in (BLUE, GREEN)] == ["blue (shop-blue)", "green (shop-green)"]
    assert app.places == {side: app.place_of(side) for side in (BLUE, GREEN)}


def test_a_service_may_be_called_otherwise_than_its_workload() -> None:
    app = shop("{name: api-all, service: api-service, role: serving, replicas: 1}")
    place = app.place_of(GREEN)
    names = [(place.workload_of(service), place.service_of(service)) for service in app.serving()]
    assert names == [("web", "web"), ("api-all", "api-service")]

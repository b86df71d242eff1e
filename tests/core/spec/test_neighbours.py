"""What two applications must not both declare."""

from __future__ import annotations

import pytest

from flipgate.core.spec.application import Application, load_application
from flipgate.core.spec.neighbours import written_by_both
from tests.core.builders import SHOP

FLAG = "  maintenance: {namespace: edge, configMap: flags, key: moving}\n"
COPY = "  parity: {equal: [{kind: ConfigMap, name: app, sync: copy}]}\n"


def declared(name: str, more: str, sides: str = "") -> Application:
    text = SHOP.replace("name: shop", f"name: {name}").replace("shop-", f"{sides or name}-")
    return load_application(text + more, "shop.yaml")


def test_one_key_is_the_flag_of_one_application() -> None:
    (problem,) = written_by_both(declared("shop", FLAG), declared("desk", FLAG))
    assert problem.startswith("spec.maintenance: key moving of ConfigMap edge/flags is application desk's, too")


@pytest.mark.parametrize("other", ["", FLAG.replace("moving", "busy"), FLAG.replace("flags", "banner")])
def test_another_key_or_another_config_map_is_another_flag(other: str) -> None:
    assert [*written_by_both(declared("shop", FLAG), declared("desk", other))] == []


def test_one_object_is_copied_by_one_application() -> None:
    found = [*written_by_both(declared("shop", COPY), declared("desk", COPY, sides="shop"))]
    assert [each.partition(" is copied by ")[0] for each in found] == [
        "spec.parity: ConfigMap shop-blue/app",
        "spec.parity: ConfigMap shop-green/app",
    ]


@pytest.mark.parametrize("other", [COPY, COPY.replace("app", "web"), COPY.replace(", sync: copy", "")])
def test_the_same_name_elsewhere_and_what_is_only_compared_is_no_matter(other: str) -> None:
    sides = "" if other == COPY else "shop"
    assert [*written_by_both(declared("shop", COPY), declared("desk", other, sides=sides))] == []

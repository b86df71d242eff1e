"""Which database the pods of a side are started for, and what says that one would work on another than the live one."""

from __future__ import annotations

import pytest

from flipgate.core.gates.database import Database
from flipgate.core.record.clones import begun
from flipgate.core.spec.application import Application
from flipgate.core.values.base import but
from flipgate.core.values.place import Place
from flipgate.core.workloads.pointed import databases_for, mark_for, not_on_live
from flipgate.core.workloads.view import DATABASES, SideState, read_switch, read_workload
from tests.core.builders import GREEN, NOW, deployment, shop

COPY = begun("orders", "orders_a_1", "a-1", GREEN, NOW)


def application(*services: str) -> Application:
    clone = {"live": "orders", "create": {"command": ["c"]}, "drop": {"command": ["d"]}, "configMap": "which"}
    told = {"name": "orders", "version": {"command": ["v"]}, "expand": {"command": ["e"]}}
    found = Database.model_validate({**told, "clone": {**clone, "services": services}})
    usual = shop()
    return but(usual, spec=but(usual.spec, databases=(found,)))


def side(value: str | None, mark: str = "", **status: int) -> SideState:
    obj = deployment("web", **status)
    if mark:
        obj["spec"]["template"].setdefault("metadata", {})["annotations"] = {DATABASES: mark}
    data = {} if value is None else {"database": value}
    pointer = read_switch("which", "database", "shop-green", {"metadata": {}, "data": data})
    web = read_workload("web", "shop-green", obj)
    return SideState(Place(GREEN, "shop-green"), {"web": web}, {}, {"orders": pointer})


def test_a_copy_stands_in_the_place_of_the_live_one() -> None:
    assert databases_for(application(), [COPY]) == {"orders": "orders_a_1"}
    assert databases_for(application(), []) == {"orders": "orders"}


def test_pods_are_marked_whose_service_reads_it_and_where_they_ever_were_on_another() -> None:
    web, marked = (side("orders", mark).workloads["web"] for mark in ("", "orders=orders_a_1"))
    assert mark_for(application(), web, {"orders": "orders_a_1"}) == "orders=orders_a_1"
    assert mark_for(application("mailer"), web, {"orders": "orders_a_1"}) == ""
    assert mark_for(application(), web, {"orders": "orders"}) == "", "they were started for the live one"
    assert mark_for(application(), marked, {"orders": "orders"}) == "orders=orders"


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (side("orders"), ""),
        (side("orders", "orders=orders"), ""),
        (side("orders_a_1"), "says orders_a_1, and not orders"),
        (side(None), "says None, and not orders"),
        (side("orders", "orders=orders_a_1"), "were started for orders=orders_a_1"),
    ],
)
def test_what_works_on_another_is_named(found: SideState, why: str) -> None:
    assert why in not_on_live(application(), found)
    assert bool(not_on_live(application(), found)) is bool(why)

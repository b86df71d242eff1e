"""What a file may say of a database: shared, copied for each release, or one for each side."""

from __future__ import annotations

import pytest

from flipgate.core.spec.application import Application, load_application
from flipgate.core.values.base import but
from flipgate.core.values.errors import BadInput
from flipgate.core.values.sides import Side
from tests.core.builders import SHOP

USUAL = "{name: orders, version: {command: [v]}, expand: {command: [e]}}"

AGAIN = "{template: {spec: {restartPolicy: OnFailure, containers: [{name: a, image: 'acme/migrate:1'}]}}}"


CLONE = "clone: {live: orders, create: {command: [c]}, drop: {command: [d]}, configMap: which}"
OWN = "stop: {command: [s]}, carry: {command: [c]}, lag: {command: [l]}, allow: {command: [a]}"
PER_SIDE = f"perSide: {{blue: orders_blue, green: orders_green, {OWN}}}"


def with_more(*keys: str) -> str:
    return f"{USUAL.removesuffix('}')}, {', '.join(keys)}}}"


def declaring(*databases: str) -> Application:
    lines = "".join(f"    - {each}\n" for each in databases)
    return load_application(f"{SHOP}  databases:\n{lines}", "shop.yaml")


def test_its_programs_are_tasks_named_after_it_and_what_they_do() -> None:
    whole = "version: {command: [v]}, expand: {workload: web, run: [migrate, up]}, backup: {command: [b], name: age}"
    found = declaring(f"{{name: orders, {whole}}}")
    assert [task.name for task in found.spec.tasks] == ["orders-version", "orders-expand", "age"]
    assert {task.noun for task in found.spec.tasks} == {"migration"}
    backup = found.database("orders").backup
    assert backup
    assert backup.within_hours == 24


def test_what_a_copy_is_called_fits_into_a_name_of_postgresql() -> None:
    clone = declaring(with_more(CLONE)).database("orders").clone
    assert clone
    assert clone.name_for("7dd79d14e926-1") == "orders_7dd79d14e926_1"
    long = but(clone, live="o" * 63).name_for("7dd79d14e926-1")
    assert (len(long), long[-15:]) == (63, "_7dd79d14e926_1")


def test_programs_are_told_which_database_is_live_for_a_side() -> None:
    usual = declaring(USUAL).database("orders")
    copied = declaring(with_more(CLONE)).database("orders")
    own = declaring(with_more(PER_SIDE)).database("orders")
    assert (usual.told(Side.BLUE), copied.told(Side.BLUE)) == ({}, {"DATABASE": "orders"})
    assert [own.told(side)["DATABASE"] for side in Side] == ["orders_blue", "orders_green"]
    names = [task.name for task in declaring(with_more(PER_SIDE)).spec.tasks]
    assert names == [f"orders-{verb}" for verb in ("version", "expand", "stop", "carry", "lag", "allow")]


@pytest.mark.parametrize(
    ("databases", "fact"),
    [
        ([USUAL, USUAL], "named more than once: orders"),
        (["{name: orders, expand: {command: [e]}}"], "version: is required, and missing"),
        ([USUAL.replace("[e]}", "[e], job: {}}")], "template.spec.containers"),
        (
            [USUAL.replace("command: [e]", f"job: {AGAIN}")],
            "restartPolicy OnFailure, by which what failed is tried again in the same pod",
        ),
        ([USUAL.replace("command: [e]", "timeoutSeconds: 5")], "needs exactly one of command, job, workload"),
        ([USUAL.replace("command: [e]", "workload: wbe, run: [up]")], 'unknown service "wbe"; did you mean "web"'),
        ([with_more(CLONE, PER_SIDE)], "has clone and perSide"),
        ([with_more(PER_SIDE, "down: {command: [d]}")], "a side's own and has down"),
        ([with_more(PER_SIDE.replace("_green", "_blue"))], 'has "orders_blue" for both sides'),
        ([with_more(CLONE.replace("which", "which, services: [wbe]"))], 'did you mean "web"'),
        ([USUAL.replace("orders", "o" * 31)], "at most 30 characters"),
        ([USUAL.replace("orders", f"orders-{n}") for n in range(6)], "at most 5"),
    ],
)
def test_what_cannot_be_meant_is_refused(databases: list[str], fact: str) -> None:
    with pytest.raises(BadInput, match=fact):
        declaring(*databases)


def test_a_database_that_is_not_declared_is_named_with_the_nearest() -> None:
    with pytest.raises(BadInput, match='unknown database "order"; did you mean "orders"'):
        declaring(USUAL).database("order")


def test_a_job_that_asks_to_be_tried_again_is_and_those_that_only_look_go_sooner() -> None:
    again = AGAIN.replace("{template", "{backoffLimit: 2, template")
    looking = "backup: {command: [b]}, down: {command: [d]}"
    orders = declaring(f"{{name: orders, version: {{command: [v]}}, expand: {{job: {again}}}, {looking}}}").database(
        "orders"
    )
    assert {task.name: task.kept_seconds for task in orders.programs} == {
        "orders-version": 600,
        "orders-expand": 86_400,
        "orders-down": 86_400,
        "orders-backup": 600,
    }

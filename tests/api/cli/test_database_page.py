"""docs/database.md, followed: its commands in their order, and its SQL, on a real API server and a real PostgreSQL."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from flipgate.cli import VERBS
from flipgate.core.gates.migration import Version, read_version
from flipgate.core.record.phases import Phase
from flipgate.core.spec.application import load_application
from flipgate.core.values.reasons import Why
from lab.machine.paths import CHECKOUT
from tests.api.migrating import Orders, expanded, settled
from tests.api.shop import Shop
from tests.api.steps import users_complain
from tests.core.builders import SHOP
from tests.postgres import program

pytestmark = pytest.mark.xdist_group("postgres")
PAGE = (CHECKOUT / "docs" / "database.md").read_text()
TIMES = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC|\d+\.\d h|[0-9a-f]{12}-\d")


def blocks(kind: str, heading: str = "") -> list[str]:
    """The page's blocks of a kind, in one of its sections or in all."""
    text = re.split(rf"^###? {heading}$", PAGE, flags=re.MULTILINE)[1] if heading else PAGE
    text = re.split(r"^###? ", text, flags=re.MULTILINE)[0] if heading else text
    return re.findall(rf"^```{kind}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def types(shop: Shop, folder: Path, commands: str) -> str:
    typed = folder / "bin" / "flipgate"
    typed.parent.mkdir(exist_ok=True)
    typed.write_text(f'#!/bin/sh\nexec {sys.executable} -m flipgate.cli "$@" -n {shop.own}\n')
    typed.chmod(0o755)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", re.sub(r"\bshop\b", shop.name, commands)],
        env={
            "PATH": f"{typed.parent}:{os.environ['PATH']}",
            "KUBECONFIG": str(shop.kubeconfig),
            "FLIPGATE_COMMANDS": os.environ["FLIPGATE_COMMANDS"],
            "HOME": str(folder),
            "USER": "you",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        cwd=CHECKOUT,
    )
    assert done.returncode == 0, f"{commands}\n{done.stdout}"
    return done.stdout.replace(shop.name, "shop")


def test_who_types_what_the_page_says_gets_what_it_says(shop: Shop, orders: Orders, tmp_path: Path) -> None:
    world = settled(expanded(shop, orders, Phase.LIVE))
    (look,), (asked,) = blocks("sh", "The ledger"), blocks("text", "The ledger")
    said = types(shop, tmp_path, look)
    assert TIMES.sub("T", said) == TIMES.sub("T", asked)
    (first, then), (shown,) = blocks("sh", "Contract"), blocks("text", "Contract")
    said = types(shop, tmp_path, first)
    assert [
        TIMES.sub("T", line) for line in shown.splitlines() if TIMES.sub("T", line) not in TIMES.sub("T", said)
    ] == []
    types(shop, tmp_path, then)
    assert orders.version == "14"
    assert world.store.read().migrations[0].state == "contracted"


def test_so_does_who_takes_an_expansion_back(shop: Shop, orders: Orders, tmp_path: Path) -> None:
    expanded(shop, orders, Phase.DARK)
    users_complain(shop)
    (commands,) = blocks("sh", "Taking an expansion back")
    types(shop, tmp_path, commands)
    assert orders.version == "12"


@pytest.mark.parametrize("heading", ["Shared", "A copy for each release", "One for each side"])
def test_its_file_can_be_declared(heading: str) -> None:
    (text,) = blocks("yaml", heading)
    document = yaml.safe_load(SHOP)
    document["spec"] |= yaml.safe_load(text)["spec"]
    assert [each.name for each in load_application(yaml.safe_dump(document), "shop.yaml").spec.databases] == ["orders"]


def test_its_sql_says_how_golang_migrate_leaves_a_database(orders: Orders) -> None:
    (sql,) = blocks("sql", "golang-migrate")
    assert read_version(orders.sql(sql)) == Version("12")
    orders.sql("UPDATE schema_migrations SET version = 13, dirty = true")
    assert read_version(orders.sql(sql)) == Version("13", dirty=True)


def test_its_sql_says_how_flyway_leaves_a_database(orders: Orders) -> None:
    (sql,) = blocks("sql", "Flyway")
    orders.sql(
        "CREATE TABLE flyway_schema_history (installed_rank int, version varchar(50), success boolean NOT NULL);"
        "INSERT INTO flyway_schema_history VALUES (1, '1', true), (2, '2.1', true), (3, NULL, true)"
    )
    assert read_version(orders.sql(sql)) == Version("2.1")
    orders.sql("INSERT INTO flyway_schema_history VALUES (4, '2.2', false)")
    assert read_version(orders.sql(sql)) == Version("2.2", dirty=True)


def _runs(orders: Orders, folder: Path, script: str, **told: str) -> str:
    """One of the page's programs, as a worker runs it, on this test's database."""
    bin_folder = program("psql").parent
    environment = {"PATH": f"{bin_folder}:{os.environ['PATH']}", "TMPDIR": str(folder), "PGUSER": "postgres"}
    environment |= {"PGHOST": str(orders.postgres.socket)} | {f"FLIPGATE_{key}": value for key, value in told.items()}
    words = ["sh", "-c", re.sub(r"\borders\b", orders.name, script)]
    ran = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, f"{script}\n{ran.stderr}"
    return ran.stdout


def test_its_programs_make_a_copy_once_and_drop_it(orders: Orders, tmp_path: Path) -> None:
    make, drop = blocks("sh", "A copy for each release")
    orders.sql("INSERT INTO orders VALUES (1, 10), (2, 20)")
    name = f"{orders.name}_1"
    orders.postgres.psql("postgres", f"CREATE DATABASE half_{name}")  # of one that was killed
    for _ in range(2):
        _runs(orders, tmp_path, make, DATABASE=name)
    assert orders.postgres.psql(name, "SELECT count(*) FROM orders") == "2"
    for _ in range(2):
        _runs(orders, tmp_path, drop, DATABASE=name)
    like = f"SELECT count(*) FROM pg_database WHERE datname LIKE '%{name}'"
    assert orders.postgres.psql("postgres", like) == "0"


def test_its_program_stops_writes_and_is_let_go_as_it_says(orders: Orders, tmp_path: Path) -> None:
    (stop,) = blocks("sh", "One for each side")
    _runs(orders, tmp_path, stop, DATABASE=orders.name)
    with pytest.raises(subprocess.CalledProcessError):
        orders.sql("INSERT INTO orders VALUES (1, 10)")
    let_go = stop.replace("SET default_transaction_read_only = on", "RESET default_transaction_read_only")
    assert "`RESET default_transaction_read_only`" in PAGE
    _runs(orders, tmp_path, let_go, DATABASE=orders.name)
    orders.sql("INSERT INTO orders VALUES (1, 10)")


def test_its_reasons_and_verbs_are_ours() -> None:
    words = set(re.findall(r"`([A-Z][a-z]+(?:[A-Z][a-z]+)+)`", PAGE))
    assert words <= set(Why), words - set(Why)
    assert set(re.findall(r"flipgate ([a-z-]+) (?:APP|shop)", PAGE)) <= set(VERBS)

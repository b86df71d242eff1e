"""The shop's orders, on a copy of which each release comes up; and somebody who writes to the live ones all along."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from subprocess import CalledProcessError

from flipgate.core.spec.application import load_application
from flipgate.core.values.sides import Side
from tests.api.migrating import ADD, BEGUN, DONE, VERSION, Orders
from tests.api.shop import Shop
from tests.postgres import program
from tests.repeating import repeating

CONFIG_MAP = "orders-database"


def declare_clone(shop: Shop, orders: Orders) -> None:
    """The shop's file with that database, a copy of which each release comes up on; its web pods read which."""
    shop.text = f"""{shop.text}\
  databases:
    - name: orders
      version: {{command: [version]}}
      expand: {{command: [expand], timeoutSeconds: 60}}
      clone:
        live: {orders.name}
        create: {{command: [copy], timeoutSeconds: 60}}
        drop: {{command: [drop], timeoutSeconds: 60}}
        configMap: {CONFIG_MAP}
        services: [web]
"""
    shop.application = load_application(shop.text, "shop.yaml")
    shop.patch(f"{shop.config_maps}/application-{shop.name}", ("add", "/data/application.yaml", shop.text))
    for side in Side:
        point(shop, side, orders.name)
    install(orders)


def point(shop: Shop, side: Side, database: str) -> None:
    """The ConfigMap of a side, which says that."""
    data = {"database": database, "pool": "20"}
    path = f"/api/v1/namespaces/{shop.namespace(side)}/configmaps"
    shop.cluster.create(path, {"metadata": {"name": CONFIG_MAP}, "data": data})


def pointed(shop: Shop, side: Side) -> str:
    """What it says now."""
    found = shop.cluster.get(f"/api/v1/namespaces/{shop.namespace(side)}/configmaps/{CONFIG_MAP}")
    assert found["data"]["pool"] == "20"
    return str(found["data"]["database"])


def install(orders: Orders) -> None:
    """Its programs, which ask whichever database they are told. A copy is made under another name first: one that is
    killed half way is not taken for whole."""
    where = f"-h {orders.postgres.socket} -U postgres"
    psql = f'{program("psql")} {where} -v ON_ERROR_STOP=1 -Atq -d "$FLIPGATE_DATABASE"'
    server = f"{program('psql')} {where} -v ON_ERROR_STOP=1 -Atq -d postgres"
    orders.put("version", f'{psql} -c "{VERSION}"')
    orders.put(
        "expand",
        f'[ -n "$({psql} -c "SELECT 1 FROM schema_migrations WHERE version = 13")" ] && exit 0\n'
        f'{psql} -c "{BEGUN.format(to=13)}" -c "{ADD}" -c "{DONE}"',
    )
    orders.put(
        "copy",
        f"""set -e
[ -n "$({server} -c "SELECT 1 FROM pg_database WHERE datname = '$FLIPGATE_DATABASE'")" ] && exit 0
half="half_$FLIPGATE_DATABASE"
{server} -c "DROP DATABASE IF EXISTS $half" -c "CREATE DATABASE $half"
{program("pg_dump")} {where} -f "$TMPDIR/dump" {orders.name}
{program("psql")} {where} -v ON_ERROR_STOP=1 -qo /dev/null -d "$half" -f "$TMPDIR/dump"
{server} -c "ALTER DATABASE $half RENAME TO $FLIPGATE_DATABASE"
""",
    )
    orders.put("drop", f'{server} -c "DROP DATABASE IF EXISTS $FLIPGATE_DATABASE WITH (FORCE)"')


@dataclass
class Writing:
    """What was written by somebody who writes all along: the rows that the database said yes to."""

    done: list[int] = field(default_factory=list)
    refused: int = 0


@contextmanager
def writing(orders: Orders, database: str, first: int = 1) -> Iterator[Writing]:
    """One row after the other into this database, each in a transaction of its own, while the block runs."""
    found, numbers, lock = Writing(), count(first), threading.Lock()

    def one() -> None:
        number = next(numbers)
        try:
            orders.postgres.psql(database, f"INSERT INTO orders (id) VALUES ({number})")
        except CalledProcessError:
            found.refused += 1
            return
        with lock:
            found.done.append(number)

    with repeating(one):
        yield found


def rows(orders: Orders, database: str) -> list[int]:
    """The rows that a database has."""
    return [int(each) for each in orders.postgres.psql(database, "SELECT id FROM orders ORDER BY id").split()]


def declare_per_side(shop: Shop, orders: Orders) -> dict[Side, str]:
    """The shop's file with a database of each side's own: blue's is that which there is, green's has what that has."""
    names = {Side.BLUE: orders.name, Side.GREEN: f"{orders.name}_green"}
    orders.postgres.psql("postgres", f"CREATE DATABASE {names[Side.GREEN]} TEMPLATE {orders.name}")
    shop.text = f"""{shop.text}\
  databases:
    - name: orders
      version: {{command: [version]}}
      expand: {{command: [expand], timeoutSeconds: 60}}
      perSide:
        blue: {names[Side.BLUE]}
        green: {names[Side.GREEN]}
        stop: {{command: [stop]}}
        carry: {{command: [carry]}}
        lag: {{command: [lag]}}
        allow: {{command: [allow]}}
"""
    shop.application = load_application(shop.text, "shop.yaml")
    shop.patch(f"{shop.config_maps}/application-{shop.name}", ("add", "/data/application.yaml", shop.text))
    install(orders)
    install_carrying(orders)
    return names


def install_carrying(orders: Orders) -> None:
    """Its programs. Who is connected when a database is stopped, or let go, is sent away: a session keeps what it began
    with."""
    where = f"-h {orders.postgres.socket} -U postgres -v ON_ERROR_STOP=1 -Atq"
    server, at = f"{program('psql')} {where} -d postgres", f"{program('psql')} {where} -d"
    others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '$FLIPGATE_DATABASE'"
    orders.put(
        "stop",
        f'{server} -c "ALTER DATABASE $FLIPGATE_DATABASE SET default_transaction_read_only = on" -c "{others}"',
    )
    orders.put(
        "allow", f'{server} -c "ALTER DATABASE $FLIPGATE_DATABASE RESET default_transaction_read_only" -c "{others}"'
    )
    orders.put(
        "carry",
        f"""set -e
{at} "$FLIPGATE_FROM" -c "COPY orders (id) TO STDOUT" > "$TMPDIR/rows"
export PGOPTIONS="-c default_transaction_read_only=off"
{at} "$FLIPGATE_DATABASE" -c "CREATE TEMP TABLE fresh (id int)" -c "COPY fresh FROM STDIN" \\
  -c "INSERT INTO orders (id) SELECT id FROM fresh ON CONFLICT DO NOTHING" < "$TMPDIR/rows"
""",
    )
    orders.put(
        "lag",
        f"""set -e
{at} "$FLIPGATE_FROM" -c "SELECT id FROM orders" | sort > "$TMPDIR/from"
{at} "$FLIPGATE_DATABASE" -c "SELECT id FROM orders" | sort > "$TMPDIR/to"
comm -23 "$TMPDIR/from" "$TMPDIR/to" | wc -l
""",
    )


@contextmanager
def users_writing(shop: Shop, orders: Orders, names: dict[Side, str]) -> Iterator[Writing]:
    """Users, who write where the live route leads them, all along."""
    found, numbers = Writing(), count(1)

    def one() -> None:
        number = next(numbers)
        (side,) = shop.where()
        try:
            orders.postgres.psql(names[Side(side)], f"INSERT INTO orders (id) VALUES ({number})")
        except CalledProcessError:
            found.refused += 1
        else:
            found.done.append(number)

    with repeating(one):
        yield found

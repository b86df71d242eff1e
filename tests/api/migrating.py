"""A shop whose orders are in a real PostgreSQL, migrated as golang-migrate does: a table of one row that says the
version, and whether a migration to it stopped half way."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from flipgate.core.record import ledger
from flipgate.core.record import record as records
from flipgate.core.record.phases import Phase, Reason
from flipgate.core.record.record import Record
from flipgate.core.spec.application import load_application
from flipgate.core.values.base import but
from flipgate.steps.acting.world import World
from tests.api.shop import BLUE, Shop
from tests.postgres import Postgres, program

DATABASES = """\
  databases:
    - name: orders
      version: {command: [version]}
      expand: {command: [expand], timeoutSeconds: 60}
      contract: {command: [contract], timeoutSeconds: 60}
      down: {command: [down], timeoutSeconds: 60}
      backup: {command: [backup], withinHours: 12}
"""
VERSION = "SELECT version || CASE WHEN dirty THEN ' (dirty)' ELSE '' END FROM schema_migrations"
BEGUN = "UPDATE schema_migrations SET version = {to}, dirty = true"
DONE = "UPDATE schema_migrations SET dirty = false"
ADD = "ALTER TABLE orders ADD COLUMN total int"
DROP = "ALTER TABLE orders DROP COLUMN legacy_id"
TAKE_BACK = "ALTER TABLE orders DROP COLUMN total"


@dataclass
class Orders:
    """The database, and the operator's folder with the programs that migrate it."""

    postgres: Postgres
    folder: Path
    name: str

    @classmethod
    def install(cls, postgres: Postgres, folder: Path) -> Orders:
        """A database at version 12, which an expansion takes to 13 and a contract to 14; backed up just now."""
        orders = cls(postgres, folder, postgres.new_database())
        orders.sql("CREATE TABLE schema_migrations (version bigint NOT NULL, dirty boolean NOT NULL)")
        orders.sql("INSERT INTO schema_migrations VALUES (12, false)")
        orders.sql("CREATE TABLE orders (id int PRIMARY KEY, legacy_id int)")
        folder.mkdir(mode=0o755)
        orders.put("version", orders.asking(VERSION))
        orders.put("expand", orders.migrating(13, ADD))
        orders.put("contract", orders.migrating(14, DROP))
        orders.put("down", orders.migrating(12, TAKE_BACK))
        orders.put("backup", "date -u +%Y-%m-%dT%H:%M:%SZ")
        return orders

    def sql(self, text: str) -> str:
        return self.postgres.psql(self.name, text)

    @property
    def version(self) -> str:
        return self.sql(VERSION)

    @property
    def columns(self) -> list[str]:
        return self.sql(
            "SELECT column_name FROM information_schema.columns WHERE table_name = 'orders' ORDER BY ordinal_position"
        ).split()

    def asking(self, *statements: str) -> str:
        """A line of a program that has the database run these, one after the other, up to the first that it refuses."""
        words = f"{program('psql')} -h {self.postgres.socket} -U postgres -d {self.name} -v ON_ERROR_STOP=1 -Atq"
        return " ".join([words, *(f'-c "{each}"' for each in statements)])

    def migrating(self, to: int, statement: str) -> str:
        """A program that migrates to this version, unless the database is there or beyond; a contract and a way down
        are the same."""
        at = self.asking(f"SELECT 1 FROM schema_migrations WHERE version = {to}")
        return f'[ -n "$({at})" ] && exit 0\n{self.asking(BEGUN.format(to=to), statement, DONE)}'

    def put(self, name: str, script: str) -> None:
        """The program does this from now on, and leaves a line that it ran."""
        file = self.folder / name
        file.write_text(f"#!/bin/sh\necho {name} >> {self.folder}/../ran\n{script}\n")
        file.chmod(0o755)

    @property
    def ran(self) -> list[str]:
        """The programs that were run, in their order, without those that only look."""
        file = self.folder.parent / "ran"
        lines = file.read_text().split() if file.exists() else []
        return [line for line in lines if line not in ("version", "backup")]


def declare(shop: Shop) -> None:
    """The shop's file, with that database."""
    shop.text = f"{shop.text}{DATABASES}"
    shop.application = load_application(shop.text, "shop.yaml")
    shop.patch(f"{shop.config_maps}/application-{shop.name}", ("add", "/data/application.yaml", shop.text))


def expanded(shop: Shop, orders: Orders, until: Phase) -> World:
    """The shop with a release of which this is the phase, and which has expanded the database."""
    declare(shop)
    world = shop.gone_live("pipeline", until=until)
    subprocess.run([str(orders.folder / "expand")], check=True)
    release = world.store.read().release
    assert release
    began = release.changes[0].at - timedelta(minutes=1)

    def change(record: Record) -> Record:
        adopted = but(record.sides[BLUE], since=began - timedelta(days=1))
        noted = ledger.expanding(records.occupied(record, BLUE, adopted), "orders", release.name, "12", "ci", began)
        return ledger.expanded(noted, "orders", release.name, "13")

    world.store.update(change)
    return world


def settled(world: World) -> World:
    """The same once it has settled, by the record: the old side's pods are left as they are."""

    def change(record: Record) -> Record:
        for phase, reason in ((Phase.SETTLING, Reason.SETTLE_APPROVED), (Phase.SETTLED, Reason.OLD_SIDE_AT_REST)):
            record = records.advance(record, phase, reason, world.now(), actor="pipeline")
        return but(record, outbox=())

    world.store.update(change)
    return world

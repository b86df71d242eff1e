"""Databases are expanded before a release's first pod, on a real PostgreSQL: what fails, is killed, or stops half way
ends the release with the database's own words, and no pod of it has come up."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from flipgate.adapters import programs
from flipgate.core.gates.hooks import Hook
from flipgate.core.gates.preflight import before_bring_up
from flipgate.core.record.phases import Phase
from flipgate.core.values.base import but
from flipgate.core.values.errors import Refused
from flipgate.core.values.verdicts import Evidence
from flipgate.steps.acting.world import World
from flipgate.steps.going_back.recover import recover
from flipgate.steps.going_back.roll_back import roll_back
from flipgate.steps.releasing.foresee import foresee
from flipgate.steps.releasing.migrate import expand
from flipgate.steps.releasing.note_dark import note_dark
from flipgate.steps.releasing.settle import failing
from lab.machine.paths import CHECKOUT
from tests import dying
from tests.api.migrating import ADD, BEGUN, Orders
from tests.api.shop import COUNTS, GREEN, Shop, opened, under_lease
from tests.api.steps import refusing

pytestmark = pytest.mark.xdist_group("postgres")
AT_REST = dict.fromkeys(COUNTS, 0)


def expanded(world: World, tag: str = "2") -> list[Evidence]:
    """A release of this tag, opened (or found), and the databases expanded for it as its run does."""
    release = opened(world, tag)
    with world.acting() as acting, failing(acting, release):
        return expand(acting, release)


def ledger(world: World) -> list[tuple[str, str, str]]:
    return [(each.before, each.after, each.state) for each in world.store.read().migrations]


def test_it_runs_before_the_first_pod_and_the_ledger_says_what_it_did(
    shop: Shop, migrated: World, orders: Orders
) -> None:
    found = expanded(migrated)
    assert orders.columns == ["id", "legacy_id", "total"]
    assert shop.counts(GREEN) == AT_REST
    assert [(each.gate, each.verdict) for each in found] == [
        ("orders: version before", "pass"),
        ("orders: expand", "pass"),
        ("orders: version after expand", "pass"),
    ]
    assert found[1].answer.startswith("from 12 to 13; exit code 0")
    assert ledger(migrated) == [("12", "13", "expanded")]
    record = migrated.store.read()
    assert record.release
    (judged,) = record.release.judgements
    assert (judged.step, len(judged.proofs)) == ("expand", 3)
    shown = list(before_bring_up(record.release, migrated.now()))
    assert [each.gate for each in shown] == [each.gate for each in found]
    assert "ago, before the first pod: from 12 to 13" in shown[1].answer


def test_what_is_expanded_already_has_nothing_to_do_and_leaves_no_entry(migrated: World, orders: Orders) -> None:
    expanded(migrated)
    roll_back(migrated, "another build", by="ana")
    found = expanded(migrated, "3")
    assert found[1].answer.startswith("at 13: nothing to do")
    assert ledger(migrated) == [("12", "13", "expanded")]


def test_who_only_asks_what_a_deploy_would_do_is_told(migrated: World, orders: Orders) -> None:
    assert foresee(migrated, {"web": "shop/web:2"}).notes == ("database orders is expanded first: expand",)
    assert orders.ran == []


def test_a_release_that_is_dark_is_not_expanded_again(migrated: World, orders: Orders) -> None:
    release = opened(migrated)
    under_lease(migrated, expand, release)
    under_lease(migrated, note_dark, release, [])
    assert under_lease(migrated, expand, release) == []
    assert orders.ran == ["expand"]


def test_one_that_fails_ends_the_release_with_the_databases_own_words(
    shop: Shop, migrated: World, orders: Orders
) -> None:
    orders.put("expand", orders.asking("ALTER TABLE order ADD COLUMN total int"))
    with refusing("MigrationFailed", "still at 12: exit code 1.*syntax error at or near") as refused:
        expanded(migrated)
    assert refused.value.next_command.startswith(f"flipgate deploy {shop.name} --image mailer=shop/mailer:1")
    record = migrated.store.read()
    assert record.last
    assert (record.last.phase, record.last.changes[-1].reason) == (Phase.FAILED, "MigrationFailed")
    assert "syntax error at or near" in record.last.changes[-1].message
    assert [judged.step for judged in record.last.judgements] == ["expand"]
    assert (ledger(migrated), shop.counts(GREEN), shop.where()) == ([], AT_REST, ("blue",))


def test_half_applied_it_fails_and_nothing_runs_on_it_until_a_person_has_put_it_right(
    shop: Shop, migrated: World, orders: Orders
) -> None:
    orders.put("expand", orders.asking(BEGUN.format(to=13), "ALTER TABLE nowhere ADD COLUMN total int"))
    with refusing("MigrationFailed", r"the database is at 13 \(dirty\): .*nowhere"):
        expanded(migrated)
    assert ledger(migrated) == [("12", "13 (dirty)", "expanded")]

    orders.put("expand", orders.migrating(13, ADD))
    with refusing("DatabaseDirty", r"orders: version before: 13 \(dirty\). No migration was run: .*its own tool"):
        expanded(migrated)
    assert orders.ran == ["expand"], "the first time alone"
    assert migrated.store.read().phase is Phase.SETTLED

    orders.sql("UPDATE schema_migrations SET version = 12, dirty = false")
    expanded(migrated)
    assert ledger(migrated) == [("12", "13", "expanded")]
    assert shop.counts(GREEN) == AT_REST


def test_where_nobody_can_say_the_version_nothing_is_run(migrated: World, orders: Orders) -> None:
    orders.put("version", "echo connection refused; exit 1")
    with refusing("MigrationFailed", "the version is not known: exit code 1.*connection refused. No migration was run"):
        expanded(migrated)
    assert orders.ran == []


def test_a_dirty_one_is_found_before_any_hook_runs(migrated: World, orders: Orders) -> None:
    from tests.api.played import played

    orders.sql("UPDATE schema_migrations SET dirty = true")
    orders.put("hook", "true")
    hook = Hook.model_validate({"name": "warm", "at": "before-bring-up", "command": ["hook"]})
    migrated.application = but(migrated.application, spec=but(migrated.application.spec, hooks=(hook,)))
    with played(migrated) as flows, refusing("DatabaseDirty"):
        flows.deploy_dark(migrated.application.name, {"web": "shop/web:2"})
    assert orders.ran == []


def test_one_that_ends_well_and_leaves_it_dirty_has_failed(migrated: World, orders: Orders) -> None:
    orders.put("expand", orders.asking(BEGUN.format(to=13)))
    with refusing("MigrationFailed", r"from 12 to 13 \(dirty\), half applied"):
        expanded(migrated)


@pytest.mark.parametrize(("edge", "at"), [("begun", "12"), ("done", "13")])
def test_killed_it_is_closed_as_undone_and_who_goes_on_reads_the_version_first(
    shop: Shop, migrated: World, orders: Orders, edge: str, at: str
) -> None:
    opened(migrated)
    _die(shop, edge)
    assert orders.version == at
    entry = migrated.store.read().open_entry
    assert entry
    assert (entry.step, entry.intent) == ("ExpandDatabase", {"side": "green", "database": "orders", "before": "12"})

    assert recover(migrated).pipeline == "deploy-dark"
    assert migrated.store.read().open_entry is None
    found = expanded(migrated)
    assert (orders.version, ledger(migrated)) == ("13", [("12", "13", "expanded")])
    assert found[0].answer == at


def test_killed_half_way_it_is_never_run_again_by_itself(shop: Shop, migrated: World, orders: Orders) -> None:
    opened(migrated)
    orders.put("expand", f"{orders.asking(BEGUN.format(to=13))}\nkill -9 $PPID")
    _die(shop, "none")
    assert orders.version == "13 (dirty)"
    recover(migrated)
    with pytest.raises(Refused, match="No migration was run") as refused:
        expanded(migrated)
    assert (refused.value.reason, orders.ran) == ("DatabaseDirty", ["expand"])


def test_reconcile_leaves_a_migration_alone_whose_run_is_at_work(
    shop: Shop, migrated: World, orders: Orders, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes an hour, and reconcile would be refused each time: people were told that nobody looks any more."""
    found, facts = programs.run, list[str]()

    def meanwhile(program: Path, *given: Any, **more: Any) -> Any:
        if program.name == "expand":
            facts.append(recover(shop.world("reconcile")).fact)
        return found(program, *given, **more)

    monkeypatch.setattr(programs, "run", meanwhile)
    expanded(migrated)
    (fact,) = facts
    assert fact.startswith("ExpandDatabase goes on: entry ")
    assert ledger(migrated) == [("12", "13", "expanded")]


def _die(shop: Shop, edge: str) -> None:
    """The pipeline expands in a process of its own, which is killed at this edge (or by the migration itself)."""
    words = [sys.executable, "-m", "tests.api.pipeline", str(shop.kubeconfig), shop.own, shop.name, "expand"]
    environment = {**os.environ, **dying.at("ExpandDatabase", edge)}
    ended = subprocess.run(words, cwd=CHECKOUT, env=environment, capture_output=True, text=True, timeout=300)
    assert ended.returncode == -signal.SIGKILL, ended.stderr


def test_pods_come_up_after_it(migrated: World, orders: Orders, tmp_path: Path) -> None:
    from tests.api.played import played

    orders.put("expand", "echo the disk is full; exit 1")
    with played(migrated) as flows, pytest.raises(Refused, match="the disk is full"):
        flows.deploy_dark(migrated.application.name, {"web": "shop/web:2"})
    assert [entry.step for entry in migrated.store.read().journal if entry.step == "BringUp"] == []

"""A database is contracted on a person's word, once nobody can go back, and an expansion is taken back on request: on a
real PostgreSQL."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest
from click.testing import CliRunner, Result

from flipgate.cli import cli
from flipgate.core.record.phases import Phase, QuestionKind
from flipgate.core.record.planned import lines_of
from flipgate.core.record.record import Record
from flipgate.core.spec.policy import Approver
from flipgate.core.values.base import but
from flipgate.core.values.errors import BadInput
from flipgate.core.values.who import Speaker
from flipgate.steps.acting.world import World
from flipgate.steps.going_back.recover import recover
from flipgate.steps.going_back.roll_back import roll_back
from flipgate.steps.releasing.contract_database import contract_database, revert
from flipgate.steps.releasing.freeze import freeze
from flipgate.steps.releasing.planned import MIGRATIONS
from flipgate.steps.releasing.questions import pose
from lab.machine.paths import CHECKOUT
from tests.api.migrating import BEGUN, TAKE_BACK, Orders, expanded, settled
from tests.api.shop import BLUE, COUNTS, GREEN, Shop
from tests.api.steps import refusing, status
from tests.core.builders import ANA, declaring

pytestmark = pytest.mark.xdist_group("postgres")


@pytest.fixture
def live(shop: Shop, orders: Orders) -> World:
    """The shop with a release live on green that has expanded the database; users can go back to blue."""
    return expanded(shop, orders, Phase.LIVE)


@pytest.fixture
def at_rest(live: World) -> World:
    """The same once that has settled."""
    return settled(live)


def typed(shop: Shop, *words: str) -> Result:
    where = ["--kubeconfig", str(shop.kubeconfig), "-n", shop.own]
    return CliRunner().invoke(cli, [*words, *where], prog_name="flipgate")


@pytest.mark.parametrize("phase", [Phase.BAKING, Phase.LIVE])
def test_never_while_users_can_go_back(shop: Shop, orders: Orders, phase: Phase) -> None:
    world = expanded(shop, orders, phase)
    with refusing("WayBackOpen", f"is `{phase}`: users can go back to blue"):
        contract_database(world, "orders", "the column goes", by=ANA)
    assert orders.ran == ["expand"]
    assert world.store.read().sides[BLUE].contracted is None


def test_it_takes_away_what_the_old_code_needed_and_the_way_back_to_it(
    shop: Shop, at_rest: World, orders: Orders
) -> None:
    done = contract_database(at_rest, "orders", "the column goes", by=ANA)
    assert (done.done, done.closes) == (True, BLUE)
    assert orders.columns == ["id", "total"]
    record = at_rest.store.read()
    (entry,) = record.migrations
    assert (entry.state, entry.ended_as, entry.ended_by) == ("contracted", "14", ANA.name)
    closed = record.sides[BLUE].contracted
    assert closed
    assert closed.reason == "contract of database orders was begun: the column goes"
    begun, told = record.journal[-2:]
    assert (begun.step, begun.state, told.step) == ("ContractDatabase", "done", "Contract")
    assert begun.outcome.startswith("orders from 13 to 14; exit code 0")
    assert begun.outcome.endswith(f"{ANA.name}: the column goes")
    with refusing("ContractMigrationDone"):
        roll_back(at_rest, "back", by="ana", to=BLUE)
    with refusing("NothingToMigrate"):
        contract_database(at_rest, "orders", "again", by=ANA)


def test_the_way_back_is_closed_before_the_first_statement(shop: Shop, at_rest: World, orders: Orders) -> None:
    """Killed as the migration begins: nobody is sent back, whatever it has done; and it can be run to its end."""
    orders.put("contract", "kill -9 $PPID")
    _die(shop)
    record = at_rest.store.read()
    assert record.open_entry
    assert record.open_entry.step == "ContractDatabase"
    assert record.sides[BLUE].contracted
    assert orders.version == "13"
    recover(at_rest)
    assert at_rest.store.read().open_entry is None
    with refusing("ContractMigrationDone"):
        roll_back(at_rest, "back", by="ana", to=BLUE)
    orders.put("contract", orders.migrating(14, "ALTER TABLE orders DROP COLUMN legacy_id"))
    assert contract_database(at_rest, "orders", "once more", by=ANA).done
    assert (orders.version, at_rest.store.read().migrations[0].state) == ("14", "contracted")


def test_one_that_fails_says_the_databases_own_words_and_the_way_back_stays_closed(
    at_rest: World, orders: Orders
) -> None:
    orders.put("contract", orders.asking(BEGUN.format(to=14), "ALTER TABLE orders DROP COLUMN nowhere"))
    with refusing("MigrationFailed", r"the database is at 14 \(dirty\): .*nowhere") as refused:
        contract_database(at_rest, "orders", "the column goes", by=ANA)
    assert refused.value.untouched.endswith("the way back to blue stays closed")
    record = at_rest.store.read()
    assert record.sides[BLUE].contracted
    assert (record.migrations[0].state, record.open_entry) == ("expanded", None)
    with refusing("DatabaseDirty"):
        contract_database(at_rest, "orders", "again", by=ANA)
    assert orders.ran == ["expand", "contract"]


@pytest.mark.parametrize(
    ("says", "match"),
    [
        ("echo 2020-01-01T00:00:00Z", "made 2020-01-01 00:00 UTC, .* h ago .wanted not older than 12 h"),
        ("echo nobody knows", "the last line says nobody knows"),
        ("exit 1", "when it was made is not known: exit code 1"),
    ],
)
def test_never_without_a_backup_that_is_young_enough(at_rest: World, orders: Orders, says: str, match: str) -> None:
    orders.put("backup", says)
    with refusing("BackupTooOld", match):
        contract_database(at_rest, "orders", "the column goes", by=ANA)
    assert (orders.ran, at_rest.store.read().sides[BLUE].contracted) == (["expand"], None)


def test_it_is_for_who_may_approve(at_rest: World, orders: Orders) -> None:
    at_rest.application = declaring(at_rest.application, policy={"approvers": (Approver(user="ben"),)})
    with refusing("NotAnApprover"):
        contract_database(at_rest, "orders", "the column goes", by=ANA)
    with refusing("SelfDeclared"):
        contract_database(at_rest, "orders", "the column goes", by=Speaker("ben"))
    assert contract_database(at_rest, "orders", "", by=ANA, dry_run=True).done is False
    assert orders.ran == ["expand"]


def test_a_freeze_holds_it_back(at_rest: World, orders: Orders) -> None:
    freeze(at_rest, "an outage", by=ANA)
    with refusing("Frozen"):
        contract_database(at_rest, "orders", "the column goes", by=ANA)


def test_asked_first_it_shows_what_it_ends_and_changes_nothing(shop: Shop, at_rest: World, orders: Orders) -> None:
    shown = typed(shop, "contract", shop.name, "--database", "orders", "--dry-run")
    assert shown.exit_code == 0, shown.output
    assert "ledger: info: orders: 12 to 13 by release" in shown.output
    assert "orders: version now: pass: 13" in shown.output
    assert "orders: backup: pass: made " in shown.output
    assert "nothing was changed; nobody goes back to blue from then on. Next: flipgate contract" in shown.output
    assert at_rest.store.read().sides[BLUE].contracted is None
    done = typed(shop, "contract", shop.name, "--database", "orders", "--reason", "the column goes")
    assert done.exit_code == 0, done.output
    assert "contract of database orders" in done.output
    assert orders.version == "14"


def test_what_is_not_declared_is_not_run(shop: Shop, at_rest: World) -> None:
    with pytest.raises(BadInput, match='unknown database "users"'):
        contract_database(at_rest, "users", "the column goes", by=ANA)
    with pytest.raises(BadInput, match="needs a reason"):
        contract_database(at_rest, "orders", " ", by=ANA)


def test_an_expansion_is_never_taken_back_while_pods_need_it(at_rest: World, orders: Orders) -> None:
    with refusing("SchemaNeeded", "^database orders of shop-.*green runs release"):
        revert(at_rest, "orders", "given up", by=ANA)
    assert orders.ran == ["expand"]


def test_on_request_it_is_taken_back_once_its_code_is_at_rest(shop: Shop, orders: Orders) -> None:
    world = expanded(shop, orders, Phase.DARK)
    with refusing("ReleaseOpen"):
        revert(world, "orders", "given up", by=ANA)
    roll_back(world, "given up", by="ana")
    assert shop.counts(GREEN) == dict.fromkeys(COUNTS, 0)
    shown = typed(shop, "revert", shop.name, "--database", "orders", "--dry-run")
    assert (shown.exit_code, orders.version) == (0, "13"), shown.output
    done = typed(shop, "revert", shop.name, "--database", "orders", "--reason", "given up")
    assert done.exit_code == 0, done.output
    assert orders.columns == ["id", "legacy_id"]
    (entry,) = world.store.read().migrations
    assert (entry.state, entry.ended_as) == ("reverted", "12")
    with refusing("NothingToMigrate"):
        revert(world, "orders", "again", by=ANA)


def test_a_way_down_that_changes_nothing_has_failed(shop: Shop, orders: Orders) -> None:
    world = expanded(shop, orders, Phase.DARK)
    roll_back(world, "given up", by="ana")
    orders.put("down", "true")
    with refusing("MigrationFailed", "is at 13 as before, so its way down has changed nothing"):
        revert(world, "orders", "given up", by=ANA)
    assert world.store.read().migrations[0].state == "expanded"


@pytest.mark.parametrize("to", [11, 14])
def test_a_way_down_that_comes_to_another_version_has_failed(shop: Shop, orders: Orders, to: int) -> None:
    """One step of several, say, or one too many: the ledger says what is so."""
    world = expanded(shop, orders, Phase.DARK)
    roll_back(world, "given up", by="ana")
    orders.put("down", orders.migrating(to, TAKE_BACK))
    with refusing("MigrationFailed", f"is at {to}: it is taken back once it is at 12, where it was before orders: 12"):
        revert(world, "orders", "given up", by=ANA)
    record = world.store.read()
    assert (record.migrations[0].state, record.open_entry) == ("expanded", None)


def test_an_expansion_that_was_killed_before_it_did_anything_has_no_way_down(shop: Shop, orders: Orders) -> None:
    """Its entry stands in the ledger, and the database is as before: `down` would take back what users need."""
    world = expanded(shop, orders, Phase.DARK)
    roll_back(world, "given up", by="ana")
    orders.sql("UPDATE schema_migrations SET version = 12")
    orders.put("down", orders.migrating(11, "ALTER TABLE orders DROP COLUMN legacy_id"))

    def killed(record: Record) -> Record:
        return but(record, migrations=tuple(but(each, after="") for each in record.migrations))

    world.store.update(killed)
    for dry_run in (True, False):
        with refusing("NothingToMigrate", "is at 12, as it was before"):
            revert(world, "orders", "given up", by=ANA, dry_run=dry_run)
    assert (orders.ran, orders.version) == (["expand"], "12")
    assert "legacy_id" in orders.columns


def _die(shop: Shop) -> None:
    """Somebody types it, and their terminal dies with the migration."""
    words = [sys.executable, "-m", "flipgate.cli", "contract", shop.name, "--database", "orders", "--reason", "it goes"]
    where = ["--kubeconfig", str(shop.kubeconfig), "-n", shop.own]
    ended = subprocess.run([*words, *where], cwd=CHECKOUT, capture_output=True, text=True, timeout=300)
    assert ended.returncode == -signal.SIGKILL, ended.stderr


@pytest.mark.parametrize(("until", "kind"), [(Phase.DARK, QuestionKind.FLIP), (Phase.LIVE, QuestionKind.SCALE_DOWN)])
def test_both_questions_show_what_is_done_and_what_is_to_come(
    shop: Shop, orders: Orders, until: Phase, kind: QuestionKind
) -> None:
    world = expanded(shop, orders, until)
    pose(world, kind, [])
    asked = world.store.read().question
    assert asked
    done, to_come = lines_of(asked.plan, MIGRATIONS)
    assert done.startswith("done: orders: 12 to 13 by release ")
    assert to_come.endswith(f"the contract of orders (flipgate contract {shop.name} --database orders)")
    assert "Database    orders: 12 to 13" in status(shop, shop.name)

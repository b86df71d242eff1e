"""The ledger of migrations: which release expanded what, and what is still to be contracted."""

from __future__ import annotations

from functools import reduce

from flipgate.core.record.ledger import (
    LEDGER_KEPT,
    MigrationState,
    contracted,
    expanded,
    expanding,
    reverted,
    to_contract,
)
from flipgate.core.record.phases import Phase, Reason
from flipgate.core.record.record import Record, advance, open_release
from tests.core.builders import NOW, at, record, release


def grown(now: Record, release_name: str, before: str, after: str, database: str = "orders") -> Record:
    """An expansion from its beginning to its end."""
    return expanded(expanding(now, database, release_name, before, "ci", NOW), database, release_name, after)


def versions(now: Record) -> list[tuple[str, str, str, str]]:
    return [(each.release, each.before, each.after, each.state) for each in now.migrations]


def test_it_says_which_release_expanded_what() -> None:
    assert versions(grown(record(), "a-1", "12", "13")) == [("a-1", "12", "13", "expanded")]


def test_what_changed_nothing_leaves_no_entry() -> None:
    assert grown(record(), "a-1", "12", "12").migrations == ()


def test_it_outlives_its_release() -> None:
    opened = grown(open_release(record(), release(), NOW), release().name, "12", "13")
    ended = advance(opened, Phase.FAILED, Reason.CHECKS_FAILED, NOW, actor="ci")
    assert ended.release is None
    assert [each.after for each in to_contract(ended)] == ["13"]


def test_a_run_that_goes_on_after_a_killed_one_keeps_where_that_began() -> None:
    killed = expanding(record(), "orders", "a-1", "12", "ci", NOW)
    assert "from" not in str(killed.migrations[0]), killed.migrations[0]
    assert "a version that nobody has read since" in str(killed.migrations[0])
    again = expanding(killed, "orders", "a-1", "13", "ci", at(60))
    assert versions(expanded(again, "orders", "a-1", "14")) == [("a-1", "12", "14", "expanded")]


def test_what_a_killed_run_of_another_release_left_is_read_by_the_next() -> None:
    killed = expanding(record(), "orders", "a-1", "12", "ci", NOW)
    assert versions(grown(killed, "b-1", "13", "14")) == [
        ("a-1", "12", "13", "expanded"),
        ("b-1", "13", "14", "expanded"),
    ]
    assert versions(grown(killed, "b-1", "12", "14")) == [("b-1", "12", "14", "expanded")], "it had done nothing"


def test_what_stopped_half_way_comes_to_where_a_person_has_put_it() -> None:
    dirty = grown(record(), "a-1", "12", "13 (dirty)")
    assert [each.after for each in to_contract(dirty)] == ["13 (dirty)"]
    assert versions(grown(dirty, "b-1", "12", "14")) == [("b-1", "12", "14", "expanded")], "put back"
    assert [each.after for each in grown(dirty, "b-1", "13", "14").migrations] == ["13", "14"], "made whole"


def test_databases_have_nothing_to_do_with_each_other() -> None:
    both = grown(grown(record(), "a-1", "12", "13"), "a-1", "4", "5", "users")
    done = contracted(both, "orders", "14", "ana", NOW)
    assert [each.database for each in to_contract(done)] == ["users"]
    assert [each.database for each in to_contract(both, "orders")] == ["orders"]


def test_a_contract_ends_all_that_is_open_and_says_who_and_when() -> None:
    two = grown(grown(record(), "a-1", "12", "13"), "b-1", "13", "14")
    done = contracted(two, "orders", "15", "ana", at(60))
    assert to_contract(done) == ()
    assert {each.state for each in done.migrations} == {MigrationState.CONTRACTED}
    assert str(done.migrations[0]).endswith("; contracted to 15, 2026-03-01 12:01 UTC by ana")


def test_one_that_is_taken_back_leaves_the_others() -> None:
    two = grown(grown(record(), "a-1", "12", "13"), "b-1", "13", "14")
    done = reverted(two, two.migrations[1], "13", "ana", NOW)
    assert versions(done) == [("a-1", "12", "13", "expanded"), ("b-1", "13", "14", "reverted")]
    assert versions(grown(done, "b-1", "13", "14"))[2] == ("b-1", "13", "14", "expanded"), "it may be done anew"


def test_it_is_bounded_and_what_is_still_to_be_contracted_stays() -> None:
    first = contracted(grown(record(), "a-0", "0", "1"), "orders", "1", "ana", NOW)
    full = reduce(lambda now, n: grown(now, f"a-{n}", str(n), str(n + 1)), range(1, LEDGER_KEPT + 1), first)
    assert len(full.migrations) == LEDGER_KEPT
    assert {each.state for each in full.migrations} == {MigrationState.EXPANDED}
    assert grown(full, "b-1", "90", "91").migrations[0].release == "a-2", "then the oldest goes"

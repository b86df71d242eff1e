"""What people see of the ledger of databases: in `status`, in the story of a release, and as a line of a plan."""

from __future__ import annotations

from datetime import datetime

from flipgate.cli._story import Found, as_data
from flipgate.cli._story_text import lines
from flipgate.core.record.ledger import Migration, contracted, done_and_to_come
from tests.core.builders import LIVE, NOW, at, record, release
from tests.core.cli.looks import data, facts, text

GROWN = Migration(database="orders", release="3f2a9c01d4e8-1", before="12", after="13", at=NOW, by="ci")
SAID = "orders: 12 to 13 by release 3f2a9c01d4e8-1, 2026-03-01 12:00 UTC"
OPEN = record(release=release(*LIVE), migrations=(GROWN,))
DONE = contracted(OPEN, "orders", "14", "ana", at(60))


def test_status_shows_what_is_still_to_be_contracted() -> None:
    assert f"Database    {SAID}" in text(facts(OPEN))
    assert "Database" not in text(facts(DONE))
    assert f"Database    {SAID}; contracted to 14" in text(facts(DONE), wide=True)


def test_its_data_has_all_of_the_ledger() -> None:
    (told,) = data(facts(DONE))["migrations"]
    assert (told["database"], told["before"], told["after"], told["state"]) == ("orders", "12", "13", "contracted")
    assert (told["endedAs"], told["endedBy"]) == ("14", "ana")
    assert told["text"].startswith(SAID)
    assert data(facts(None))["migrations"] == []


def test_the_story_of_a_release_has_its_own() -> None:
    found = Found(release(*LIVE), (), migrations=(GROWN,))
    told = as_data("shop", found, datetime.now(NOW.tzinfo))
    assert [each["text"] for each in told["migrations"]] == [SAID]
    assert any(line.endswith(SAID) and "Database" in line for line in lines(told, wide=False))


def test_a_plan_says_what_is_done_and_what_is_to_come() -> None:
    assert list(done_and_to_come(OPEN, {"orders"})) == [
        f"done: {SAID}",
        "to come, once nobody is to go back: the contract of orders (flipgate contract shop --database orders)",
    ]
    assert list(done_and_to_come(OPEN, ())) == [f"done: {SAID}"], "where the file declares no contract"
    assert list(done_and_to_come(DONE, {"orders"})) == []

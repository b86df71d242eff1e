"""Whether a database may be contracted, or its expansion be taken back, by the code that has pods."""

from __future__ import annotations

import pytest

from flipgate.core.record.ledger import Migration, contracted
from flipgate.core.record.occupant import Occupant
from flipgate.core.record.phases import Phase
from flipgate.core.record.record import Record
from flipgate.core.values.base import but
from flipgate.core.way_back.migrations import need_applied, need_contractible, need_revertible
from tests.core.builders import BAKING, BLUE, DARK, GREEN, LIVE, NOW, RUN, at, record, refuses, release

GROWN = Migration(database="orders", release="b-1", before="12", after="13", at=at(60), by="ci")
OLD, NEW, LATER, COPIED = (
    Occupant(release=name, images=RUN, since=at(when))
    for name, when in (("a-1", 0), ("b-1", 90), ("c-1", 200), ("b-1", 30))
)
"""The last came up on a copy: the live database was expanded for it after that."""


def expanded(blue: Occupant = OLD, green: Occupant = NEW, **facts: object) -> Record:
    """Blue was live when a release on green expanded the database, and came up there."""
    return record(migrations=(GROWN,), sides={BLUE: blue, GREEN: green}, active=GREEN, **facts)


@pytest.mark.parametrize("live", [NEW, LATER, COPIED], ids=["its own", "a later one", "its own, up before"])
def test_it_may_be_contracted_once_users_are_on_the_code_that_needs_it_for_good(live: Occupant) -> None:
    assert need_contractible(expanded(green=live), "orders", GREEN) == (GROWN,)


@pytest.mark.parametrize("phases", [BAKING, LIVE, (*LIVE, Phase.SETTLING), (*LIVE, Phase.ROLLING_BACK)])
def test_never_while_the_way_back_is_open(phases: tuple[Phase, ...]) -> None:
    with refuses("WayBackOpen", "users can go back to blue"):
        need_contractible(expanded(release=release(*phases)), "orders", GREEN)


@pytest.mark.parametrize("phases", [DARK[:1], DARK])
def test_never_while_a_release_is_under_way(phases: tuple[Phase, ...]) -> None:
    under_way = expanded(release=release(*phases))
    with refuses("ReleaseOpen"):
        need_contractible(under_way, "orders", GREEN)
    with refuses("ReleaseOpen"):
        need_revertible(under_way, "orders", ())


def test_never_under_code_that_is_older_than_the_expansion() -> None:
    with refuses("SchemaNeeded", "users are on release a-1, which is older than orders: 12 to 13 by release b-1"):
        need_contractible(expanded(), "orders", BLUE)


def test_never_under_code_that_nobody_knows() -> None:
    with refuses("SchemaNeeded", "green was adopted"):
        need_contractible(expanded(green=Occupant(images=RUN, since=at(200))), "orders", GREEN)


def test_what_is_not_open_is_neither_contracted_nor_taken_back() -> None:
    done = contracted(expanded(), "orders", "14", "ana", NOW)
    with refuses("NothingToMigrate"):
        need_contractible(done, "orders", GREEN)
    with refuses("NothingToMigrate"):
        need_revertible(done, "orders", ())
    with refuses("NothingToMigrate"):
        need_contractible(expanded(), "users", GREEN)


def test_an_expansion_is_taken_back_where_only_older_code_has_pods() -> None:
    assert need_revertible(expanded(), "orders", (BLUE,)) == GROWN


@pytest.mark.parametrize("runs", [NEW, LATER, COPIED, Occupant(images=RUN, since=at(200))])
def test_never_while_code_that_came_after_it_has_pods(runs: Occupant) -> None:
    with refuses("SchemaNeeded", "is needed by code that has pods: green runs release"):
        need_revertible(expanded(green=runs), "orders", (BLUE, GREEN))
    assert need_revertible(expanded(green=runs), "orders", (BLUE,)) == GROWN


def test_a_way_down_takes_back_just_what_the_ledger_says() -> None:
    """One that was killed before it did anything is in the ledger all the same: what would go is what users need."""
    killed = but(GROWN, after="")
    need_applied(GROWN, "13")
    need_applied(killed, "13")
    for each in (GROWN, killed):
        with refuses("NothingToMigrate", "is at 12, as it was before orders: 12 to"):
            need_applied(each, "12")
    with refuses("SchemaNeeded", "is at 14, and .* ended at 13"):
        need_applied(GROWN, "14")

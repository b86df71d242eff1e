"""Which copies of databases are noted, which of them nobody needs, and which databases are to take writes again."""

from __future__ import annotations

from flipgate.core.record import clones
from flipgate.core.record import stopped_databases as stopped
from flipgate.core.record.phases import Phase
from flipgate.core.values.base import but
from tests.core.builders import BLUE, GREEN, NOW, record, release

ONE = clones.begun("orders", "orders_a_1", "a-1", GREEN, NOW)
OTHER = clones.begun("orders", "orders_b_1", "b-1", GREEN, NOW)
BLUES = clones.begun("orders", "orders_c_1", "c-1", BLUE, NOW)


def test_a_copy_is_noted_once_and_forgotten_alone() -> None:
    noted = clones.making(clones.making(record(), ONE), OTHER)
    assert clones.making(noted, ONE) == noted
    assert clones.gone(noted, ONE).clones == (OTHER,)


def test_a_release_has_its_own_and_those_before_it_on_its_side_are_in_its_way() -> None:
    noted = but(record(), clones=(ONE, OTHER, BLUES))
    assert clones.of_release(noted, "a-1", ["orders"]) == (ONE,)
    assert clones.of_release(noted, "a-1", []) == ()
    assert clones.in_the_way(noted, GREEN, "a-1") == (OTHER,)


def test_what_a_release_under_way_or_a_side_works_on_is_not_left_behind() -> None:
    coming = release(Phase.DEPLOYING)
    own = clones.begun("orders", "orders_own", coming.name, GREEN, NOW)
    noted = but(record(release=coming), clones=(own, OTHER, BLUES))
    assert clones.left_behind(noted, ["orders_c_1"]) == (OTHER,)
    assert clones.left_behind(but(noted, release=None), ["orders_c_1"]) == (own, OTHER)


def test_a_database_is_let_go_where_users_are_and_nowhere_else() -> None:
    noted = stopped.stopping(record(), "orders", "orders_blue", BLUE, NOW)
    assert stopped.stopping(stopped.was_told(noted, "orders_blue"), "orders", "orders_blue", BLUE, NOW) == noted
    assert [each.name for each in stopped.to_let_go(noted, BLUE)] == ["orders_blue"]
    assert stopped.to_let_go(noted, GREEN) == stopped.to_let_go(noted, None) == ()
    assert [each.told for each in stopped.was_told(noted, "orders_blue").stopped] == [True]
    assert stopped.let_go(noted, "orders_blue").stopped == ()

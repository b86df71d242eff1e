"""The way back needs the API server and nothing else: not the record, not Traefik, not a quiet cluster."""

from __future__ import annotations

from pathlib import Path

import pytest

from flipgate.adapters.lease import Lease
from flipgate.core.record.phases import Phase
from flipgate.core.record.record import SCHEMA_VERSION, EntryState
from flipgate.core.values.base import but
from flipgate.core.values.errors import BadInput, LostLease, NotFound, Refused
from flipgate.steps.acting.world import World, utc_now
from flipgate.steps.going_back.roll_back import roll_back
from flipgate.steps.going_back.unrecorded import finish_unrecorded, left_unrecorded
from flipgate.steps.looking.look import look, need_dark
from flipgate.steps.moving.rest import rest
from flipgate.steps.releasing.setup import check_application
from tests.api.meddling import Overtaken
from tests.api.shop import BLUE, COUNTS, GREEN, Shop, under_lease
from tests.api.steps import refusing, unreadable, users_complain
from tests.api.users import grant, user
from tests.repeating import repeating

NEWER = f'{{"schema": {SCHEMA_VERSION + 1}}}'


def test_all_users_go_back_and_the_workers_once_without_a_traefik_to_ask_and_it_is_remembered(
    shop: Shop, live: World
) -> None:
    shop.scale(BLUE, "mailer", 0)
    shop.scale(GREEN, "mailer", 1)
    with shop.playing_ready():
        done = users_complain(shop)
        with refusing("NoWayBack", "nothing to go back from"):
            roll_back(shop.world("ben"), "me too", by="ben")
    assert (done.way, done.to, done.recorded) == ("fast", BLUE, True)
    assert shop.where() == ("blue",)
    assert (shop.counts(BLUE)["mailer"], shop.counts(GREEN)["mailer"]) == (1, 0)
    record = live.store.read()
    assert (record.phase, record.active, record.open_entry) == (Phase.ROLLED_BACK, BLUE, None)
    assert "ana: users complain" in live.store.history()[0].changes[-1].message

    (note,) = done.notes
    assert note.startswith(f"not proven: Traefik in namespace {shop.own}: no running pod matches")
    assert done.first_old_answer_ms is None

    assert all(entry.state is not EntryState.BEGUN for entry in record.journal), "who came later joined it"


def test_with_the_record_unreadable_the_routes_and_the_sides_decide_and_none_is_emptied(
    shop: Shop, live: World
) -> None:
    """Which texts cannot be read is in tests/core/record/test_schema.py."""
    view = look(live)
    dark = need_dark(live, view)
    with unreadable(shop, NEWER):
        done = users_complain(shop)
        assert shop.record_text() == NEWER
    assert (done.way, done.to, done.recorded) == ("fast", BLUE, False)
    assert shop.where() == ("blue",)
    assert done.notes[0].startswith("unrecorded: ")
    assert any(note.startswith("not proven: ") for note in done.notes)

    with pytest.raises(Refused, match="may be live again"):
        under_lease(live, rest, view, dark)
    assert shop.counts(BLUE) == COUNTS


def test_unrecorded_and_the_other_side_not_up_or_the_routes_split_needs_a_persons_word(shop: Shop, live: World) -> None:
    shop.write_record("garbled")
    shop.play_ready(BLUE, "web", ready=0)
    with pytest.raises(Refused, match=r"blue is not Ready: web 0 of 1.*green has \d Ready pods") as refused:
        users_complain(shop)
    assert (refused.value.reason, shop.where()) == ("WayBackNotReady", ("green",))
    assert f"kubectl -n {shop.namespace(BLUE)} get pods" in refused.value.next_command
    assert "--to blue --reason ... (brings it up first)" in refused.value.next_command
    back = users_complain(shop, to=BLUE, patience_seconds=0.1)
    assert back.recorded is False
    assert shop.where() == ("blue",)

    shop.cluster.delete(shop.route_path())
    shop.add_route("live", BLUE, GREEN)
    with refusing("RoutesSplit", "--to SIDE"):
        users_complain(shop)


def test_neither_a_garbled_history_nor_an_unrelated_writer_on_the_route_holds_anything_up(
    shop: Shop, live: World
) -> None:
    labels = {"flipgate.dev/application": shop.name, "flipgate.dev/kind": "release"}
    meta = {"name": f"release-{shop.name}-old", "labels": labels}
    shop.cluster.create(shop.config_maps, {"metadata": meta, "data": {"release.json": "{"}})
    with shop.playing_ready(), repeating(shop.annotate):
        done = users_complain(shop)
    assert (shop.where(), done.recorded, done.way) == (("blue",), True, "fast")


def test_it_takes_over_at_once_from_a_run_that_is_acting_and_again_from_one_that_overtook_it(
    shop: Shop, live: World
) -> None:
    ana = shop.world("ana")
    ana.store = Overtaken(ana.store, Lease(shop.cluster, shop.own, shop.name, "pipeline", utc_now))
    with live.acting() as acting, shop.playing_ready():
        done = roll_back(ana, "users complain", by="ana")
        assert (done.recorded, done.seconds < 5) == (True, True)
        with pytest.raises(LostLease):
            acting.world.store.update(lambda record: but(record, threads={"late": "late"}))
    assert (shop.where(), live.store.read().phase) == (("blue",), Phase.ROLLED_BACK)


def test_the_old_side_is_scaled_up_first_when_it_is_at_rest(shop: Shop, live: World) -> None:
    view = look(live)
    under_lease(live, rest, view, need_dark(live, view))
    shop.play_ready(BLUE)
    done = users_complain(shop, shop.play_all_ready)
    assert done.way == "slow"
    assert shop.counts(BLUE) == COUNTS
    assert shop.where() == ("blue",)


def test_a_reason_is_needed_and_something_to_go_back_from(shop: Shop) -> None:
    with pytest.raises(NotFound, match="flipgate adopt"):
        roll_back(shop.world(), "because", by="ana")
    world = shop.adopted()
    with pytest.raises(BadInput, match="needs a reason"):
        roll_back(world, "  ", by="ana")
    with pytest.raises(Refused, match="no release is open, traffic on blue"):
        roll_back(world, "because", by="ana")
    assert shop.where() == ("blue",)


def test_without_rights_on_the_lease_users_go_back_unrecorded(shop: Shop, live: World, tmp_path: Path) -> None:
    robot = user(shop, tmp_path)
    grant(shop, [each for each in check_application(robot, shop.application, shop.own) if "leases" not in each])
    with shop.playing_ready():
        done = roll_back(shop.world("robot", robot), "users complain", by="robot")
    assert (done.to, done.recorded, shop.where()) == (BLUE, False, ("blue",))
    assert "leases" in done.notes[0]
    assert live.store.read().phase is Phase.LIVE


ODD = "caf\udce9 " + "é" * 200_000
"""A reason with a byte that is no UTF-8, as Python reads it from the command line, and longer than an annotation is."""


@pytest.mark.parametrize("readable", [True, False], ids=["recorded", "unrecorded"])
def test_a_reason_of_any_bytes_and_any_length_holds_nothing_up(shop: Shop, live: World, readable: bool) -> None:
    text = shop.record_text()
    if not readable:
        shop.write_record("garbled")
    with shop.playing_ready():
        done = roll_back(shop.world("an\udce9"), ODD, by="an\udce9")
        assert (done.to, done.recorded, shop.where()) == (BLUE, readable, ("blue",))
        if not readable:
            shop.write_record(text)
            assert finish_unrecorded(shop.world("reconcile"))[1]
            assert not left_unrecorded(live, look(live)), "and it is written down once"
    record = live.store.read()
    (said,) = [change.message for change in record.releases[0].changes if change.phase is Phase.ROLLING_BACK]
    assert "an?: caf? é" in said
    assert (record.phase, said[-1]) == (Phase.ROLLED_BACK, "…")

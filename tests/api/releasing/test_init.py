"""A first release ever: begun where nothing runs, brought up from the dark side's own Deployments, and no way back."""

from __future__ import annotations

import pytest

from flipgate.cli._status_data import way_back
from flipgate.core.record.intents import REST_SIDE
from flipgate.core.record.phases import Phase, QuestionKind
from flipgate.core.record.record import Decision
from flipgate.core.values.errors import Refused
from flipgate.core.values.sides import Side
from flipgate.core.way_back.next_step import next_step
from flipgate.steps.acting.world import World
from flipgate.steps.going_back.roll_back import roll_back
from flipgate.steps.looking.look import look
from flipgate.steps.moving.hand_over import hand_over_workers
from flipgate.steps.moving.move import move, need_counts
from flipgate.steps.releasing import flip
from flipgate.steps.releasing.bring_up import bring_up, open_release, wait_ready
from flipgate.steps.releasing.questions import decide, pose
from flipgate.steps.releasing.settle import settle
from flipgate.steps.releasing.setup import adopt, init
from flipgate.steps.watching.status import collect
from tests.api.shop import BLUE, COUNTS, GREEN, Shop, advanced, under_lease
from tests.api.steps import refusing
from tests.core.builders import ANA


def empty(shop: Shop, side: Side) -> None:
    """As if nobody had ever installed anything there."""
    for name in COUNTS:
        shop.cluster.delete(f"{shop.deployments(side)}/{name}")


@pytest.fixture
def begun(shop: Shop) -> World:
    """A shop where nothing runs, and never did: blue, which the routes name, is bare."""
    empty(shop, BLUE)
    world = shop.world()
    init(world)
    return world


def test_the_first_record_says_that_nothing_ever_ran(shop: Shop, begun: World) -> None:
    record = begun.store.read()
    assert (record.active, [entry.step for entry in record.journal]) == (BLUE, ["Init"])
    assert not record.ran_on(BLUE)
    assert not record.ran_on(GREEN)
    assert init(shop.world("ben")) == record == adopt(shop.world("ben")), "doing it again changes nothing"


def test_it_begins_where_nothing_serves_routes_are_at_one_side_and_the_other_has_something_to_release(
    shop: Shop,
) -> None:
    world = shop.world()
    with pytest.raises(Refused, match=r"has Ready pods: web 2\.") as refused:
        init(world)
    assert (refused.value.reason, refused.value.next_command) == ("AlreadyRuns", f"flipgate adopt {shop.name}")

    shop.play_ready(BLUE, "web", ready=0)
    assert next_step(collect(world))["command"] == f"flipgate init {shop.name}"
    with refusing("NothingRuns", "no Ready pod of any serving service") as nothing:
        adopt(world)
    assert nothing.value.next_command.startswith(f"flipgate init {shop.name} ")

    empty(shop, BLUE)
    shop.cluster.delete(f"{shop.deployments(GREEN)}/web")
    with refusing("WorkloadMissing", "lacks the Deployments web") as missing:
        init(world)
    assert str(GREEN) in missing.value.obj

    shop.cluster.delete(shop.route_path())
    shop.add_route("live", BLUE, GREEN)
    with refusing("RoutesSplit"):
        init(world)
    assert world.store.find() is None


def test_the_first_release_is_what_the_dark_side_was_installed_with_whatever_stands_idle_on_the_other(
    shop: Shop,
) -> None:
    for name in COUNTS:
        shop.patch(f"{shop.deployments(BLUE)}/{name}", ("replace", "/spec/replicas", 5))
    shop.play_ready(BLUE, ready=0)
    world = shop.world()
    init(world)
    release = open_release(world, {"web": "shop/web:1"}, "ci")
    assert release.side is GREEN
    assert release.images == {"web": "shop/web:1", "mailer": "shop/mailer:1"}
    assert release.wanted == {"web": 2, "mailer": 0}, "the file's counts, not those of blue"
    assert open_release(world, {"web": "shop/web:1"}, "ci").name == release.name


def test_a_first_release_from_its_deploy_to_its_end(shop: Shop, begun: World) -> None:
    release = open_release(begun, {"web": "shop/web:2"}, "ci")
    with shop.playing_ready(), begun.acting() as acting:
        bring_up(acting, release)
        wait_ready(acting, release, timeout_seconds=20)
    shop.play_ready(GREEN, "web", ready=1)
    with pytest.raises(Refused, match=r"too few Ready pods for a first release: web 1 of 2"):
        need_counts(begun, look(begun), GREEN)
    shop.play_ready(GREEN)
    need_counts(begun, look(begun), GREEN)
    with shop.playing_ready(), begun.acting() as acting:
        move(acting, GREEN)
        hand_over_workers(acting, GREEN, timeout_seconds=5)
    advanced(begun, release, Phase.LIVE)

    facts = collect(begun)
    assert way_back(facts) == {"way": "none", "side": None, "services": []}
    assert "rollback" not in next_step(facts)["command"]
    question = pose(begun, QuestionKind.SCALE_DOWN, [])
    assert "no way back" in question.summary
    decide(begun, Decision.APPROVE, by=ANA, via="cli", reason="it soaked")
    settled = under_lease(begun, settle)
    assert "nothing had to be put to rest" in settled.changes[-1].message
    record = begun.store.read()
    assert (record.active, record.phase) == (GREEN, Phase.SETTLED)
    assert REST_SIDE not in [entry.step for entry in record.journal]
    assert shop.counts(GREEN) == COUNTS


def test_who_approves_a_first_release_is_told_that_there_is_no_way_back(begun: World) -> None:
    release = open_release(begun, {"web": "shop/web:2"}, "ci")
    under_lease(begun, bring_up, release)
    advanced(begun, release, Phase.DARK)
    question = pose(begun, QuestionKind.FLIP, [])
    assert "Nothing ever ran on blue: there is no way back." in question.summary
    assert "mailer: nothing to shop/mailer:1" in question.changes


def test_a_first_release_that_is_bad_stays_and_everybody_is_told_of_both(shop: Shop, begun: World) -> None:
    release = open_release(begun, {"web": "shop/web:2"}, "ci")
    advanced(begun, release, Phase.BAKING)
    shop.point("live", shop.namespace(GREEN))
    said: list[str] = []
    begun.say = said.append
    bad = Refused("fail: errors: 5 of 10 answers were errors", obj="bake", reason="BakeFailed")
    with pytest.raises(Refused) as refused, flip.going_back(begun):
        raise bad
    assert (refused.value.reason, refused.value.__cause__) == ("BakeFailed", bad)
    for part in ("5 of 10 answers were errors", "(NoWayBack)", "nothing ever ran on blue"):
        assert part in refused.value.fact
    assert "traffic stays" in refused.value.untouched
    told = [line for line in said if line.startswith(f"{begun.application.name} {release.name} on green")]
    assert len(told) == 1
    assert refused.value.fact in told[0]
    assert (begun.store.read().phase, shop.where()) == (Phase.BAKING, ("green",))


def test_a_first_release_that_nobody_has_seen_can_be_aborted(shop: Shop, begun: World) -> None:
    release = open_release(begun, {"web": "shop/web:2"}, "ci")
    under_lease(begun, bring_up, release)
    assert way_back(collect(begun))["way"] == "abort"
    assert roll_back(begun, "not today", by="ana").way == "abort"
    assert shop.counts(GREEN) == dict.fromkeys(COUNTS, 0)
    again = open_release(begun, {"web": "shop/web:3"}, "ci")
    assert (again.side, again.wanted) == (GREEN, {"web": 2, "mailer": 0})

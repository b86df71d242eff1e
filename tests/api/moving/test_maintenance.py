"""The maintenance flag on the real API server: on while users are moved and watched, off at all other times, whoever
dies, whatever arrives late; and no way back waits for it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from flipgate.core.record import record as records
from flipgate.core.record.intents import SET_MAINTENANCE
from flipgate.core.record.phases import Phase, QuestionKind, Reason
from flipgate.core.record.planned import lines_of
from flipgate.core.spec.application import load_application
from flipgate.core.values.errors import TemporaryError
from flipgate.core.values.reasons import Why
from flipgate.steps.acting.world import World
from flipgate.steps.going_back.recover import recover
from flipgate.steps.looking.look import look
from flipgate.steps.looking.maintenance import maintenance_problems
from flipgate.steps.looking.neighbours import neighbour_problems
from flipgate.steps.moving.maintenance import put_maintenance_right, set_maintenance, take_maintenance_off
from flipgate.steps.releasing.planned import plan_of
from flipgate.steps.releasing.questions import standing
from flipgate.steps.releasing.setup import apply_application
from tests.api.front import fronted
from tests.api.going_back.test_crash import die
from tests.api.late import behind
from tests.api.pipeline import ACTOR
from tests.api.shop import Shop, under_lease
from tests.api.steps import approved, later, refusing, status, users_complain
from tests.api.wire import Answer, Handler, Holding, serving

FLAGS = "flags"


def flagged(shop: Shop, until: Phase = Phase.DARK) -> World:
    """The shop whose file has a flag, with a release as far as this."""
    shop.cluster.create(shop.config_maps, {"metadata": {"name": FLAGS}, "data": {"moving": "no", "other": "1"}})
    key = f"namespace: {shop.own}, configMap: {FLAGS}, key: moving"
    shop.text = f'{shop.text}  maintenance: {{{key}, during: "yes", otherwise: "no"}}\n'
    shop.application = load_application(shop.text, "shop.yaml")
    world = shop.gone_live(ACTOR, until=until)
    world.store.write_application(shop.text)
    return shop.world(ACTOR)


def flag(shop: Shop) -> str:
    found: str = shop.cluster.get(f"{shop.config_maps}/{FLAGS}")["data"]["moving"]
    return found


def say(shop: Shop, value: str) -> None:
    shop.cluster.merge(f"{shop.config_maps}/{FLAGS}", {"data": {"moving": value}})


def advance(world: World, *steps: tuple[Phase, Reason]) -> None:
    for phase, reason in steps:
        world.store.update(lambda r, p=phase, w=reason: records.advance(r, p, w, world.now(), actor="ana"))


MOVED = ((Phase.FLIPPING, Reason.APPROVED), (Phase.BAKING, Reason.TRAFFIC_PROVEN))


@pytest.fixture
def dark(shop: Shop) -> World:
    return flagged(shop)


def test_it_is_set_and_noted_stays_on_while_users_are_watched_and_goes_when_they_stay(shop: Shop, dark: World) -> None:
    under_lease(dark, set_maintenance)
    assert flag(shop) == "yes"
    assert re.search(f"Maintenance +key moving of ConfigMap {shop.own}/{FLAGS} is yes for ", status(shop, shop.name))
    entry = dark.store.read().journal[-1]
    assert (entry.step, entry.intent["value"]) == (SET_MAINTENANCE, "yes")
    advance(dark, *MOVED)
    put_maintenance_right(dark)
    assert flag(shop) == "yes", "nobody takes it off while it is not known whether users stay"
    advance(dark, (Phase.LIVE, Reason.BAKE_PASSED))
    assert under_lease(dark, take_maintenance_off) == ()
    record = dark.store.read()
    assert (flag(shop), record.maintenance, record.journal[-1].step) == ("no", None, Why.MAINTENANCE_OFF)
    assert shop.cluster.get(f"{shop.config_maps}/{FLAGS}")["data"]["other"] == "1"
    under_lease(dark, take_maintenance_off)
    assert dark.store.read().journal == record.journal, "once"


@pytest.mark.parametrize("edge", ["begun", "done"])
def test_whoever_sets_it_and_is_killed_leaves_it_to_who_comes_next(shop: Shop, dark: World, edge: str) -> None:
    die(shop, "maintenance", f"{SET_MAINTENANCE}:{edge}")
    assert flag(shop) == {"begun": "no", "done": "yes"}[edge]
    outcome = recover(dark)
    record = dark.store.read()
    assert (outcome.changed, outcome.pipeline, record.open_entry) == (True, "flip-traffic", None)
    assert (flag(shop), record.maintenance) == ("no", None)


def test_whoever_is_killed_right_after_it_leaves_it_to_reconcile(shop: Shop, dark: World) -> None:
    under_lease(dark, set_maintenance)
    assert flag(shop) == "yes"
    put_maintenance_right(shop.world("reconcile"))
    assert flag(shop) == "no", "nobody was moved"


def test_one_that_is_left_on_for_longer_than_it_may_be_is_taken_off_whatever_the_phase(shop: Shop, dark: World) -> None:
    under_lease(dark, set_maintenance)
    advance(dark, *MOVED)
    put_maintenance_right(later(dark, 3_000))
    assert flag(shop) == "yes"
    put_maintenance_right(later(dark, 3_700))
    assert (flag(shop), dark.store.read().maintenance) == ("no", None)


def test_a_write_that_would_set_it_late_does_nothing(shop: Shop, dark: World, tmp_path: Path) -> None:
    network = Holding(shop.kubeconfig, holds=lambda _, path, __: path.partition("?")[0].endswith(f"configmaps/{FLAGS}"))
    with behind(shop, network, tmp_path) as world, pytest.raises(TemporaryError):
        under_lease(world, set_maintenance)
    assert (flag(shop), len(network.held) > 0) == ("no", True)
    with shop.world("ben").acting(steal=True) as acting:
        take_maintenance_off(acting)
    assert {*network.release()} == {409}
    assert flag(shop) == "no"


def test_what_somebody_else_has_set_is_left_to_them(shop: Shop, dark: World) -> None:
    say(shop, "yes")
    under_lease(dark, set_maintenance)
    assert dark.store.read().maintenance is None
    put_maintenance_right(dark)
    assert flag(shop) == "yes"


def test_what_somebody_has_written_over_it_is_left(shop: Shop, dark: World) -> None:
    under_lease(dark, set_maintenance)
    say(shop, "tonight")
    under_lease(dark, take_maintenance_off)
    assert (flag(shop), dark.store.read().maintenance) == ("tonight", None)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ({"moving": "maybe"}, 'is neither "yes" nor "no"'),
        ({"moving": None}, "has no key moving"),
        (None, "does not exist"),
    ],
)
def test_one_that_cannot_be_set_moves_nobody_and_check_says_so(
    shop: Shop, dark: World, data: dict[str, Any] | None, why: str
) -> None:
    path = f"{shop.config_maps}/{FLAGS}"
    shop.cluster.merge(path, {"data": data}) if data else shop.cluster.delete(path)
    with refusing("MaintenanceNotSet", match=why):
        under_lease(dark, set_maintenance)
    assert dark.store.read().maintenance is None
    (problem,) = maintenance_problems(dark)
    assert (problem.startswith("spec.maintenance: "), why in problem) == (True, True)


def test_apply_and_check_refuse_a_key_that_is_another_applications_too(shop: Shop) -> None:
    key = f"  maintenance: {{namespace: {shop.own}, configMap: {FLAGS}, key: moving}}\n"
    other = shop.text.replace(f"name: {shop.name}}}", "name: desk}") + key
    shop.world().store.of("desk").write_application(other)
    mine = shop.text + key
    with refusing("DeclaredTwice", match=f"key moving of ConfigMap {shop.own}/{FLAGS} is application desk's, too"):
        apply_application(shop.cluster, load_application(mine, "shop.yaml"), mine, shop.own)
    assert shop.world().store.application() == shop.application
    said: list[str] = []
    shop.world().store.of("garbled").write_application("{")
    (problem,) = neighbour_problems(shop.cluster, load_application(mine, "shop.yaml"), shop.own, said.append)
    assert "whether application garbled writes the same is not known" in said[0]
    assert "application desk's, too" in problem
    assert [*neighbour_problems(shop.cluster, load_application(other, "desk.yaml"), shop.own)] == []


@pytest.mark.parametrize("gone", [True, False], ids=["gone", "forbidden"])
def test_a_rollback_neither_waits_for_it_nor_fails_for_it_and_people_are_told(
    shop: Shop, tmp_path: Path, gone: bool
) -> None:
    dark = flagged(shop, until=Phase.LIVE)
    under_lease(dark, set_maintenance)
    through = fronted(shop)

    def script(request: Handler) -> Answer | None:
        if request.path.partition("?")[0].endswith(f"configmaps/{FLAGS}"):
            return 403, b'{"kind": "Status", "message": "forbidden", "reason": "Forbidden", "code": 403}'
        return through(request)

    if gone:
        shop.cluster.delete(f"{shop.config_maps}/{FLAGS}")
    with serving(through if gone else script, tmp_path) as cluster:
        done = users_complain(shop, waiting=shop.play_all_ready, cluster=cluster)
    record = dark.store.read()
    assert (shop.where(), record.phase) == (("blue",), Phase.ROLLED_BACK)
    if gone:
        assert (record.maintenance, done.left) == (None, ())
        return
    assert record.maintenance
    assert record.maintenance.left_on
    assert any("may still be on" in each for each in done.left)
    shown = status(shop, shop.name)
    assert ("could not be taken off" in shown, "--type merge -p" in shown) == (True, True)
    put_maintenance_right(shop.world("reconcile"))
    assert (flag(shop), dark.store.read().maintenance) == ("no", None)


def test_one_of_another_file_that_may_still_be_on_is_not_forgotten(shop: Shop, dark: World, tmp_path: Path) -> None:
    under_lease(dark, set_maintenance)
    through = fronted(shop)

    def script(request: Handler) -> Answer | None:
        if request.path.partition("?")[0].endswith(f"configmaps/{FLAGS}"):
            return 403, b'{"kind": "Status", "message": "forbidden", "reason": "Forbidden", "code": 403}'
        return through(request)

    shop.cluster.create(shop.config_maps, {"metadata": {"name": "banner"}, "data": {"moving": "no"}})
    shop.application = load_application(shop.text.replace(f"configMap: {FLAGS}", "configMap: banner"), "shop.yaml")
    still_on = refusing("MaintenanceNotSet", match=f"ConfigMap {shop.own}/{FLAGS}, may still be on")
    with serving(script, tmp_path) as cluster, still_on:
        under_lease(shop.world(ACTOR, cluster), set_maintenance)
    noted = dark.store.read().maintenance
    assert (noted and noted.config_map, flag(shop)) == (FLAGS, "yes")
    under_lease(shop.world(ACTOR), set_maintenance)
    noted = dark.store.read().maintenance
    assert (noted and noted.config_map, flag(shop)) == ("banner", "no"), "once it was seen off"


def test_a_rollback_takes_it_off_once_users_are_back(shop: Shop, tmp_path: Path) -> None:
    dark = flagged(shop, until=Phase.BAKING)
    under_lease(dark, set_maintenance)
    at: list[tuple[str, ...]] = []
    through = fronted(shop)

    def script(request: Handler) -> Answer | None:
        if request.command == "PATCH" and request.path.partition("?")[0].endswith(f"configmaps/{FLAGS}"):
            at.append(shop.where())
        return through(request)

    with serving(script, tmp_path) as cluster:
        users_complain(shop, waiting=shop.play_all_ready, cluster=cluster)
    assert (flag(shop), at, dark.store.read().phase) == ("no", [("blue",)], Phase.ROLLED_BACK)


def test_an_abort_takes_it_off(shop: Shop, dark: World) -> None:
    under_lease(dark, set_maintenance)
    users_complain(shop, waiting=shop.play_all_ready)
    assert (flag(shop), dark.store.read().maintenance) == ("no", None)


def test_the_question_shows_it_and_a_yes_is_bound_to_it(shop: Shop, dark: World) -> None:
    view, release = look(dark), dark.store.read().release
    assert release
    (line,) = lines_of(plan_of(dark, view, release, QuestionKind.FLIP), "maintenance flag")
    assert line.startswith(f"key moving of ConfigMap {shop.own}/{FLAGS}: yes from right before users move until 300 s")
    approved(dark)
    dark.application = load_application(shop.text.replace("key: moving", "key: other"), "shop.yaml")
    assert standing(dark, QuestionKind.FLIP).reason == "BasisChanged"

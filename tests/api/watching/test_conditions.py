"""The way back through the soak on a real API server: what is noted at the flip, lost, found again, closed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from flipgate.core.gates.proof import Proven, Seen
from flipgate.core.record.conditions import DRIFTED, WAY_BACK_READY, condition_of
from flipgate.core.record.intents import Move
from flipgate.core.record.phases import Phase, Reason
from flipgate.core.record.record import Condition, EntryState, Record
from flipgate.core.traffic.traffic import WAY_BACK
from flipgate.core.values.base import but
from flipgate.core.values.errors import Refused
from flipgate.core.values.verdicts import Evidence, Verdict, combine
from flipgate.core.workloads.render import configuration_hash
from flipgate.steps.acting.outbox import advance
from flipgate.steps.acting.world import World
from flipgate.steps.going_back.recover import recover
from flipgate.steps.going_back.roll_back import roll_back
from flipgate.steps.looking.look import configuration, look_at_side
from flipgate.steps.moving.move import move
from flipgate.steps.releasing.bring_up import bring_up
from flipgate.steps.releasing.contract import contract
from flipgate.steps.releasing.flip import note_live, note_proof
from flipgate.steps.releasing.note_dark import note_dark
from flipgate.steps.releasing.setup import check_application
from flipgate.steps.watching.conditions import note_conditions
from tests.api.authority import journaled
from tests.api.bakes import watched
from tests.api.shop import BLUE, COUNTS, GREEN, IMAGES, Shop, opened, under_lease
from tests.api.telling import heard
from tests.api.users import grant, user
from tests.core.builders import declaring

PROVEN = Proven((Seen("traefik-a", True, 42.0, "HTTP 200 from green"),), 0.1)
BAKED = (Evidence("ready", Verdict.PASS, "pods", "Kubernetes", "all", "all"),)


def flipped(shop: Shop, world: World, tag: str = "2") -> None:
    """A release brought up, moved to, proven, its workers handed over, and live: the dark side's own steps."""
    with world.acting() as acting:
        release = opened(world, tag)
        bring_up(acting, release)
        shop.play_ready(release.side)
        note_dark(acting, release, [])
        advance(world, release.name, Phase.FLIPPING, Reason.APPROVED)
        move(acting, release.side)
        note_proof(acting, release.name, PROVEN)
        shop.scaled(release.side.other, "mailer", 0)
        note_live(acting, release.name, BAKED)


def settings(shop: Shop, value: str) -> None:
    """The ConfigMap that blue's web reads."""
    path = f"/api/v1/namespaces/{shop.name}-blue/configmaps/settings"
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"limit": value}}
    shop.cluster.apply(path, config)


def three_web_of_a_config_map(shop: Shop) -> None:
    """Blue's web, scaled to 3, reads a ConfigMap."""
    settings(shop, "5")
    env = [{"configMapRef": {"name": "settings"}}]
    pods = {"spec": {"containers": [{"name": "web", "image": IMAGES["web"], "envFrom": env}]}}
    shop.scaled(BLUE, "web", 3, template=pods)


@pytest.fixture
def soaking(shop: Shop) -> World:
    """A release live on green; blue, which had been scaled to 3 `web` and reads a ConfigMap, is its way back."""
    three_web_of_a_config_map(shop)
    world = shop.gone_live()
    shop.scaled(BLUE, "mailer", 0)
    carried = {**COUNTS, "web": 3}
    known = configuration_hash(configuration(world.cluster, look_at_side(world, BLUE)))

    def as_left(record: Record) -> Record:
        old = but(record.sides[BLUE], replicas=carried, configuration=known)
        return but(record, sides={**record.sides, BLUE: old})

    world.store.update(as_left)
    return world


@pytest.fixture
def said(soaking: World) -> list[str]:
    """What people hear of the way back."""
    told: list[str] = []
    soaking.say = lambda text: told.append(text) if "the way back to" in text else None
    return told


def found(world: World, kind: str = WAY_BACK_READY) -> Condition:
    """The condition in the record, judged now."""
    note_conditions(world)
    condition = condition_of(world.store.read().conditions, kind)
    assert condition is not None
    return condition


def test_at_the_flip_the_old_side_is_noted_as_it_was_live(shop: Shop, world: World) -> None:
    three_web_of_a_config_map(shop)
    flipped(shop, world)
    sides = world.store.read().sides

    assert sides[BLUE].replicas == {"web": 3, "mailer": 1}, "before its worker was stopped"
    assert sides[BLUE].images["web"] == "shop/web:1"
    assert len(sides[BLUE].configuration) == len(sides[GREEN].configuration) == 16
    assert sides[GREEN].up_seconds is not None
    assert sides[GREEN].up_seconds > 0


def test_brought_up_again_it_is_the_same_occupant_and_who_died_before_the_note_makes_up_for_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = opened(world)
    monkeypatch.setattr("flipgate.steps.releasing.bring_up._note_occupant", lambda *_: None)
    under_lease(world, bring_up, release)
    monkeypatch.undo()
    under_lease(world, bring_up, release)
    assert world.store.read().sides[GREEN].release == release.name

    under_lease(world, note_dark, release, [])
    before = world.store.read().sides[GREEN]
    under_lease(world, bring_up, release)
    assert before.up_seconds is not None
    assert world.store.read().sides[GREEN] == before


def test_judged_by_the_bake_lost_and_found_again_each_is_told_once_in_order(
    shop: Shop, soaking: World, said: list[str]
) -> None:
    soaking.application = declaring(soaking.application, policy={"bake_seconds": 0})
    verdict = combine(watched(soaking).values())
    assert verdict is Verdict.UNKNOWN, "there is no Traefik in this tier"
    open_ = condition_of(soaking.store.read().conditions, WAY_BACK_READY)
    assert open_, "the bake judges it at its end"
    before = shop.version(f"{shop.config_maps}/record-{shop.name}")
    assert (open_.status, open_.reason, found(soaking, DRIFTED).status) == ("True", "WayBackOpen", "False")
    assert shop.version(f"{shop.config_maps}/record-{shop.name}") == before, "nothing changed, nothing is written"

    shop.play_ready(BLUE, "web", ready=2)
    lost = found(soaking)
    assert (lost.status, lost.reason, found(soaking)) == ("False", "NotReady", lost)
    assert f"Deployment {shop.name}-blue/web has 2 of 3 pods Ready" in lost.message

    shop.play_ready(BLUE, "web")
    assert found(soaking).since > lost.since > open_.since
    name = soaking.store.read().release.name  # type: ignore[union-attr]
    assert [text.split(":")[0] for text in said] == [f"{shop.name} {name}"] * 2
    assert "the way back to blue is lost (NotReady)" in said[0]
    assert "the way back to blue is found again, after " in said[1]


def set_image(shop: Shop, tag: int) -> None:
    image = ("replace", "/spec/template/spec/containers/0/image", f"shop/web:{tag}")
    shop.patch(f"{shop.deployments(BLUE)}/web", image)
    shop.play_ready(BLUE, "web")


def quotas(shop: Shop) -> str:
    return f"/api/v1/namespaces/{shop.name}-blue/resourcequotas"


def limit_pods(shop: Shop) -> None:
    """Room for what is up, and not for the worker that a way back starts again."""
    shop.cluster.create(quotas(shop), {"metadata": {"name": "few"}, "spec": {"hard": {"pods": "4"}}})
    used = {"hard": {"pods": "4"}, "used": {"pods": "4"}}
    shop.cluster.merge(f"{quotas(shop)}/few/status", {"status": used})


def autoscalers(shop: Shop) -> str:
    return f"/apis/autoscaling/v2/namespaces/{shop.name}-blue/horizontalpodautoscalers"


def autoscale(shop: Shop) -> None:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    spec = {"scaleTargetRef": target, "maxReplicas": 9}
    shop.cluster.create(autoscalers(shop), {"metadata": {"name": "web"}, "spec": spec})


Deed = Callable[[Shop], None]
DEEDS: list[tuple[str, str, Deed, Deed]] = [
    (
        "ImagesChanged",
        "blue/web has image shop/web:9, was live with shop/web:1",
        lambda shop: set_image(shop, 9),
        lambda shop: set_image(shop, 1),
    ),
    (
        "ConfigurationChanged",
        "blue reads (settings) are not as they were",
        lambda shop: settings(shop, "6"),
        lambda shop: settings(shop, "5"),
    ),
    (
        "QuotaTooSmall",
        "blue/few: pods 4 of 4 used, 1 more wanted (pods missing: mailer 1)",
        limit_pods,
        lambda shop: shop.cluster.delete(f"{quotas(shop)}/few"),
    ),
    (
        "AutoscalerMayShrink",
        "blue/web may shrink web to 1 pods, 3 are wanted",
        autoscale,
        lambda shop: shop.cluster.delete(f"{autoscalers(shop)}/web"),
    ),
    (
        "WorkloadMissing",
        "blue/mailer is missing",
        lambda shop: shop.cluster.delete(f"{shop.deployments(BLUE)}/mailer"),
        lambda shop: shop.add_deployment(BLUE, "mailer", 0),
    ),
]


def test_what_others_do_to_the_old_side_closes_it_until_it_is_undone(shop: Shop, soaking: World) -> None:
    for reason, text, deed, undo in DEEDS:
        assert found(soaking).status == "True"
        deed(shop)
        lost = found(soaking)
        assert (lost.status, lost.reason) == ("False", reason)
        assert f"{shop.name}-{text}" in lost.message
        undo(shop)
    assert found(soaking).status == "True"


def test_a_missing_right_is_unknown_and_named(shop: Shop, soaking: World, said: list[str], tmp_path: Path) -> None:
    robot = user(shop, tmp_path)
    limits = ("resourcequotas", "horizontalpodautoscalers")
    missing = check_application(robot, shop.application, shop.own)
    grant(shop, [right for right in missing if not any(limit in right for limit in limits)])
    assert found(soaking).status == "True"
    blind = found(replace(shop.world("robot", robot), say=said.append))

    assert (blind.status, blind.reason) == ("Unknown", "Unreadable")
    for resource in ("resourcequotas", "horizontalpodautoscalers.autoscaling"):
        assert f"no permission to list {resource} in namespace {shop.name}-blue" in blind.message
    assert "is lost from sight (Unreadable)" in said[0]

    grant(shop, missing)
    assert found(shop.world("robot", robot)).status == "True", "these rights are enough"


def test_one_that_was_rolled_back_while_it_was_judged_gets_no_condition(shop: Shop, soaking: World) -> None:
    now = soaking.now

    def meanwhile() -> object:
        soaking.now = now
        roll_back(shop.helped("ana"), "users complain", by="ana")
        return now()

    soaking.now = meanwhile  # type: ignore[assignment]
    note_conditions(soaking)
    assert soaking.store.read().conditions == ()


@pytest.mark.xdist_group("prefect")  # one process imports it, which takes seconds
def test_reconcile_judges_it_whatever_else_it_finds(
    shop: Shop, soaking: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows import reconcile

    def reconcile_world(world: World, cluster: str) -> str:
        if ready():
            raise Refused("has drifted", reason="Drifted")
        return "nothing to recover"

    def ready() -> Condition | None:
        return condition_of(soaking.store.read().conditions, WAY_BACK_READY)

    monkeypatch.setattr(reconcile, "open_world", lambda *_: soaking)
    monkeypatch.setattr(reconcile, "reconcile_world", reconcile_world)
    assert reconcile.reconcile_one(shop.name, "default") == "nothing to recover"
    before = ready()
    shop.play_ready(BLUE, "web", ready=0)
    with pytest.raises(Refused, match="has drifted"):
        reconcile.reconcile_one(shop.name, "default")
    after = ready()
    assert (before and before.status, after and after.status) == ("True", "False")


def test_without_a_way_back_drift_and_the_live_side_are_left(shop: Shop, soaking: World) -> None:
    found(soaking)
    roll_back(shop.helped("ana"), "users complain", by="ana")
    shop.point("live", f"{shop.name}-green")
    note_conditions(soaking)
    drifted, live = soaking.store.read().conditions

    assert (drifted.type, drifted.status, drifted.reason) == ("Drifted", "True", "RoutesElsewhere")
    assert (live.type, live.status, live.side) == ("LiveSideReady", "True", GREEN)


def test_what_cannot_be_judged_fails_nobody(shop_on_paper: Shop) -> None:
    world = shop_on_paper.world()
    said = heard(world)
    shop_on_paper.write_record("garbled")
    note_conditions(world)

    assert said[0].startswith("conditions could not be noted: record of shop-")


def test_a_contract_migration_closes_the_way_back_until_the_next_release(
    shop: Shop, soaking: World, said: list[str]
) -> None:
    found(soaking)
    shop.patch(shop.route_path(), ("add", "/metadata/annotations", {WAY_BACK: "kubectl ..."}))
    done = contract(soaking, " legacy_id is gone ", by="ana")
    assert (done.side, done.contract.reason, done.changed) == (BLUE, "legacy_id is gone", True)
    assert WAY_BACK not in shop.route()["metadata"].get("annotations", {})
    assert contract(soaking, "again", by="ben") == replace(done, changed=False)
    closed = found(soaking)
    assert (closed.status, closed.reason, closed.since) == ("False", "ContractMigrationDone", done.contract.at)
    assert [text.count("the way back to blue is closed") for text in said] == [1], "and not told as lost too"
    assert [entry.step for entry in soaking.store.read().journal].count("Contract") == 1

    name = soaking.store.read().release.name  # type: ignore[union-attr]
    advance(soaking, name, Phase.SETTLING, Reason.SETTLE_APPROVED)
    advance(soaking, name, Phase.SETTLED, Reason.OLD_SIDE_AT_REST)
    assert soaking.store.read().sides[BLUE].contracted == done.contract, "at rest it is as closed as before"
    flipped(shop, soaking, "3")
    assert soaking.store.read().sides[BLUE].contracted is None
    assert (found(soaking).status, len(said)) == ("True", 1), "a release of its own: nothing was found again"


def test_a_release_that_was_opened_meanwhile_is_not_closed(shop: Shop, world: World) -> None:
    now = world.now

    def meanwhile() -> object:
        world.now = now
        opened(shop.world("ben"))
        return now()

    world.now = meanwhile  # type: ignore[assignment]
    with pytest.raises(Refused, match="no way back to close"):
        contract(world, "legacy_id is gone", by="ana")
    assert world.store.read().sides[GREEN].contracted is None


def test_an_open_step_explains_the_routes(world: World) -> None:
    with pytest.raises(KeyboardInterrupt), journaled(world, Move(GREEN)):
        raise KeyboardInterrupt
    assert found(world, DRIFTED).reason == "StepUnderWay"
    recover(world)
    assert found(world, DRIFTED).reason == "AsRecorded"
    assert world.store.read().journal[-1].state is EntryState.UNDONE

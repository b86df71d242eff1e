"""Images and counts of the live side that others changed, set again on a person's word. On a real API server."""

from __future__ import annotations

from typing import Any

import pytest

from flipgate.adapters.addresses import address_of
from flipgate.core.record.phases import Phase
from flipgate.core.record.record import EntryState
from flipgate.core.spec.git import GitSpec
from flipgate.core.values.errors import Conflict
from flipgate.steps.acting.world import World
from flipgate.steps.going_back import put_side_right as step
from flipgate.steps.going_back.put_side_right import put_side_right
from flipgate.steps.going_back.recover import recover
from flipgate.steps.watching.conditions import note_conditions
from tests.api.desk import Desk
from tests.api.shop import BLUE, GREEN, Shop
from tests.api.steps import refusing
from tests.api.telling import heard

WHY = "not what was released"
IMAGE = "/spec/template/spec/containers/0/image"


def image(shop: Shop, side: Any = BLUE) -> str:
    return str(shop.deployment(side, "web")["spec"]["template"]["spec"]["containers"][0]["image"])


def changed(shop: Shop, side: Any = BLUE) -> None:
    """Somebody sets another image, and too few pods."""
    shop.patch(f"{shop.deployments(side)}/web", ("replace", IMAGE, "shop/web:9"))
    shop.scale(side, "web", 1)
    shop.play_ready(side, "web")


def test_it_is_shown_then_set_again_and_told_once_with_the_reason(shop: Shop, world: World) -> None:
    desk, said = Desk(shop), heard(world)
    changed(shop)
    part = "web image shop/web:9 to shop/web:1 and pods 1 to 2"
    assert desk.data("restore", shop.name, "--dry-run")["wouldChange"] == [part]
    assert (image(shop), shop.counts(BLUE)["web"]) == ("shop/web:9", 1)

    found, left = put_side_right(world, WHY, by="ana")
    assert ([str(each) for each in found], left) == ([part], ())
    assert (image(shop), shop.counts(BLUE)["web"]) == ("shop/web:1", 2)
    assert said == [f"{shop.name}: the live side blue is put right: ana: {WHY}: {part}"]
    entry = world.store.read().journal[-1]
    assert (entry.step, entry.state, entry.outcome) == ("RestoreLiveSide", EntryState.DONE, f"ana: {WHY}: {part}")
    shop.play_ready(BLUE, "web")
    note_conditions(world)
    assert desk.data("restore", shop.name, "--reason", WHY)["changed"] is False
    assert len(said) == 1


def test_more_pods_and_the_dark_side_are_left_as_they_are(shop: Shop, world: World) -> None:
    shop.scaled(BLUE, "web", 7)
    changed(shop, GREEN)
    assert put_side_right(world, WHY, by="ana") == ((), ())
    assert (shop.counts(BLUE)["web"], shop.counts(GREEN)["web"], image(shop, GREEN)) == (7, 1, "shop/web:9")


def test_images_that_are_set_in_git_are_left_and_counts_are_not(shop: Shop, world: World) -> None:
    overlays: Any = {"blue": "overlays/blue", "green": "overlays/green"}
    git = GitSpec.model_validate({"repository": "https://git.example/acme/config.git", "overlays": overlays})
    spec = world.application.spec.model_copy(update={"git": git})
    changed(shop)
    world.application = world.application.model_copy(update={"spec": spec})
    found, _ = put_side_right(world, WHY, by="ana")
    assert [str(each) for each in found] == ["web pods 1 to 2"]
    assert image(shop) == "shop/web:9"


@pytest.mark.usefixtures("world")
def test_who_will_write_it_again_from_a_source_is_named_and_ends_the_command_with_1(shop: Shop) -> None:
    part = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {"replicas": 0}}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("flipgate.adapters.cluster.FIELD_MANAGER", "kustomize-controller")
        shop.cluster.apply(f"{shop.deployments(BLUE)}/web", part)
    result = Desk(shop).run("restore", shop.name, "--reason", WHY)
    assert result.exit_code == 1
    assert "live side of" in result.stdout
    assert "left to you: kustomize-controller will write it again: put its source right, too" in result.stderr
    assert shop.counts(BLUE)["web"] == 2


def test_its_write_is_taken_once_however_late_it_comes_again(
    shop: Shop, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[Any] = []
    sets = step._set

    def kept(acting: Any, part: Any) -> None:
        operations = part.workload.fenced(acting.epoch, acting.renewed(part.workload.stamp), *part.changes)
        sent.append((address_of(part.workload), operations))
        sets(acting, part)

    changed(shop)
    monkeypatch.setattr(step, "_set", kept)
    put_side_right(world, WHY, by="ana")
    changed(shop)
    with pytest.raises(Conflict):
        shop.cluster.patch(*sent[0])
    assert image(shop) == "shop/web:9"


@pytest.mark.parametrize("edge", ["begun", "done"])
def test_killed_at_an_edge_it_is_closed_by_reconcile_and_done_when_typed_again(
    shop: Shop, world: World, monkeypatch: pytest.MonkeyPatch, edge: str
) -> None:
    sets = step._set

    def killed(*given: Any) -> None:
        if edge == "done":
            sets(*given)
        raise KeyboardInterrupt

    changed(shop)
    with monkeypatch.context() as patch:
        patch.setattr(step, "_set", killed)
        with pytest.raises(KeyboardInterrupt):
            put_side_right(world, WHY, by="ana")
    recover(world)
    assert world.store.read().open_entry is None
    put_side_right(world, WHY, by="ana")
    assert (image(shop), shop.counts(BLUE)["web"]) == ("shop/web:1", 2)


def test_it_does_nothing_beside_a_run_that_watches_and_refuses_with_the_phase(shop: Shop) -> None:
    world = shop.gone_live(until=Phase.BAKING)
    changed(shop, GREEN)
    with refusing("WrongPhase", "is `baking`"):
        put_side_right(world, WHY, by="ana")
    assert image(shop, GREEN) == "shop/web:9"


def test_the_images_of_a_live_release_are_its_own(shop: Shop) -> None:
    world = shop.gone_live()
    had = image(shop, GREEN)
    changed(shop, GREEN)
    put_side_right(world, WHY, by="ana")
    assert (image(shop, GREEN), had) == ("shop/web:2", "shop/web:2")

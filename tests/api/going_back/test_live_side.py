"""A live side that somebody emptied, on a real API server: noticed, told, led with, and scaled up again where it was
flipgate itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from flipgate.adapters.addresses import address_of
from flipgate.core.record.intents import HandOver, Rest, Restore
from flipgate.core.record.record import Condition, EntryState, JournalEntry
from flipgate.core.values import stamps
from flipgate.core.values.errors import Conflict, Refused
from flipgate.core.values.sides import Side
from flipgate.steps.acting.world import World
from flipgate.steps.going_back import recover as recovering
from flipgate.steps.looking.look import look_at_side
from flipgate.steps.watching.conditions import note_conditions
from lab.control.records import Lab
from tests.api.authority import journaled
from tests.api.shop import BLUE, COUNTS, GREEN, Shop, meanwhile
from tests.api.steps import refusing, status
from tests.api.users import typed

pytestmark = pytest.mark.xdist_group("prefect")  # one process imports it, which takes seconds

FLUX = "kustomize-controller"
AT_REST = dict.fromkeys(COUNTS, 0)


def flux(shop: Shop, replicas: int, *, side: Side = BLUE, name: str = "web", manager: str = FLUX) -> None:
    """What Flux does where an overlay says so: server-side apply, forced, under its own name. The pods follow."""
    path = f"{shop.deployments(side)}/{name}"
    part = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": {"replicas": replicas}}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("flipgate.adapters.cluster.FIELD_MANAGER", manager)
        shop.cluster.apply(path, part)
    shop.play_ready(side, name)


def put_to_rest(world: World, shop: Shop, side: Side = BLUE) -> JournalEntry:
    """What a run leaves that put this side to rest, however it came to that: entry, counts and whose they are."""
    with journaled(world, Rest(side, AT_REST)):
        for name in COUNTS:
            shop.patch(f"{shop.deployments(side)}/{name}", ("add", "/spec/replicas", 0))
            shop.play_ready(side, name)
    return world.store.read().journal[-1]


def found(world: World) -> Condition | None:
    """The condition in the record, judged now."""
    note_conditions(world)
    return next((each for each in world.store.read().conditions if each.type == "LiveSideReady"), None)


@pytest.fixture
def said(world: World) -> list[str]:
    """What people hear: an application without a channel has the run's log for one."""
    heard: list[str] = []
    world.say = lambda text: heard.append(text) if "the live side" in text else None
    return heard


@pytest.fixture
def reconciled(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Any:
    """What reconcile does for one application, without a Prefect server to note it; pods come while it does."""
    from flows import reconcile  # Prefect takes seconds: not at the top

    monkeypatch.setattr(reconcile.task, "recover", recovering.recover)

    def reconciled(world: World) -> str:
        return reconcile.reconcile_world(meanwhile(world, shop.play_all_ready), "default")

    return reconciled


# Whoever did it


def test_flux_empties_the_live_side_and_everybody_hears_of_it_once_and_what_to_type_works(
    shop: Shop, world: World, said: list[str], lab: Lab, tmp_path: Path
) -> None:
    before = found(world)
    flux(shop, 0)
    lost, again = found(world), found(world)
    shop.point("live", "nowhere")
    assert found(world) == lost, "while nobody can say which side is live, it has not turned"
    shop.point("live", shop.namespace(BLUE))
    assert found(world) == lost

    assert before is not None
    assert (before.status, before.reason) == ("True", "LiveSideServes")
    assert lost is not None
    assert (lost.status, lost.reason, again) == ("False", "NoReadyPod", lost)
    assert "web 0 of 2 Ready, asks for 0, carried 2, set to 0 by kustomize-controller (Apply) at 20" in lost.message
    assert said == [f"{shop.name}: the live side blue is not ready (NoReadyPod): {lost.message}"]

    data = json.loads(status(shop, shop.name, "-o", "json"))
    for text in (status(shop, shop.name), status(shop)):
        assert text.startswith(f"{shop.name}: users are on blue, which is not ready ")
        assert "web 0 of 2 Ready" in text.splitlines()[0]
    assert [(each["status"], each["since"]) for each in data["conditions"] if each["type"] == "LiveSideReady"] == [
        ("False", lost.since.isoformat(timespec="milliseconds").replace("+00:00", "Z"))
    ]
    assert typed(lab, data["next"]["command"], tmp_path).returncode == 0
    assert shop.counts(BLUE) == COUNTS
    shop.play_ready(BLUE, "web")
    now = found(world)

    assert found(world) == now
    assert now is not None
    assert now.status == "True"
    assert len(said) == 2
    assert said[1].startswith(f"{shop.name}: the live side blue serves again, after ")
    assert status(shop, shop.name).startswith(f"{shop.name}  (namespace")


def test_an_image_that_was_not_released_is_named_with_who_set_it_and_set_again_by_the_line(
    shop: Shop, world: World, lab: Lab, tmp_path: Path
) -> None:
    namespace = shop.namespace(BLUE)
    assert (
        typed(
            lab, f"kubectl -n {namespace} set image deployment/web web=shop/web:9 --field-manager=ben", tmp_path
        ).returncode
        == 0
    )
    shop.play_ready(BLUE, "web")
    changed = found(world)

    assert changed is not None
    assert (changed.status, changed.reason) == ("False", "ImagesChanged")
    assert "web runs shop/web:9, the release has shop/web:1, set by ben (Update) at 20" in changed.message
    assert typed(lab, json.loads(status(shop, shop.name, "-o", "json"))["next"]["command"], tmp_path).returncode == 0
    shop.play_ready(BLUE, "web")
    now = found(world)
    assert (now and now.status) == "True"


def test_what_an_autoscaler_may_have_shrunk_is_no_shortage(shop: Shop, world: World) -> None:
    path = f"/apis/autoscaling/v2/namespaces/{shop.namespace(BLUE)}/horizontalpodautoscalers"
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    shop.cluster.create(path, {"metadata": {"name": "web"}, "spec": {"scaleTargetRef": target, "maxReplicas": 9}})
    flux(shop, 1, manager="kube-controller-manager")
    with_it = found(world)
    shop.cluster.delete(f"{path}/web")
    without = found(world)

    assert (with_it and with_it.status) == "True"
    assert (without and (without.status, without.reason)) == ("False", "TooFewPods")


# Reconcile


def test_reconcile_scales_up_what_flipgate_itself_emptied_and_what_worked_there_works_again(
    shop: Shop, world: World, said: list[str], reconciled: Any
) -> None:
    rest = put_to_rest(world, shop)
    lost = found(world)
    assert (lost and lost.reason) == "NoReadyPod"
    stale = look_at_side(world, BLUE).workloads["web"]
    assert reconciled(world) == "nothing to recover: `settled`, traffic on blue"
    assert shop.counts(BLUE) == COUNTS
    record = world.store.read()
    done = next(entry for entry in record.journal if entry.step == "RestoreLiveSide")
    assert (done.state, done.intent, done.outcome) == (
        EntryState.DONE,
        {"side": "blue", "replicas": {"web": 2}},
        "web 0 to 2",
    )
    assert record.open_entry is None
    told = (
        f"is scaled up again: web 0 to 2; entry {rest.id} (RestSide of ana) had put it to rest though users are on it"
    )
    assert said[1:] == [f"{shop.name}: the live side blue {told}"]
    assert stamps.epoch_of(look_at_side(world, BLUE).workloads["web"].stamp) == record.epoch
    with pytest.raises(Conflict):  # a rest that is still under way
        shop.cluster.patch(address_of(stale), [*stale.tests(), stale.asking(0)])
    shop.play_ready(BLUE)
    now = found(world)
    assert (now and now.status, len(said)) == ("True", 3)
    reconciled(world)
    assert (world.store.read().journal, len(said)) == (record.journal, 3), "once is enough"
    assert shop.counts(BLUE) == COUNTS


def test_users_whom_somebody_sent_to_a_side_at_rest_wait_for_nobody_to_explain_the_drift(
    shop: Shop, world: World, reconciled: Any
) -> None:
    put_to_rest(world, shop, GREEN)
    shop.point("live", shop.namespace(GREEN))
    with pytest.raises(Refused, match="has drifted"):
        reconciled(world)

    assert shop.counts(GREEN) == {"web": 2, "mailer": 0}, "what works stays where the record has it"
    assert shop.counts(BLUE) == COUNTS


def test_reconcile_does_not_fight_whoever_else_emptied_it(
    shop: Shop, world: World, said: list[str], reconciled: Any
) -> None:
    """The journal knows of a rest: from before flipgate brought the side up again."""
    put_to_rest(world, shop)
    shop.scale(BLUE, "web", 2)
    flux(shop, 0)
    before = world.store.read()
    reconciled(world)

    assert world.store.read() == before
    assert shop.counts(BLUE) == AT_REST
    assert said == []


def test_an_open_step_is_recovered_first(shop: Shop, world: World, reconciled: Any) -> None:
    """A rest that was killed halfway, and a restore that was."""
    shop.patch(f"{shop.deployments(BLUE)}/web", ("add", "/spec/replicas", 0))
    with pytest.raises(KeyboardInterrupt), journaled(world, Rest(BLUE, AT_REST)):
        raise KeyboardInterrupt
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("flipgate.steps.going_back.live_side.scale_up", _killed)
        with pytest.raises(KeyboardInterrupt):
            reconciled(world)
    assert [entry.state for entry in world.store.read().journal[-2:]] == [EntryState.UNDONE, EntryState.BEGUN]
    reconciled(world)

    assert shop.counts(BLUE) == COUNTS
    # Workers are handed over after it where they are not Ready yet, which may be either.
    steps = [(entry.step, entry.state) for entry in world.store.read().journal if entry.step != HandOver.step]
    assert steps[-3:] == [
        (Rest.step, EntryState.UNDONE),
        (Restore.step, EntryState.UNDONE),
        (Restore.step, EntryState.DONE),
    ]


def _killed(*_: object) -> None:
    raise KeyboardInterrupt


def test_what_could_not_be_scaled_is_refused_with_counts_and_not_told_as_done(
    shop: Shop, world: World, said: list[str], reconciled: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_to_rest(world, shop)
    monkeypatch.setattr("flipgate.steps.going_back.live_side.scale_up", lambda *_: None)
    with refusing("LiveSideNotRestored", r"still asks for too few pods .*: web 0 of 2"):
        reconciled(world)

    assert (world.store.read().journal[-1].state, said) == (EntryState.UNDONE, [])

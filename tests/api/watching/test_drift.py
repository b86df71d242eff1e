"""A drift is announced once, and has one next command, which works; and what it does leaves its reason everywhere."""

from __future__ import annotations

import shlex
from typing import Any

import pytest

from flipgate.core.record.phases import Phase, Reason
from flipgate.core.record.release import Release
from flipgate.core.values.errors import Refused
from flipgate.steps.acting.outbox import advance, write_history
from flipgate.steps.acting.world import World
from flipgate.steps.going_back.recover import recover
from flipgate.steps.going_back.roll_back import roll_back
from flipgate.steps.watching import conditions
from flipgate.steps.watching.conditions import note_conditions
from tests.api.desk import Desk
from tests.api.shop import BLUE, GREEN, Shop, opened
from tests.api.telling import heard


def events(shop: Shop, namespace: str = "") -> list[tuple[str, str]]:
    found = shop.cluster.items(f"/api/v1/namespaces/{namespace or shop.own}/events")
    return [(each["reason"], each["message"]) for each in found]


@pytest.mark.parametrize("release", [False, True], ids=["at rest", "live"])
def test_status_and_reconcile_name_the_same_command_and_it_settles_the_drift(shop: Shop, release: bool) -> None:
    world = shop.gone_live() if release else shop.adopted()
    if not release:
        shop.scaled(GREEN, "web", 2)  # or that nobody serves users there comes first
    shop.point("live", shop.namespace(BLUE if release else GREEN))
    with pytest.raises(Refused, match=r"with --to .* instead users") as refused:
        recover(world)
    desk = Desk(shop)
    step, command = desk.data("status", shop.name)["next"]["step"], refused.value.next_command
    assert (refused.value.reason, command) == ("Drifted", f'flipgate rollback {shop.name} --to blue --reason "..."')
    assert desk.data("status", shop.name)["next"]["command"] == command
    assert step.partition(": ")[2] in str(refused.value)
    with shop.playing_ready():
        assert desk.run(*shlex.split(command)[1:]).exit_code == 0
    assert (desk.data("status", shop.name)["drift"], shop.where()) == (None, ("blue",))
    assert world.store.read().phase is (Phase.ROLLED_BACK if release else Phase.SETTLED)


def test_a_drift_is_told_once_and_so_is_its_end(shop: Shop, world: World) -> None:
    everything = heard(world)

    def said() -> list[str]:
        """Of the drift: that nobody serves users on green is told, too."""
        return [text for text in everything if "drift" in text]

    note_conditions(world)
    assert said() == []
    shop.point("live", shop.namespace(GREEN))
    note_conditions(world)
    note_conditions(shop.world("another reconcile"))
    note_conditions(world)
    (drifted,) = said()
    assert "has drifted: the routes say green" in drifted
    assert f'Next: flipgate rollback {shop.name} --to blue --reason "..."' in drifted
    assert [reason for reason, _ in events(shop)] == ["LiveSideShort", "Drifted"]
    shop.point("live", shop.namespace(BLUE))
    note_conditions(world)
    note_conditions(world)
    assert said()[1:] == [f"{shop.name} drifts no more: routes and record say blue"]

    shop.point("live", shop.namespace(GREEN))
    note_conditions(world)
    assert len(said()) == 3, "another one is told again"
    shop.point("live", "elsewhere")
    note_conditions(world)
    assert f"kubectl -n {shop.own} get ingressroutes" in said()[3], "no rollback can move it"
    assert [e.step for e in world.store.read().journal if e.step.startswith("Drift")] == [
        "Drifted",
        "DriftEnded",
        "Drifted",
        "Drifted",
    ]


def test_what_was_found_before_somebody_took_over_is_not_told(
    shop: Shop, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = heard(world)
    shop.scaled(GREEN, "web", 2)
    shop.point("live", shop.namespace(GREEN))
    advises = conditions.drift_advice

    def advise(*seen: Any) -> Any:
        advice = advises(*seen)
        roll_back(shop.helped("ana"), "somebody moved it", by="ana", to=BLUE)
        return advice

    monkeypatch.setattr(conditions, "drift_advice", advise)
    note_conditions(world)
    assert not [text for text in said if "drift" in text]
    assert {reason for reason, _ in events(shop)} == {"RollbackRequested", "TrafficRestored"}, "before any release, too"
    opened(world)  # and the next release is opened as ever


def settled(shop: Shop) -> tuple[World, Release]:
    """A release that has settled on green, and been written to the history."""
    world = shop.gone_live()
    release = world.store.read().release
    assert release
    advance(world, release.name, Phase.SETTLING, Reason.SETTLE_APPROVED)
    advance(world, release.name, Phase.SETTLED, Reason.OLD_SIDE_AT_REST)
    write_history(world)
    return world, release


def test_users_sent_to_a_side_from_settled_are_told_of_like_any_other(shop: Shop) -> None:
    world, release = settled(shop)
    before = events(shop)
    done = roll_back(shop.helped("ana/7"), "orders fail", by="ana", to=BLUE)
    assert (done.recorded, done.left, shop.where()) == (True, (), ("blue",))

    fresh = dict(sorted(set(events(shop)) - set(before)))
    assert set(fresh) == {"RollbackRequested", "TrafficRestored"}
    assert f"{shop.name}: all users to blue (RollbackRequested). ana: orders fail" in fresh["RollbackRequested"]
    assert "ana: orders fail" in fresh["TrafficRestored"]
    assert "RollbackRequested" in dict(events(shop, shop.namespace(GREEN))), "on what users leave, too"
    _, journal, _ = world.store.finished(release.name)
    kept = [entry.outcome for entry in journal if entry.step == "Rollback"]
    assert [outcome.partition(":")[0] for outcome in kept] == ["RollbackRequested", "TrafficRestored"]
    assert all("ana: orders fail" in outcome for outcome in kept)
    assert "orders fail" in Desk(shop).run("history", shop.name, release.name).stdout


def test_users_who_are_taken_off_what_nobody_approved_are_told_of_before_it_is_aborted(shop: Shop) -> None:
    world = shop.gone_live(until=Phase.DARK)
    shop.point("live", shop.namespace(GREEN))
    roll_back(shop.helped("ana"), "who did that?", by="ana")
    steps = [entry.step for entry in world.store.read().journal]
    assert steps.index("Rollback") < steps.index("Phase:aborted")


def test_a_way_back_of_a_release_is_told_by_its_phases_alone(shop: Shop) -> None:
    world = shop.gone_live()
    roll_back(shop.helped("ana"), "orders fail", by="ana")
    assert "Rollback" not in [entry.step for entry in world.store.read().journal]
    reasons = [reason for reason, _ in events(shop)]
    assert sorted(reasons) == ["RollbackRequested", "TrafficRestored"]

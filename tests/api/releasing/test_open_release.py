"""Opening a release: once for the same content, the newest wins, and never in the way of one that users have seen."""

from __future__ import annotations

import pytest

from flipgate.core.record.phases import Phase, Reason
from flipgate.core.values.errors import BadInput
from flipgate.steps.acting.outbox import advance
from flipgate.steps.acting.world import World
from flipgate.steps.releasing.bring_up import bring_up, open_release
from tests.api.shop import BLUE, COUNTS, GREEN, TO_LIVE, Shop, advanced, opened, told, under_lease
from tests.api.steps import read_settings, refusing


def test_a_release_is_the_whole_environment_at_the_counts_the_active_side_has(shop: Shop, world: World) -> None:
    shop.patch(f"{shop.deployments(BLUE)}/web", ("add", "/spec/replicas", 5))
    release = opened(world)
    assert release.side is GREEN
    assert release.images == {"mailer": "shop/mailer:1", "web": "shop/web:2"}
    assert release.wanted == {"web": 5, "mailer": 0}
    assert (release.phase, release.opened_by) == (Phase.DEPLOYING, "ci")

    assert opened(world) == release, "the same build announced twice is one release"
    assert world.store.history() == []


def test_one_that_ended_and_did_not_get_into_the_history_gets_there_before_the_record_forgets_it(world: World) -> None:
    first = opened(world)
    advance(world, first.name, Phase.ABORTED, Reason.DEPLOY_ABORTED)
    assert world.store.history() == []
    opened(world, "3")
    assert [each.name for each in world.store.history()] == [first.name]
    assert {each.name for each in world.store.kept()[0]} == {first.name}, "with its copy"


def test_announced_again_it_is_scaled_to_what_the_active_side_has_by_now(shop: Shop, world: World) -> None:
    first = opened(world)
    under_lease(world, bring_up, first)
    for count, until in ((5, None), (7, Phase.DARK)):
        if until:
            advanced(world, first, until)
        shop.scale(BLUE, "web", count)
        again = opened(world)
        assert (again.name, again.wanted) == (first.name, {"web": count, "mailer": 0})
        assert world.store.read().release == again
        under_lease(world, bring_up, again)
        assert shop.counts(GREEN) == {"web": count, "mailer": 0}
        shop.scale(BLUE, "web", 2)
        assert opened(world).wanted["web"] == count, "what is up already is not taken away again"


def test_another_configuration_of_the_same_images_is_another_release(shop: Shop, world: World) -> None:
    settings = read_settings(shop)
    first = opened(world)
    shop.patch(settings, ("replace", "/data/limit", "6"))
    assert opened(world).id != first.id


def test_a_newer_build_supersedes_one_that_users_have_not_seen_which_is_not_brought_up(
    shop: Shop, world: World
) -> None:
    old, superseded = opened(world, "2"), set[str]()
    for tag, until in (("3", None), ("4", Phase.DARK)):
        if until:
            advanced(world, old, until)
        new = opened(world, tag)
        (kept,) = [each for each in world.store.history() if each.name not in superseded]
        assert (kept.name, kept.phase, kept.changes[-1].reason) == (old.name, Phase.SUPERSEDED, Reason.NEWER_BUILD)
        assert new.id in kept.changes[-1].message
        assert world.store.read().release == new
        superseded.add(kept.name)
        old = new

    with refusing("Superseded", "no longer the open release"):
        under_lease(world, bring_up, kept)
    assert shop.counts(GREEN) == dict.fromkeys(COUNTS, 0)


def test_what_is_live_already_or_cannot_be_meant_is_refused(world: World) -> None:
    with refusing("AlreadyLive", "live on blue already"):
        opened(world, "1")
    for images, said in (
        ({"wbe": "shop/web:2"}, 'unknown service "wbe".*web'),
        ({"web": "shop/web"}, "neither tag nor digest"),
        ({"web": "Shop/Web:2"}, "not a registry|lowercase"),
        ({}, "no image given"),
    ):
        with pytest.raises(BadInput, match=said):
            open_release(world, images, "ci")
    assert world.store.read().release is None


def test_the_same_build_again_after_it_failed_is_a_second_attempt(world: World) -> None:
    first = opened(world)
    advance(world, first.name, Phase.FAILED, Reason.NOT_READY_IN_TIME)
    world.store.write_history(world.store.read().last or first)
    again = opened(world)
    assert (again.id, again.attempt) == (first.id, 2)


def test_a_release_that_users_have_seen_is_not_pushed_aside_and_each_phase_is_told_once_and_in_order(
    shop: Shop, world: World
) -> None:
    said: list[str] = []
    world.say = said.append
    release = opened(world)
    opened(world)
    told(world, release, Phase.DARK)
    for until in (Phase.FLIPPING, Phase.BAKING, Phase.LIVE):
        advance(world, release.name, until, TO_LIVE[until])
        with refusing("ReleaseOpen", f"is `{until}` since .* its way back"):
            opened(world, "3")
        assert world.store.read().phase is until
    assert shop.counts(GREEN) == dict.fromkeys(COUNTS, 0)
    phases = ["deploying", "dark", "flipping", "baking", "live"]
    assert [line.partition(": ")[2].partition(" ")[0] for line in said] == phases
    assert world.store.read().outbox == ()


def test_bringing_up_changes_what_is_missing_and_no_more_and_rolling_back_ends_it_and_rests_its_side(
    shop: Shop, world: World
) -> None:
    release = opened(world)
    under_lease(world, bring_up, release)
    assert shop.counts(GREEN) == {"web": 2, "mailer": 0}
    versions = [d["metadata"]["resourceVersion"] for d in shop.cluster.items(shop.deployments(GREEN))]
    entries = len(world.store.read().journal)
    under_lease(world, bring_up, release)
    assert [d["metadata"]["resourceVersion"] for d in shop.cluster.items(shop.deployments(GREEN))] == versions
    assert len(world.store.read().journal) == entries

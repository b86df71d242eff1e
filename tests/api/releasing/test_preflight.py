"""What is around the images is asked before anything is written, all at once, and kept with the release."""

from __future__ import annotations

from pathlib import Path

import pytest

from flipgate.core.record.phases import Phase, Reason
from flipgate.core.record.release import PREFLIGHT, Release
from flipgate.core.values.errors import Refused, TemporaryError
from flipgate.core.values.verdicts import Verdict
from flipgate.steps.acting.world import World, utc_now
from flipgate.steps.looking import preflight as looking
from flipgate.steps.looking import room
from flipgate.steps.looking.look import look
from flipgate.steps.releasing.foresee import foresee
from flipgate.steps.releasing.preflight import preflight
from flipgate.steps.releasing.settle import failing
from flipgate.steps.releasing.suite import still_passed
from tests.api.shop import COUNTS, GREEN, Shop, opened, under_lease
from tests.api.steps import later
from tests.api.wire import Answer, Through, serving
from tests.core.builders import refuses


@pytest.fixture(autouse=True)
def counted_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "COUNTED_SECONDS", 0.0)


def put_quota(shop: Shop, pods: str) -> None:
    path, hard = f"/api/v1/namespaces/{shop.namespace(GREEN)}/resourcequotas", {"pods": pods}
    shop.cluster.create(path, {"metadata": {"name": "small"}, "spec": {"hard": hard}})
    shop.cluster.merge(f"{path}/small/status", {"status": {"hard": hard, "used": {"pods": "0"}}})


def refused(world: World, release: Release) -> Refused:
    """Why the release is not brought up; it has ended, and nothing was written on its side."""
    with refuses("PreflightFailed") as found, world.acting() as acting, failing(acting, release):
        preflight(acting, release)
    return found.value


def test_a_row_that_fails_ends_the_release_before_anything_is_written_and_is_kept_with_it(
    shop: Shop, world: World
) -> None:
    put_quota(shop, "1")
    before = [shop.deployment(GREEN, name)["metadata"]["resourceVersion"] for name in COUNTS]
    release = opened(world)
    error = refused(world, release)
    assert error.fact.startswith("1 of 2 rows do not pass; room in the namespace: fail: ResourceQuota ")
    assert error.next_command == f"flipgate check {shop.name}"
    assert before == [shop.deployment(GREEN, name)["metadata"]["resourceVersion"] for name in COUNTS]
    ended = world.store.read().last
    assert ended
    assert (ended.phase, ended.changes[-1].reason) == (Phase.FAILED, Reason.PREFLIGHT_FAILED)
    assert [(each.step, each.proofs[0].verdict) for each in ended.judgements] == [(PREFLIGHT, "fail")]


def test_a_server_that_is_away_for_a_moment_ends_no_release_and_is_unknown_to_who_only_looks(
    shop: Shop, tmp_path: Path
) -> None:
    release = opened(shop.adopted())

    def away(_: str, path: str) -> Answer | None:
        return (500, b"{}") if "/resourcequotas" in path or "/horizontalpodautoscalers" in path else None

    with serving(Through(shop.kubeconfig, before=away), tmp_path) as cluster:
        world = shop.world(cluster=cluster)
        view = look(world)
        found = looking.preflight(world, view, None)
        assert [(each.gate, each.verdict) for each in found if each.verdict is Verdict.UNKNOWN] == [
            ("bounds", Verdict.UNKNOWN)
        ]
        with pytest.raises(TemporaryError):
            under_lease(world, preflight, release)
    assert shop.world().store.read().release == release


def test_what_passed_is_noted_once_and_shown_to_who_is_asked_for_the_flip(shop: Shop, world: World) -> None:
    put_quota(shop, "3")
    (foreseen, *_) = foresee(world, {"web": "shop/web:2"}).preflight
    assert (foreseen.gate, foreseen.verdict) == (room.GATE, Verdict.PASS)
    release = opened(world)
    for seconds in (0, 60):  # a run that is taken over begins anew
        under_lease(later(world, seconds), preflight, release)
    kept = world.store.read().release
    assert kept
    assert [each.step for each in kept.judgements] == [PREFLIGHT]
    assert (kept.judgements[0].at - utc_now()).total_seconds() > 30, "what was found last"
    (row, *_) = still_passed(world, release)
    assert (row.gate, row.verdict) == (room.GATE, Verdict.PASS)
    assert "ago, before anything was written: each takes it" in row.answer

"""`flipgate history --verify`: what the cluster keeps of releases, changed by whoever may write there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from flipgate.core.record import approvals
from flipgate.core.record import record as records
from flipgate.core.record.phases import Phase, Reason
from flipgate.core.record.record import Decision
from flipgate.core.record.release import Release
from flipgate.core.values.errors import PermanentError
from flipgate.steps.acting.outbox import advance, write, write_history
from flipgate.steps.acting.world import World
from tests.api.desk import Desk
from tests.api.shop import Shop
from tests.api.wire import Through, serving
from tests.core.builders import approval, question, release


@pytest.fixture
def world(shop_on_paper: Shop) -> World:
    return shop_on_paper.world()


def aborted(world: World, number: int) -> Release:
    """A release that a person said yes to, and that was aborted: in the history."""
    now = world.now()
    made = release(id=f"{number:012x}", now=now)
    write(world, lambda record: records.open_release(record, made, now))
    advance(world, made.name, Phase.DARK, Reason.CHECKS_PASSED)
    asked = question(id=f"flip-{number}", release=made.name, asked_at=now, expires_at=now.replace(year=now.year + 1))
    world.store.update(lambda record: approvals.pose(record, asked))
    said = approval(question=asked.id, decision=Decision.REJECT, by="ana", reason="not today", at=world.now())
    world.store.update(lambda record: approvals.answer(record, said))
    advance(world, made.name, Phase.ABORTED, Reason.DEPLOY_ABORTED)
    write_history(world)
    ended = world.store.read().last
    assert ended
    return ended


def verified(shop: Shop, *args: str) -> Result:
    return Desk(shop).run("history", shop.name, "--verify", *args)


def kept(shop: Shop, kind: str, one: Release) -> str:
    return f"{shop.config_maps}/{kind}-{shop.name}-{one.name}"


def rewritten(shop: Shop, path: str, by: str) -> dict[str, Any]:
    """The object, with another name at its decision."""
    obj = shop.cluster.get(path)
    stored = json.loads(obj["data"]["release.json"])
    stored["decisions"][0]["by"] = by
    obj["data"]["release.json"] = json.dumps(stored)
    return obj


def test_what_was_written_is_right_and_the_end_of_a_release_says_the_hash_to_keep(
    shop_on_paper: Shop, world: World
) -> None:
    told: list[str] = []
    world.say = told.append
    first, second = (aborted(world, number) for number in (1, 2))
    result = verified(shop_on_paper)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == f"ok: 2 releases, 10 links, head {second.head}\n"
    (said,) = (line for line in told if f"{first.name} on green: aborted" in line)
    assert f"aborted (DeployAborted), chain {first.head[:20]}" in said
    found = verified(shop_on_paper, "--head", first.head[:20])
    assert f"; {first.head[:20]} is aborted of {first.name}\n" in found.stdout
    data = Desk(shop_on_paper).data("history", shop_on_paper.name, "--verify", "--head", first.head[:20])
    assert (data["ok"], data["links"], data["head"], data["problems"]) == (True, 10, second.head, [])
    assert (data["headOf"]["release"], data["begins"]) == (first.name, {"release": first.name, "continues": None})


def test_a_decision_that_somebody_rewrote_is_named_and_the_copy_of_it_cannot_be(
    shop_on_paper: Shop, world: World
) -> None:
    first = aborted(world, 1)
    aborted(world, 2)
    with pytest.raises(PermanentError, match="immutable"):
        shop_on_paper.cluster.replace(
            kept(shop_on_paper, "chain", first), rewritten(shop_on_paper, kept(shop_on_paper, "chain", first), "eve")
        )
    path = kept(shop_on_paper, "release", first)
    shop_on_paper.cluster.replace(path, rewritten(shop_on_paper, path, "eve"))
    result = verified(shop_on_paper)
    assert result.exit_code == 1
    assert result.stdout.startswith(f"release {first.name}, decision reject of ")
    assert "(history): is not as it was written; expected by 'ana', found by 'eve'\n" in result.stdout
    assert f"1 problem; nothing was changed by this look. Next: flipgate history {shop_on_paper.name} " in result.stderr
    (problem,) = json.loads(verified(shop_on_paper, "-o", "json").stdout)["problems"]
    assert (problem["release"], problem["of"], problem["what"]) == (first.name, "history", "decision reject")


def test_a_copy_that_was_taken_away_does_not_come_back_by_itself(shop_on_paper: Shop, world: World) -> None:
    first = aborted(world, 1)
    shop_on_paper.cluster.delete(kept(shop_on_paper, "chain", first))
    aborted(world, 2)
    world.store.write_history(first)
    result = verified(shop_on_paper)
    assert result.exit_code == 1
    assert f"release {first.name} (copy): is gone" in result.stdout


def test_a_release_that_was_taken_away_wholly_is_missed_by_the_next(shop_on_paper: Shop, world: World) -> None:
    aborted(world, 1)
    second, third = aborted(world, 2), aborted(world, 3)
    for kind in ("chain", "release"):
        shop_on_paper.cluster.delete(kept(shop_on_paper, kind, second))
    result = verified(shop_on_paper, "--head", second.head)
    assert result.exit_code == 1
    assert result.stdout.startswith(f"release {third.name} (copy): continues another release than is kept before it")
    assert f"no link has the hash {second.head}" in result.stdout


def test_what_cannot_be_read_or_was_never_written_is_not_right(shop_on_paper: Shop, world: World) -> None:
    nothing = verified(shop_on_paper)
    assert (nothing.exit_code, nothing.stdout) == (1, "nothing can be verified: no release has a chain\n")
    first = aborted(world, 1)
    shop_on_paper.patch(kept(shop_on_paper, "release", first), ("replace", "/data/release.json", "{"))
    result = verified(shop_on_paper)
    assert result.exit_code == 1
    assert f"release-{shop_on_paper.name}-{first.name} cannot be read" in result.stdout
    assert verified(shop_on_paper, "--head", "all").exit_code == 2


def test_a_release_and_its_copy_are_written_by_three_requests_and_looked_at_again_by_one(
    shop_on_paper: Shop, world: World, tmp_path: Path
) -> None:
    first = aborted(world, 1)
    through = Through(shop_on_paper.kubeconfig)
    with serving(through, tmp_path) as cluster:
        store = shop_on_paper.world("ana", cluster).store
        store.write_history(first)
        assert len(through.passed) == 1
        for kind in ("chain", "release"):
            shop_on_paper.cluster.delete(kept(shop_on_paper, kind, first))
        through.passed.clear()
        store.write_history(first)
    assert [line.split()[0] for line in through.passed] == ["GET", "POST", "POST"]


def test_a_copy_goes_with_its_release(shop_on_paper: Shop, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flipgate.adapters.history.HISTORY_KEPT", 2)
    monkeypatch.setattr("flipgate.cli._verify.HISTORY_KEPT", 2)
    releases = [aborted(world, number) for number in range(3)]
    assert sorted(each.name for each in world.store.kept()[0]) == sorted(2 * [each.name for each in releases[1:]])
    result = verified(shop_on_paper)
    assert result.stdout == (
        f"ok: 2 releases, 10 links, head {releases[2].head}; begins with {releases[1].name}, which continues "
        f"{releases[0].head[:20]}, let go\n"
    )

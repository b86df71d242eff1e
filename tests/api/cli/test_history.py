"""The whole story of a release from the cluster alone: asked of a Store that knows nothing but where it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from click.testing import Result

from flipgate.adapters.store import Store
from flipgate.core.record import approvals
from flipgate.core.record import record as records
from flipgate.core.record.phases import Phase, QuestionKind, Reason
from flipgate.core.record.record import Decision, Record
from flipgate.core.record.release import PhaseChange, Release
from flipgate.core.record.story import story
from flipgate.core.values.base import but
from flipgate.core.values.errors import Conflict, LostLease, Refused
from flipgate.core.values.verdicts import Evidence, Verdict
from flipgate.steps.acting.outbox import advance, write_history
from flipgate.steps.acting.world import World, utc_now
from flipgate.steps.looking.check import need_pass
from flipgate.steps.moving.move import move
from flipgate.steps.releasing import questions
from flipgate.steps.releasing.bring_up import bring_up
from flipgate.steps.releasing.flip import going_back, note_live
from flipgate.steps.releasing.note_dark import note_dark
from flipgate.steps.releasing.settle import failing, rest_expired, settle
from tests.api.desk import Desk
from tests.api.shop import BLUE, GREEN, TO_LIVE, Shop, meanwhile, opened, phases_until, under_lease
from tests.api.telling import heard
from tests.core.builders import ANA, BEN, declaring, question, release

FLIP, SCALE_DOWN = QuestionKind.FLIP, QuestionKind.SCALE_DOWN
CHECKED = Evidence("basket", Verdict.PASS, "web:80/basket", "green", "status 200", "status 200")
BROKEN = Evidence("basket", Verdict.FAIL, "web:80/basket", "green", "status 500", "status 200")
BAKED = Evidence("errors", Verdict.PASS, "5xx", "Traefik", "0 of 100 answers were errors", "at most 1.0%")
BURNT = Evidence("errors", Verdict.FAIL, "5xx", "Traefik", "9 of 100 answers were errors", "at most 1.0%")
BLIND = Evidence("errors", Verdict.UNKNOWN, "5xx", "Traefik", "none of 10 probes was answered", "at most 1.0%")


def told(shop: Shop, name: str) -> list[str]:
    """The story as a Store of its own finds it in the history: what happened, and the first words of it."""
    found, journal, problem = Store(shop.cluster, shop.own, shop.name).finished(name)
    assert problem is None
    return [" ".join(f"{m.what}: {m.text.partition(':')[0]}".split()) for m in story(found, journal, utc_now())]


def history(shop: Shop, *args: str) -> Result:
    return Desk(shop).run("history", shop.name, *args)


def data(shop: Shop, *args: str) -> dict[str, Any]:
    return Desk(shop).data("history", shop.name, *args)


def dark(shop: Shop, world: World) -> Release:
    """A release brought up on green, Ready, and checked."""
    found = opened(world)
    with world.acting() as acting:
        bring_up(acting, found)
        shop.play_ready(GREEN)
        return note_dark(acting, found, [CHECKED])


def baking(shop: Shop, world: World, found: Release) -> Release:
    """All users on it, on ana's word."""
    questions.pose(world, FLIP, [CHECKED])
    questions.decide(world, Decision.APPROVE, by=ANA, via="cli", reason="checked by hand")

    def approved(record: Record, entry: int) -> Record:
        now = world.now()
        flipping = records.advance(record, Phase.FLIPPING, Reason.APPROVED, now, actor=world.actor, message="by ana")
        return approvals.spend(flipping, entry)

    under_lease(world, move, GREEN, also=approved)
    record = advance(world, found.name, Phase.BAKING, Reason.TRAFFIC_PROVEN)
    assert record.release
    return record.release


def without_delays(world: World) -> None:
    """No soak, and nothing kept for a look."""
    world.application = declaring(world.application, policy={"soak_seconds": 0, "keep_failed_seconds": 0})


# From the cluster alone


def test_a_release_that_failed_its_checks_and_the_next_that_came_through(shop: Shop, world: World) -> None:
    without_delays(world)
    first = opened(world)
    under_lease(world, bring_up, first)
    with pytest.raises(Refused, match="status 500"), world.acting() as acting, failing(acting, first):
        need_pass(world, GREEN, [BROKEN])
    whole = dark(shop, world)
    baking(shop, world, whole)
    under_lease(world, note_live, whole.name, (BAKED,))
    questions.pose(world, SCALE_DOWN, [])
    questions.decide(world, Decision.APPROVE, by=BEN, via="Prefect UI", reason="a quiet day")
    under_lease(world, settle)

    assert told(shop, first.name)[:4] == [
        "deploying: BuildAnnounced",
        "BringUp: 2 pods wanted on green",
        "checks: fail",
        "failed: ChecksFailed",
    ]
    assert told(shop, whole.name) == [
        "deploying: BuildAnnounced",
        "BringUp: 2 pods wanted on green",
        "checks: pass",
        "dark: ChecksPassed",
        "approve: flip",
        "MoveRoutes: 1 route to green",
        "flipping: Approved",
        "baking: TrafficProven",
        "bake: pass",
        "live: BakePassed",
        "approve: scale-down",
        "settling: SettleApproved",
        "RestSide: 2 Deployments of blue at rest",
        "settled: OldSideAtRest",
    ]
    assert shop.world().store.read().release is None
    _, journal, _ = world.store.finished(whole.name)
    assert {entry.release for entry in journal} == {whole.name}
    _whole_story_on_the_command_line(shop, whole.name)


def _whole_story_on_the_command_line(shop: Shop, name: str) -> None:
    answer = data(shop, name)
    assert [(each["by"], each["via"], each["reason"]) for each in answer["decisions"]] == [
        ("ana", "cli", "checked by hand"),
        ("ben", "Prefect UI", "a quiet day"),
    ]
    basket = {"gate": "basket", "verdict": "pass", "detail": "status 200 (wanted status 200)"}
    first, *others = answer["decisions"][0]["evidence"]
    assert first == basket
    assert {"images without pods", "plan: routes", "plan: work"} <= {each["gate"] for each in others}
    assert [(each["step"], each["verdict"]) for each in answer["judgements"]] == [("checks", "pass"), ("bake", "pass")]
    assert answer["problems"] == []
    shown = history(shop, name).stdout
    assert "flip: checked by hand [by ana via cli]" in shown
    assert "  basket: pass, status 200 (wanted status 200)" in shown
    assert "ana" in history(shop, "-o", "wide").stdout.splitlines()[1]


def test_a_release_taken_back_after_a_failed_bake(shop: Shop, world: World) -> None:
    found = baking(shop, world, dark(shop, world))
    meanwhile(world, shop.play_all_ready)
    with pytest.raises(Refused, match="9 of 100"), going_back(world):
        under_lease(world, note_live, found.name, (BURNT,))

    assert shop.where() == (BLUE,)
    assert [line for line in told(shop, found.name)[8:] if not line.startswith("HandOver")] == [
        "bake: fail",
        "rolling_back: BakeFailed",
        "MoveRoutes: routes to blue (the fast way)",
        "rolled_back: TrafficRestored",
    ]
    kept, journal, _ = world.store.finished(found.name)
    (back,) = [change for change in kept.changes if change.phase is Phase.ROLLING_BACK]
    (entry,) = [each for each in journal if each.intent.get("direction") == "back"]
    assert kept.judgements[-1].at == back.at == entry.at, "one write: the way back waits for no other"

    without_delays(world)
    with world.acting() as acting:
        rest_expired(acting)
    assert told(shop, found.name)[-1] == "RestSide: 1 Deployment of green at rest"


# Decisions and judgements, on paper


@pytest.fixture
def asked(shop_on_paper: Shop) -> World:
    """A dark release, and a question about it, asked a minute ago and open for an hour."""
    world = shop_on_paper.world()
    now = world.now()
    world.store.update(lambda r: records.open_release(r, release(Phase.DARK, opened_by="ci"), now))
    posed = question(asked_at=now, expires_at=now.replace(year=now.year + 1))
    world.store.update(lambda r: approvals.pose(r, posed))
    return world


def later(world: World) -> World:
    """The same world, long after the question's time."""
    now = world.now()
    world.now = lambda: now.replace(year=now.year + 2)
    return world


def test_a_release_that_was_rejected_after_all(shop_on_paper: Shop, asked: World) -> None:
    questions.decide(asked, Decision.APPROVE, by=ANA, via="cli", reason="checked by hand")
    questions.decide(asked, Decision.REJECT, by=BEN, via="Prefect UI", reason="orders fail")
    questions.close_refused(asked, approvals.NotGranted("Rejected", "ben said no: orders fail"))

    assert told(shop_on_paper, "3f2a9c01d4e8-1")[-3:] == ["approve: flip", "reject: flip", "rejected: Rejected"]
    answer = data(shop_on_paper, "3f2a")
    assert [(each["decision"], each["by"]) for each in answer["decisions"]] == [("approve", "ana"), ("reject", "ben")]
    assert answer["approvedBy"] is None


def test_a_release_nobody_decided_on_is_told_as_expired_and_nobodys_word(shop_on_paper: Shop, asked: World) -> None:
    assert questions.expire(later(asked))
    (said,) = data(shop_on_paper, "3f2a")["decisions"]
    assert (said["decision"], said["by"], said["via"]) == ("expired", "ana", "reconcile")
    assert "[by nobody; noted by ana via reconcile]" in history(shop_on_paper, "3f2a").stdout


@pytest.mark.parametrize("run", ["run-7", ""], ids=["waited for", "alone"])
def test_an_expired_question_of_the_soak_is_told_too_and_once(shop_on_paper: Shop, asked: World, run: str) -> None:
    on_to(Phase.LIVE, asked)
    now = asked.now()
    posed = question(kind=SCALE_DOWN, asked_at=now, expires_at=now.replace(year=now.year + 1), flow_run=run)
    asked.store.update(lambda r: approvals.pose(r, posed))
    assert questions.expire(later(asked))
    questions.close_refused(asked, approvals.NotGranted("ApprovalExpired", "nobody decided"))

    answer = data(shop_on_paper, "3f2a")
    assert [(each["kind"], each["decision"]) for each in answer["decisions"]] == [("scale-down", "expired")]
    assert (answer["phase"], answer["endedAt"]) == ("live", None)


def on_to(phase: Phase, world: World) -> World:
    """The dark release taken on."""
    for each in phases_until(phase)[1:]:
        advance(world, "3f2a9c01d4e8-1", each, TO_LIVE[each])
    return world


@pytest.fixture
def watched(asked: World) -> World:
    return on_to(Phase.BAKING, asked)


def test_a_bake_that_nobody_could_judge_is_told_while_it_waits(shop_on_paper: Shop, watched: World) -> None:
    said = heard(watched)
    with pytest.raises(Refused, match="none of 10 probes"):
        under_lease(watched, note_live, "3f2a9c01d4e8-1", (BLIND,))
    assert "`baking`, and unknown: errors: none of 10 probes" in said[0], "everybody is told"
    assert "flipgate rollback" in said[0]
    under_lease(watched, note_live, "3f2a9c01d4e8-1", (BAKED,))
    judgements = data(shop_on_paper, "3f2a")["judgements"]
    assert [(each["step"], each["verdict"]) for each in judgements] == [("bake", "unknown"), ("bake", "pass")]


def test_what_cannot_be_noted_of_a_bake_is_a_sentence(watched: World, monkeypatch: pytest.MonkeyPatch) -> None:
    said = heard(watched)
    with watched.acting() as acting:
        monkeypatch.setattr(acting.world.store, "update", failing_with(Conflict("was written by others")))
        with pytest.raises(Refused) as refused:
            note_live(acting, "3f2a9c01d4e8-1", (BLIND,))
        monkeypatch.setattr(acting.world.store, "update", failing_with(LostLease("ben has taken over")))
        with pytest.raises(LostLease):
            note_live(acting, "3f2a9c01d4e8-1", (BLIND,))
    assert refused.value.reason == "BakeUnknown"
    assert said == ["not told: was written by others."]


def failing_with(error: Exception) -> Callable[..., None]:
    def fail(_change: object) -> None:
        raise error

    return fail


# What cannot be read, and names


def settled(world: World) -> str:
    """A release in the history, with a journal of one step."""
    entry = {"id": 3, "step": "BringUp", "state": "done", "actor": "run-7", "at": utc_now(), "release": "0ld-1"}
    change = PhaseChange(phase=Phase.SETTLED, reason=Reason.OLD_SIDE_AT_REST, at=utc_now())
    old = release(id="0ld", changes=(change,))
    world.store.write_history(old, [records.JournalEntry(**entry, outcome="3 pods wanted")])
    return f"{world.store.name}-{old.name}"


def test_a_release_finished_before_journals_were_kept_is_told_without(shop_on_paper: Shop) -> None:
    name = settled(shop_on_paper.world())
    assert "3 pods wanted" in history(shop_on_paper, "0ld").stdout
    shop_on_paper.cluster.patch(
        f"{shop_on_paper.config_maps}/release-{name}", [{"op": "remove", "path": "/data/journal.json"}]
    )
    result = history(shop_on_paper, "0ld")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "settled" in result.stdout
    assert "3 pods wanted" not in result.stdout


def test_a_garbled_journal_hides_itself_alone_and_is_named(shop_on_paper: Shop) -> None:
    world = shop_on_paper.world()
    name = settled(world)
    path = f"{shop_on_paper.config_maps}/release-{name}"
    good = shop_on_paper.cluster.get(path)["data"]["journal.json"]
    for text in ("", "{", "{}", "[{}]", good.replace("Z", "")):
        shop_on_paper.patch(path, ("replace", "/data/journal.json", text))
        found, journal, problem = world.store.finished("0ld-1")
        assert (found.name, journal) == ("0ld-1", ())
        assert problem is not None, text
    result = history(shop_on_paper, "0ld")
    assert result.exit_code == 0
    assert "settled" in result.stdout
    assert f"left out: {problem}\n" in result.stderr
    of, fact = f"journal in ConfigMap {shop_on_paper.own}/release-{name}", "an entry does not say when it was"
    assert data(shop_on_paper, "0ld")["problems"] == [{"of": of, "fact": f"cannot be read: {fact}"}]
    assert [each.name for each in world.store.history()] == ["0ld-1"]
    assert world.store.history_problems() == []


def test_writing_a_release_again_loses_nothing_of_its_journal(shop_on_paper: Shop, asked: World) -> None:
    advance(asked, "3f2a9c01d4e8-1", Phase.ABORTED, Reason.DEPLOY_ABORTED)
    write_history(asked)
    before = asked.store.finished("3f2a9c01d4e8-1")
    asked.store.update(lambda r: but(r, journal=r.journal[-1:]))
    write_history(asked)
    assert len(before[1]) == 2
    assert asked.store.finished("3f2a9c01d4e8-1") == before


def test_neither_record_nor_history_hides_the_other(shop_on_paper: Shop, asked: World) -> None:
    settled(asked)
    name = f"release-{shop_on_paper.name}-0ld-2"
    labels = {"flipgate.dev/application": shop_on_paper.name, "flipgate.dev/kind": "release"}
    spoilt = {"metadata": {"name": name, "labels": labels}, "data": {"release.json": "{"}}
    shop_on_paper.cluster.create(shop_on_paper.config_maps, spoilt)
    under_way = data(shop_on_paper, "3f2a")
    assert (under_way["phase"], under_way["endedAt"]) == ("dark", None)
    assert [(entry["step"], entry["actor"]) for entry in under_way["journal"]] == [("Phase:dark", "ci")]
    unreadable = history(shop_on_paper, "0ld-2")
    assert unreadable.exit_code == 1
    assert f"release in ConfigMap {shop_on_paper.own}/{name}: cannot be read: " in unreadable.stderr

    shop_on_paper.write_record("garbled")
    assert [each["of"] for each in data(shop_on_paper, "0ld-1")["problems"]] == [f"record of {shop_on_paper.name}"]
    gone = history(shop_on_paper, "3f2a")
    assert gone.exit_code == 1
    assert f"; record of {shop_on_paper.name} cannot be read: " in gone.stderr


def test_a_word_that_names_no_one_release(shop_on_paper: Shop, asked: World) -> None:
    settled(asked)
    again = release(Phase.DEPLOYING, Phase.SUPERSEDED, attempt=2)
    asked.store.write_history(again)
    several = history(shop_on_paper, "3f2a")
    assert several.exit_code == 2
    assert "is the beginning of 2 releases: 3f2a9c01d4e8-1, 3f2a9c01d4e8-2" in several.stderr
    unknown = history(shop_on_paper, "0ld-9")
    assert unknown.exit_code == 1
    assert 'is not in the history; did you mean "0ld-1"?' in unknown.stderr
    assert data(shop_on_paper, "3f2a9c01d4e8-2")["phase"] == "superseded"
    assert history(shop_on_paper, "0ld", "--limit", "1").exit_code == 2

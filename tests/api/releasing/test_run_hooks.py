"""Hooks of a release: each once, kept, ended at its limit, taken on after a death, and never in a rollback's way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flipgate.adapters import programs
from flipgate.core.gates.hooks import Hook, HookPoint
from flipgate.core.record import record as records
from flipgate.core.record.phases import Phase, QuestionKind, Reason
from flipgate.core.record.record import EntryState
from flipgate.core.record.release import Release
from flipgate.core.values.base import but
from flipgate.core.values.errors import LostLease, Refused
from flipgate.core.values.reasons import Why
from flipgate.core.values.verdicts import Evidence, Verdict
from flipgate.steps.acting.world import World
from flipgate.steps.going_back.recover import recover
from flipgate.steps.going_back.roll_back import roll_back
from flipgate.steps.moving import jobs
from flipgate.steps.releasing.foresee import foresee
from flipgate.steps.releasing.planned import hook_lines
from flipgate.steps.releasing.run_hooks import left_after, run_hooks
from flipgate.steps.releasing.settle import failing, settle
from tests.api.jobs import ends, path, the_job
from tests.api.shop import GREEN, Shop, advanced, last_entry, meanwhile, opened
from tests.api.steps import unreadable, users_complain
from tests.core import builders

MIGRATE = {"name": "migrate", "at": "before-bring-up", "workload": "web", "run": ["migrate", "up"]}
PROGRAM = {"name": "warm", "at": "before-bring-up", "command": ["warm"]}
BEFORE, READY, FLIP = HookPoint.BEFORE_BRING_UP, HookPoint.AFTER_READY, HookPoint.BEFORE_FLIP
AFTER, SETTLED = HookPoint.AFTER_FLIP, HookPoint.AFTER_SETTLED


@pytest.fixture
def ran(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file to which the program `warm` writes a line each time that it is run; `broken` fails, `endless` never
    ends."""
    home, lines = tmp_path / "commands", tmp_path / "lines"
    home.mkdir(mode=0o755)
    lines.touch()
    for name, end in (
        ("warm", "echo warmed $FLIPGATE_SIDE"),
        ("broken", "echo no cache; exit 1"),
        ("endless", "sleep 60"),
    ):
        (home / name).write_text(f"#!/bin/sh\necho {name} >> {lines}\n{end}\n")
        (home / name).chmod(0o755)
    monkeypatch.setenv("FLIPGATE_COMMANDS", str(home))
    return lines


def declare(world: World, *hooks: dict[str, Any]) -> World:
    made = tuple(Hook.model_validate(each) for each in hooks)
    world.application = but(world.application, spec=but(world.application.spec, hooks=made))
    return world


def run(world: World, release: Release, point: HookPoint = BEFORE) -> list[Evidence]:
    with world.acting() as acting:
        return run_hooks(acting, release, point)


def kept(world: World, point: HookPoint = BEFORE) -> dict[str, tuple[str, str]]:
    """What is kept of each hook of this point: its verdict, and what it wrote."""
    release = world.store.read().newest
    said = [each for each in (release.judgements if release else ()) if each.step == point.step]
    return {proof.gate: (proof.verdict, proof.output) for each in said for proof in each.proofs}


def test_a_job_of_a_services_own_pods_runs_once_with_the_releases_image(shop: Shop) -> None:
    world = declare(meanwhile(shop.adopted(), ends(shop)), MIGRATE)
    release = opened(world)
    (found,) = run(world, release)
    (again,) = run(world, release)
    pod = the_job(shop)["spec"]["template"]
    (container,) = pod["spec"]["containers"]
    assert (found.verdict, again.verdict) == (Verdict.PASS, Verdict.PASS)
    assert "ago, for this release: the Job completed" in again.answer
    assert (container["image"], container["command"]) == ("shop/web:2", ["migrate", "up"])
    assert "app" not in pod["metadata"]["labels"], "the Service selects by it"
    assert kept(world) == {"migrate": ("pass", "")}
    assert shop.counts(GREEN) == {"web": 0, "mailer": 0}, "nothing is brought up yet"


def test_a_program_runs_once_and_what_it_wrote_is_kept(shop: Shop, ran: Path) -> None:
    world = declare(shop.adopted(), PROGRAM, PROGRAM | {"name": "later", "at": "after-ready"})
    release = opened(world)
    run(world, release)
    run(world, release)
    assert ran.read_text() == "warm\n"
    assert kept(world) == {"warm": ("pass", "warmed green\n")}
    entry = last_entry(world)
    assert (entry.step, entry.state) == ("RunHook", EntryState.DONE)
    assert entry.outcome == "hook warm at before-bring-up: pass"


def test_one_that_fails_ends_the_release_in_its_own_words_with_users_untouched(shop: Shop, ran: Path) -> None:
    world = declare(shop.adopted(), PROGRAM | {"command": ["broken"]}, PROGRAM | {"name": "next"})
    release = opened(world)
    with world.acting() as acting, pytest.raises(Refused, match="it wrote last: no cache"), failing(acting, release):
        run_hooks(acting, release, BEFORE)
    ended = world.store.read().last
    assert ended is not None
    assert (ended.phase, ended.changes[-1].reason) == (Phase.FAILED, "HookFailed")
    assert kept(world) == {"warm": ("fail", "no cache\n")}
    assert ran.read_text() == "broken\n", "those behind it are not run"
    assert shop.where() == ("blue",)


def test_one_that_cannot_be_run_is_unknown_and_ends_the_release(shop: Shop) -> None:
    world = declare(shop.adopted(), MIGRATE)
    release = opened(world)
    shop.cluster.delete(f"{shop.deployments(GREEN)}/web")
    with pytest.raises(Refused, match=f"unknown: not run: Deployment {shop.namespace(GREEN)}/web is not there") as no:
        run(world, release)
    assert no.value.reason == "HookFailed"


def test_one_that_never_ends_is_killed_at_its_limit(shop: Shop, ran: Path) -> None:
    world = declare(shop.adopted(), PROGRAM | {"command": ["endless"], "timeoutSeconds": 1})
    with pytest.raises(Refused, match="killed after 1 s, its limit"):
        run(world, opened(world))


def test_a_job_that_never_ends_is_suspended_beyond_its_limit(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody plays its controller, which would have ended it."""
    monkeypatch.setattr(jobs, "LATE_SECONDS", 0.0)
    monkeypatch.setattr(jobs, "LOOK_SECONDS", 0.1)
    world = declare(shop.adopted(), MIGRATE | {"timeoutSeconds": 1})
    with pytest.raises(Refused, match="has not ended 0 s after its limit of 1 s"):
        run(world, opened(world))
    assert the_job(shop)["spec"]["suspend"] is True


def test_killed_between_making_and_running_it_is_taken_on_by_who_comes_next(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = declare(meanwhile(shop.adopted(), ends(shop)), MIGRATE)
    release = opened(world)

    def dies(*_: Any) -> None:
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(jobs, "_set_suspended", dies)
        with pytest.raises(SystemExit):
            run(world, release)
    assert the_job(shop)["spec"]["suspend"] is True
    assert last_entry(world).state is EntryState.BEGUN
    assert kept(world)["migrate"][0] == "info", "whoever looks sees that it was begun"
    assert recover(world).pipeline == "deploy-dark"
    (found,) = run(world, release)
    assert found.verdict is Verdict.PASS
    the_job(shop)


@pytest.mark.parametrize("after", [False, True], ids=["while it ran", "before its end was noted"])
def test_a_program_whose_run_was_killed_is_run_again(
    shop: Shop, ran: Path, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    world = declare(shop.adopted(), PROGRAM)
    release = opened(world)

    def dies(*given: Any, **more: Any) -> None:
        if after:
            found(*given, **more)
        raise SystemExit

    found = programs.run
    with monkeypatch.context() as patched:
        patched.setattr(programs, "run", dies)
        with pytest.raises(SystemExit):
            run(world, release)
    entry = last_entry(world)
    assert (entry.step, entry.state) == ("RunHook", EntryState.BEGUN)
    recover(world)
    run(world, release)
    assert ran.read_text() == ("warm\n" * 2 if after else "warm\n")
    assert kept(world)["warm"][0] == "pass"


def test_reconcile_leaves_a_hook_alone_whose_run_is_at_work(shop: Shop, ran: Path) -> None:
    world = declare(shop.adopted("pipeline"), PROGRAM)
    release, facts = opened(world), list[str]()

    def reconcile() -> None:
        facts.append(recover(shop.world("reconcile")).fact)

    with pytest.MonkeyPatch.context() as patched:
        found = programs.run
        patched.setattr(programs, "run", lambda *given, **more: [reconcile(), found(*given, **more)][1])
        run(world, release)
    (fact,) = facts
    assert fact.startswith("RunHook goes on: entry ")
    assert kept(world)["warm"][0] == "pass"


def going_back_meanwhile(shop: Shop, world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Whoever waits in this world is overtaken by a rollback."""
    monkeypatch.setattr(jobs, "ASK_SECONDS", 0.0)
    monkeypatch.setattr(jobs, "LOOK_SECONDS", 0.0)
    gone = list[Any]()

    def rolls_back() -> None:
        if not gone and shop.cluster.items(path(shop)):
            gone.append(True)
            other = shop.world("ben")
            other.application = world.application
            gone.append(roll_back(other, "a bad feeling", by="ben"))

    return meanwhile(world, rolls_back)


def test_a_rollback_stops_the_job_of_a_hook_and_waits_for_nothing(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    world = going_back_meanwhile(shop, declare(shop.adopted(), MIGRATE), monkeypatch)
    with pytest.raises(Refused, match="by ben: a bad feeling"):
        run(world, opened(world))
    ended = world.store.read().last
    assert ended is not None
    assert ended.phase is Phase.ABORTED
    assert the_job(shop)["spec"]["suspend"] is True


def test_after_the_flip_a_rollback_sends_users_back_and_then_stops_it(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = declare(shop.gone_live(until=Phase.BAKING), MIGRATE | {"at": "after-flip"})
    world = going_back_meanwhile(shop, live, monkeypatch)
    monkeypatch.setattr("flipgate.steps.releasing.run_hooks.quick_watch", lambda *_: lambda: None)
    release = world.store.read().release
    assert release
    with pytest.raises(LostLease):
        run(world, release, AFTER)
    assert shop.where() == ("blue",)
    assert the_job(shop)["spec"]["suspend"] is True


def test_a_newer_build_stops_the_job_of_the_release_that_it_supersedes(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "ASK_SECONDS", 0.0)
    monkeypatch.setattr(jobs, "LOOK_SECONDS", 0.0)
    newer = list[Release]()

    def builds() -> None:
        if not newer and shop.cluster.items(path(shop)):
            newer.append(opened(shop.world("ci"), "3"))

    world = declare(meanwhile(shop.adopted(), builds), MIGRATE)
    with pytest.raises(Refused) as refused:
        run(world, opened(world))
    assert refused.value.reason == "Superseded"
    assert the_job(shop)["spec"]["suspend"] is True


def dark(shop: Shop, *hooks: dict[str, Any]) -> tuple[World, Release]:
    world = declare(shop.gone_live(until=Phase.DARK), *hooks)
    release = world.store.read().release
    assert release
    return world, release


def test_before_the_flip_one_that_fails_leaves_the_release_dark_and_is_run_anew(shop: Shop, ran: Path) -> None:
    world, release = dark(shop, PROGRAM | {"at": "before-flip", "command": ["broken"]})
    for _ in range(2):
        with pytest.raises(Refused, match=r"hook at before-flip .*no cache") as refused:
            run(world, release, FLIP)
    assert refused.value.reason == "HookFailed"
    assert world.store.read().phase is Phase.DARK
    assert ran.read_text() == "broken\n" * 2
    assert shop.where() == ("blue",)


def test_its_job_is_another_one_for_each_question(shop: Shop) -> None:
    """What failed stays for a look; the next yes has it run anew."""
    world, release = dark(shop, MIGRATE | {"at": "before-flip"})
    world = meanwhile(world, ends(shop, "Failed", "BackoffLimitExceeded"))
    for number in ("flip-1", "flip-2"):
        asked = builders.question(id=number, release=release.name)
        world.store.update(lambda record, asked=asked: but(record, question=asked))
        with pytest.raises(Refused, match="BackoffLimitExceeded"):
            run(world, release, FLIP)
    assert len(shop.cluster.items(path(shop))) == 2


def test_where_users_are_no_hook_of_the_dark_side_runs(shop: Shop, ran: Path) -> None:
    world, release = dark(shop, PROGRAM | {"at": "before-flip"})
    shop.point("live", shop.namespace(GREEN))
    with pytest.raises(Refused, match="no side can be called dark"):
        run(world, release, FLIP)
    assert ran.read_text() == ""


@pytest.fixture
def baking(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr("flipgate.steps.releasing.run_hooks.quick_watch", lambda *_: lambda: None)
    return shop.gone_live(until=Phase.BAKING)


def released(world: World) -> Release:
    release = world.store.read().newest
    assert release
    return release


def test_after_the_flip_a_failure_is_told_once_and_nothing_moves(shop: Shop, baking: World, ran: Path) -> None:
    declare(baking, PROGRAM | {"at": "after-flip", "command": ["broken"]})
    said: list[str] = []
    baking.say = said.append
    (found,) = run(baking, released(baking), AFTER)
    (again,) = run(baking, released(baking), AFTER)
    assert (found.verdict, again.verdict, ran.read_text()) == (Verdict.FAIL, Verdict.FAIL, "broken\n")
    assert sum("Nothing moves for it" in line for line in said) == 1
    assert shop.where() == ("green",)


@pytest.mark.parametrize(
    ("program", "reason"), [("broken", "BakeFailed"), ("not-there", "BakeUnknown")], ids=["failed", "unknown"]
)
def test_after_the_flip_one_may_send_users_back_as_a_bake_does(
    baking: World, ran: Path, program: str, reason: str
) -> None:
    declare(baking, PROGRAM | {"at": "after-flip", "command": [program], "onFailure": "rollBack"})
    with pytest.raises(Refused) as refused:
        run(baking, released(baking), AFTER)
    assert refused.value.reason == reason


def test_while_one_runs_users_are_watched_and_go_back_at_once(
    shop: Shop, ran: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programs, "ASK_SECONDS", 0.0)
    world = declare(shop.gone_live(until=Phase.BAKING), PROGRAM | {"at": "after-flip", "command": ["endless"]})

    def bad() -> None:
        raise Refused("fail: probes: 9 of 9", reason=Why.BAKE_FAILED)

    monkeypatch.setattr("flipgate.steps.releasing.run_hooks.quick_watch", lambda *_: bad)
    with pytest.raises(Refused, match="probes: 9 of 9"):
        run(world, released(world), AFTER)


def test_none_begins_once_a_rollback_without_the_record_has_sent_users_back(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes no Lease, and looks for Jobs before this one is made."""
    world = declare(shop.gone_live(until=Phase.BAKING), MIGRATE | {"at": "after-flip"})
    monkeypatch.setattr("flipgate.steps.releasing.run_hooks.quick_watch", lambda *_: None)
    making = jobs.make_job

    def made(*arguments: Any) -> dict[str, Any]:
        with unreadable(shop):
            assert not users_complain(shop).recorded
        return making(*arguments)

    monkeypatch.setattr(jobs, "make_job", made)
    (found,) = run(world, released(world), AFTER)
    assert (found.verdict, "users are not on green by now" in found.answer) == (Verdict.UNKNOWN, True)
    assert (shop.where(), the_job(shop)["spec"]["suspend"]) == (("blue",), True)
    assert the_job(shop)["metadata"]["generation"] == 1, "it was never let run"


def test_a_program_ends_once_a_rollback_without_the_record_has_sent_users_back(
    shop: Shop, ran: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programs, "ASK_SECONDS", 0.0)
    monkeypatch.setattr("flipgate.steps.releasing.run_hooks.quick_watch", lambda *_: users_go)
    world = declare(shop.gone_live(until=Phase.BAKING), PROGRAM | {"at": "after-flip", "command": ["endless"]})
    gone = list[bool]()

    def users_go() -> None:
        if ran.read_text() and not gone:
            with unreadable(shop):
                gone.append(users_complain(shop).recorded)

    (found,) = run(world, released(world), AFTER)
    assert (found.verdict, gone) == (Verdict.UNKNOWN, [False])
    assert found.answer.startswith("ended: users are not on green by now")


def test_what_follows_the_end_is_run_once_and_stands_in_the_history(shop: Shop, ran: Path) -> None:
    world = settled(shop, PROGRAM | {"at": "after-settled", "command": ["broken"]})
    left = left_after(world)
    assert left, "whoever has died in between has left it"
    (found,) = run(world, left, SETTLED)
    assert found.verdict is Verdict.FAIL
    assert left_after(world) is None
    run(world, left, SETTLED)
    assert ran.read_text() == "broken\n"
    (proof,) = world.store.finished(left.name)[0].judgements[-1].proofs
    assert (proof.gate, proof.verdict, proof.output) == ("warm", "fail", "no cache\n")


@pytest.mark.parametrize("ended", [False, True], ids=["opened", "ended"])
def test_what_follows_the_end_is_run_though_a_newer_release_was_opened_or_has_ended_first(
    shop: Shop, ran: Path, ended: bool
) -> None:
    world = settled(shop, PROGRAM | {"at": "after-settled"})
    first = released(world)
    newer = opened(world, "3")
    if not ended:
        advanced(world, newer, Phase.FLIPPING)
        assert left_after(world) is None, "not while users are moved"
        undone = Phase.DARK, Reason.MOVE_UNDONE
        world.store.update(lambda record: records.advance(record, *undone, world.now(), actor="ana"))
    if ended:
        roll_back(world, "not this one", by="ana")
    left = left_after(world)
    assert left
    assert (left.name, world.store.read().named(first.name) is None) == (first.name, ended)
    (found,) = run(world, left, SETTLED)
    assert (found.verdict, ran.read_text(), left_after(world)) == (Verdict.PASS, "warm\n", None)
    run(world, left, SETTLED)
    assert ran.read_text() == "warm\n", "once"
    proofs = [proof for said in world.store.finished(first.name)[0].judgements for proof in said.proofs]
    assert [(proof.gate, proof.verdict) for proof in proofs if proof.gate == "warm"] == [("warm", "pass")]


def test_one_that_is_declared_after_the_end_is_not_run_for_it(shop: Shop, ran: Path) -> None:
    world = settled(shop)
    declare(world, PROGRAM | {"at": "after-settled"})
    assert left_after(world) is None
    assert run(world, released(world), SETTLED) == []
    assert ran.read_text() == ""


def settled(shop: Shop, *hooks: dict[str, Any]) -> World:
    """The release's old side rests, on a yes that is taken for granted."""
    world = declare(shop.gone_live(until=Phase.LIVE), *hooks)
    with pytest.MonkeyPatch.context() as patched, world.acting() as acting:
        patched.setattr("flipgate.steps.releasing.settle._spend", lambda record: record)
        patched.setattr("flipgate.steps.releasing.settle._need_still_served", lambda *_: "")
        settle(acting)
    return world


def test_a_deploy_and_a_question_show_beforehand_what_will_run(shop: Shop) -> None:
    back = {"at": "after-flip", "onFailure": "rollBack", "name": "smoke"}
    world = declare(shop.adopted(), PROGRAM | back, MIGRATE, PROGRAM | {"at": "after-settled"})
    first = "migrate at before-bring-up: Job of web's own pods: migrate up (for at most 300 s)"
    flip = "smoke at after-flip: warm (for at most 300 s, users go back where it fails)"
    last = "warm at after-settled: warm (for at most 300 s)"
    assert foresee(world, {"web": "shop/web:2"}).hooks == (first, flip, last)
    assert hook_lines(world, QuestionKind.FLIP) == [flip]
    assert hook_lines(world, QuestionKind.SCALE_DOWN) == [last]

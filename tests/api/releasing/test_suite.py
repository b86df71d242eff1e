"""Checks that run by themselves, in a release: run once, kept, shown with their age, and never skipped unseen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flipgate.adapters import programs
from flipgate.core.gates.checks import Check
from flipgate.core.record.phases import Phase
from flipgate.core.record.record import Record
from flipgate.core.record.release import Release
from flipgate.core.values.base import but
from flipgate.core.values.errors import Refused, TemporaryError
from flipgate.core.values.verdicts import Evidence, Verdict
from flipgate.steps.acting.world import World
from flipgate.steps.going_back.roll_back import roll_back
from flipgate.steps.looking.check import need_pass
from flipgate.steps.releasing.bring_up import bring_up, open_release
from flipgate.steps.releasing.note_dark import note_dark
from flipgate.steps.releasing.suite import check_release, still_passed
from tests.api.shop import GREEN, Shop, opened, under_lease

SUITE = {"name": "suite", "service": "web", "command": ["suite"]}


@pytest.fixture
def count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file to which the operator's program `suite` writes a line each time that it is run; `broken` fails."""
    home, lines = tmp_path / "commands", tmp_path / "lines"
    home.mkdir(mode=0o755)
    lines.touch()
    for name, end in (("suite", "echo all is well"), ("broken", "echo no basket; exit 1")):
        (home / name).write_text(f"#!/bin/sh\necho once >> {lines}\n{end}\n")
        (home / name).chmod(0o755)
    monkeypatch.setenv("FLIPGATE_COMMANDS", str(home))
    return lines


def declare(world: World, *checks: dict[str, Any]) -> None:
    rules = tuple(Check.model_validate(each) for each in checks)
    world.application = but(world.application, spec=but(world.application.spec, checks=rules))


def checked(world: World, release: Release) -> Release:
    """The release, checked and dark."""
    with world.acting() as acting:
        return note_dark(acting, release, check_release(acting, release))


def test_it_runs_once_for_a_release_and_later_questions_show_what_it_said(shop: Shop, count: Path) -> None:
    world = shop.adopted()
    declare(world, SUITE)
    release = checked(world, opened(world))
    assert release.phase is Phase.DARK
    (proof,) = release.judgements[0].proofs
    assert (proof.output, proof.verdict) == ("all is well\n", "pass")
    assert proof.seconds
    (shown,) = still_passed(world, release)
    assert shown.verdict is Verdict.PASS
    assert "ago, for this release: exit code 0 after" in shown.answer
    checked(world, release)
    assert count.read_text() == "once\n", "nor is it run again where the same build comes again"


def test_one_that_is_new_in_the_file_stops_the_flip(shop: Shop, count: Path) -> None:
    world = shop.adopted()
    release = checked(world, opened(world))
    declare(world, SUITE)
    with pytest.raises(Refused, match="suite: unknown: never run for this release") as refused:
        still_passed(world, release)
    assert refused.value.reason == "ChecksFailed"
    assert "Once flipgate rollback has ended the release the build has to be deployed again" in refused.value.fact
    assert opened(world).name == release.name, "deployed at once it would be this very release"
    assert count.read_text() == ""
    roll_back(world, "a new check", by="ana")
    assert checked(world, opened(world)).phase is Phase.DARK
    assert count.read_text() == "once\n"


def test_it_is_not_run_where_an_http_check_does_not_pass(shop: Shop, count: Path) -> None:
    world = shop.adopted()
    declare(world, {"name": "health", "service": "web", "path": "/health"}, SUITE)
    with world.acting() as acting, pytest.raises(Refused, match="health: unknown: no answer") as refused:
        check_release(acting, opened(acting.world))
    assert [(each.gate, each.verdict) for each in refused.value.evidence] == [("health", "unknown"), ("suite", "info")]
    assert count.read_text() == ""


def test_one_that_fails_is_told_with_its_last_words(shop: Shop, count: Path) -> None:
    world = shop.adopted()
    declare(world, {**SUITE, "command": ["broken"]})
    with world.acting() as acting, pytest.raises(Refused, match="it wrote last: no basket") as refused:
        check_release(acting, opened(acting.world))
    assert refused.value.reason == "ChecksFailed"


def test_no_release_is_opened_where_its_commands_would_not_be_run(
    shop: Shop, count: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = shop.adopted()
    declare(world, SUITE)
    monkeypatch.delenv("FLIPGATE_COMMANDS")
    with pytest.raises(Refused, match="this worker runs no commands"):
        open_release(world, {"web": "shop/web:2"}, "ci")
    assert world.store.read().release is None


def test_a_record_that_cannot_be_read_for_a_moment_ends_no_program(
    shop: Shop, count: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would be run once more, and what it writes would be there twice."""
    monkeypatch.setattr(programs, "ASK_SECONDS", 0.0)
    world = shop.adopted()
    declare(world, {**SUITE, "command": ["slow"]})
    (count.parent / "commands" / "slow").write_text(f"#!/bin/sh\necho once >> {count}\nsleep 0.5\n")
    (count.parent / "commands" / "slow").chmod(0o755)
    release = opened(world)
    with world.acting() as acting:
        read = acting.world.store.read

        def away() -> Record:
            if count.read_text():
                raise TemporaryError("etcdserver: leader changed")
            return read()

        monkeypatch.setattr(acting.world.store, "read", away)
        (found,) = check_release(acting, release)
    assert (found.verdict, count.read_text()) == (Verdict.PASS, "once\n")


def test_what_is_only_shown_stops_nothing(imagined: Shop) -> None:
    shown = Evidence("suite", Verdict.INFO, "suite", "record", "passed 2 h ago; what it said is not kept", "")
    need_pass(imagined.world(), GREEN, [shown])


def test_a_dark_side_that_somebody_emptied_is_said_before_what_answers_for_it(shop: Shop) -> None:
    world = shop.adopted()
    release = opened(world)
    under_lease(world, bring_up, release)
    declare(world, {"name": "health", "service": "web", "path": "/health"})
    shop.scaled(GREEN, "web", 0)
    web = f"Deployment {shop.namespace(GREEN)}/web"
    with pytest.raises(Refused, match=f"^.*: {web} asks for 0 of 2 wanted pods, set by .*; health: unknown") as refused:
        still_passed(world, release)
    assert refused.value.next_command == f"kubectl -n {shop.namespace(GREEN)} scale deployment/web --replicas=2"

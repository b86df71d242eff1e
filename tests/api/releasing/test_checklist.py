"""A checklist on a real API server, between the steps of played flows: machines answer its lines when a person is asked
and once more before users move, and a person answers for one that cannot, where the file says so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flipgate.adapters import programs
from flipgate.core.gates.kinds import Gate
from flipgate.core.record.phases import Phase, QuestionKind
from flipgate.core.record.record import Record
from flipgate.core.values.base import but
from flipgate.core.values.errors import LostLease
from flipgate.core.values.verdicts import Evidence
from flipgate.steps.acting.acting import Acting
from flipgate.steps.acting.world import World
from flipgate.steps.looking.commands import command_problems, unread_applications
from flipgate.steps.watching.points import gates_before, need_gates
from tests.api.desk import Desk
from tests.api.played import PlayedPrefect, SuspendedError
from tests.api.releasing.test_gates_hold import asked, flip, gated, reconcile, shown
from tests.api.shop import Shop, under_lease
from tests.api.wire import Answer, Handler, serving

pytestmark = pytest.mark.xdist_group("prefect")  # one process imports it, which takes seconds

FLIP = QuestionKind.FLIP
BACKUP = "{name: backup, command: [backup-age], at: flip}"
OR_TICK = "{name: backup, command: [backup-age], at: flip, orTick: a backup of today was read back}"


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Writes what the operator's program `backup-age` does."""
    home = tmp_path / "commands"
    home.mkdir(mode=0o755)
    monkeypatch.setenv("FLIPGATE_COMMANDS", str(home))

    def write(script: str) -> None:
        (home / "backup-age").write_text(f"#!/bin/sh\n{script}\n")
        (home / "backup-age").chmod(0o755)

    return write


def declare(world: World, **keys: Any) -> None:
    gate = Gate.model_validate({"name": "line", "at": "flip", **keys})
    world.application = but(world.application, spec=but(world.application.spec, gates=(gate,)))


def found(world: World) -> tuple[str, str]:
    (evidence,) = gates_before(world, FLIP)
    assert isinstance(evidence, Evidence)
    return str(evidence.verdict), evidence.answer


def test_a_program_is_told_of_the_release_and_its_images_and_its_exit_code_answers(
    dark: World, program: Callable[[str], None]
) -> None:
    declare(dark, command=("backup-age",))
    release = dark.store.read().release
    assert release
    program('echo "$FLIPGATE_RELEASE $FLIPGATE_IMAGES $FLIPGATE_SIDE"')
    verdict, answer = found(dark)
    assert verdict == "pass"
    assert f"it wrote last: {release.name} " in answer
    assert answer.endswith('{"mailer": "shop/mailer:1", "web": "shop/web:2"} green')
    program("echo the backup is 31 h old; exit 1")
    verdict, answer = found(dark)
    assert (verdict, "exit code 1 after" in answer, "the backup is 31 h old" in answer) == ("fail", True, True)


def test_a_program_is_ended_once_the_lease_is_lost(
    dark: World, program: Callable[[str], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who has taken over may move users meanwhile: a verdict for one that is over is nobody's."""
    monkeypatch.setattr(programs, "ASK_SECONDS", 0.0)
    declare(dark, command=("backup-age",), timeout_seconds=60)
    began, ended = tmp_path / "began", tmp_path / "ended"
    program(f"trap 'touch {ended}; exit 0' TERM; touch {began}; while :; do sleep 0.05; done")

    def stolen(acting: Acting) -> None:
        def may_go_on() -> None:
            if began.exists():
                with dark.acting(steal=True):
                    acting.confirm_lease()

        with pytest.raises(LostLease):
            need_gates(acting.world, FLIP, moving=True, may_go_on=may_go_on)

    under_lease(dark, stolen)
    assert ended.exists()


def test_a_program_that_is_not_there_is_unknown_and_said_before_a_release_is_opened(
    dark: World, program: Callable[[str], None]
) -> None:
    declare(dark, command=("backup-age",))
    verdict, answer = found(dark)
    assert (verdict, "not started: " in answer) == ("unknown", True)
    (problem,) = command_problems(dark)
    assert problem.startswith("gate line cannot be run: ")
    declare(dark, command=("backup-age",), or_tick="it is so")
    assert list(command_problems(dark)) == [], "a person may answer for it"


@pytest.mark.parametrize(
    ("script", "verdict", "words"),
    [
        ((200, b'{"state": "approved"}'), "pass", "status 200"),
        ((200, b'{"state": "draft"}'), "fail", "JSON path state is not as it has to be"),
        ((302, b""), "fail", "status 302, expected 200"),
        (None, "unknown", "cannot be reached"),
    ],
)
def test_an_address_is_asked_with_its_query_and_its_secret_and_nobody_sees_that(
    shop: Shop, dark: World, tmp_path: Path, script: tuple[int, bytes] | None, verdict: str, words: str
) -> None:
    heard: list[tuple[str, str]] = []

    def answers(request: Handler) -> Answer | None:
        heard.append((request.path, request.headers.get("Authorization", "")))
        return script

    body = {"metadata": {"name": "tickets"}, "stringData": {"header": "Bearer s3cret"}}
    shop.cluster.create(f"/api/v1/namespaces/{dark.store.namespace}/secrets", body)
    with serving(answers, tmp_path) as cluster:
        http = {"url": f"{cluster.server}/changes?of=shop", "json": {"state": "approved"}}
        declare(dark, http={**http, "authorization": {"name": "tickets", "key": "header"}})
        judged = found(dark)
    assert (judged[0], words in judged[1]) == (verdict, True), judged
    assert {*heard} == {("/changes?of=shop", "Bearer s3cret")}
    assert "s3cret" not in repr(judged)


def test_the_release_of_another_application_has_to_have_settled_with_the_same_images(shop: Shop, dark: World) -> None:
    declare(dark, application={"name": "staging", "sameImages": True})
    verdict, answer = found(dark)
    assert (verdict, "has no record yet" in answer) == ("unknown", True), answer
    (problem,) = unread_applications(dark)
    assert problem.startswith("gate line: application staging: has no record yet")
    here = dark.store.read()
    settled = but(here, application="staging", release=None, last=None, epoch=0, question=None)
    dark.store.of("staging").create(settled)
    assert found(dark) == ("fail", "shop/web:2 (web) is not live there")

    def has(record: Record) -> Record:
        live = but(record.sides[record.active], images={"web": "shop/web:2", "mailer": "shop/mailer:1"})
        return but(record, sides={**record.sides, record.active: live})

    dark.store.of("staging").update(has)
    assert found(dark)[0] == "pass"
    assert list(unread_applications(dark)) == []
    dark.store.of("staging").update(lambda record: but(record, release=here.release))
    verdict, answer = found(dark)
    assert (verdict, answer.endswith("is `dark`")) == ("fail", True)


@pytest.mark.usefixtures("suspending")
def test_an_answer_that_turns_between_the_question_and_the_move_moves_nobody_and_the_yes_is_void(
    shop: Shop, dark: World, tmp_path: Path, program: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    from tasks import steps

    monkeypatch.setattr(steps.scale_to_live, "fn", lambda _, release: release)
    program("echo the backup is 3 h old")
    with gated(shop, dark, tmp_path, BACKUP) as (world, _):
        with pytest.raises(SuspendedError):
            flip(world)
        assert shown(asked(world), "backup")[0] == "pass"
        Desk(shop).run("approve", shop.name, "--reason", "as agreed")
        program("echo the backup is 25 h old; exit 1")
        state = flip(world)
    assert (state.name, "the backup is 25 h old" in state.message) == ("Held", True)
    record = world.store.read()
    assert (record.phase, shop.where(), record.approval) == (Phase.DARK, ("blue",), None)


@pytest.mark.usefixtures("suspending")
def test_without_or_tick_nobody_is_asked_for_a_machine_that_cannot_be_asked(
    shop: Shop, dark: World, tmp_path: Path, program: Callable[[str], None]
) -> None:
    with gated(shop, dark, tmp_path, BACKUP) as (world, _):
        assert flip(world).name == "Held"
        assert world.store.read().question is None


@pytest.mark.usefixtures("suspending")
def test_with_or_tick_a_person_answers_for_it_by_its_name_and_the_record_says_who(
    shop: Shop,
    dark: World,
    tmp_path: Path,
    program: Callable[[str], None],
    prefect: PlayedPrefect,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from tasks import steps

    monkeypatch.setattr(steps.scale_to_live, "fn", lambda _, release: release)
    moved: list[str] = []
    monkeypatch.setattr(steps.move_users, "fn", lambda _: moved.append("users") or (_ for _ in ()).throw(KeyError))
    desk = Desk(shop)
    with gated(shop, dark, tmp_path, OR_TICK) as (world, _):
        with pytest.raises(SuspendedError):
            flip(world)
        question = asked(world)
        assert [(tick.name, tick.required) for tick in question.ticks] == [("backup", True)]
        assert shown(question, "backup")[0] == "unknown"
        bare = desk.run("approve", shop.name, "--reason", "fine")
        assert (bare.exit_code, "backup (a backup of today was read back)" in bare.stderr) == (2, True)
        assert desk.run("approve", shop.name, "--tick", "backup", "--reason", "I read it back").exit_code == 0
        release = world.store.read().release
        assert release
        assert release.decisions[-1].ticks == ("backup",)

        program("echo there is none; exit 1")
        assert flip(world).name == "Held", "a machine's no is passed by no tick"
        (tmp_path / "commands" / "backup-age").unlink()
        reconcile(world)
        assert len(prefect.of("flip-traffic")) == 1, "it is unknown again: a person can be asked"
        with pytest.raises(SuspendedError):
            flip(world)
        assert desk.run("approve", shop.name, "--tick", "backup", "--reason", "once more").exit_code == 0
        heard: list[str] = []
        world.say = heard.append
        with pytest.raises(KeyError):
            flip(world)
    assert moved == ["users"]


@pytest.mark.usefixtures("suspending")
def test_a_machine_that_answered_the_question_and_is_away_at_the_move_has_a_person_asked_for_its_tick(
    shop: Shop,
    dark: World,
    tmp_path: Path,
    program: Callable[[str], None],
    prefect: PlayedPrefect,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from tasks import steps

    monkeypatch.setattr(steps.scale_to_live, "fn", lambda _, release: release)
    program("echo the backup is 3 h old")
    with gated(shop, dark, tmp_path, OR_TICK) as (world, _):
        with pytest.raises(SuspendedError):
            flip(world)
        assert asked(world).ticks == (), "a machine has answered"
        Desk(shop).run("approve", shop.name, "--reason", "as agreed")
        (tmp_path / "commands" / "backup-age").unlink()
        assert flip(world).name == "Held", "nobody has said it"
        assert shop.where() == ("blue",)
        reconcile(world)
        assert len(prefect.of("flip-traffic")) == 1
        with pytest.raises(SuspendedError):
            flip(world)
        assert [tick.name for tick in asked(world).ticks] == ["backup"]

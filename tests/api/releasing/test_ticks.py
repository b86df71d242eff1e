"""Ticks on a real API server: a yes that lacks one is not taken, by the form nor by the command, and says which."""

from __future__ import annotations

import pytest

from flipgate.core.record.approvals import Granted, NotGranted
from flipgate.core.record.phases import QuestionKind
from flipgate.core.spec.policy import Tick
from flipgate.steps.acting.world import World
from flipgate.steps.releasing import questions
from tests.api.desk import Desk
from tests.api.forms import NO, YES, Run
from tests.api.shop import Shop
from tests.core.builders import declaring

pytestmark = pytest.mark.xdist_group("prefect")  # one process imports it, which takes seconds

FLIP = QuestionKind.FLIP
TICKS = (
    Tick(name="backup-verified", text="a backup was read back today"),
    Tick(name="on-call", text="somebody is on call tonight"),
    Tick(name="calm", text="no match is on", required=False),
    Tick(name="quiet", text="nobody needs the old side", at="scale-down"),
)
BOTH = {"tick_backup_verified": True, "tick_on_call": True}


@pytest.fixture
def listed(dark: World) -> World:
    dark.application = declaring(dark.application, policy={"ticks": TICKS})
    return dark


def test_the_form_has_a_field_for_each_and_one_that_is_missing_is_asked_for_again_by_its_name(listed: World) -> None:
    run = Run()
    assert run.asks(listed) is None
    fields = run.schema["properties"]
    assert list(fields) == ["decision", "reason", "name", *BOTH, "tick_calm"]
    assert run.schema["required"] == ["decision", "reason", "name"], "a doorbell ticks nothing"
    field = fields["tick_backup_verified"]
    assert (field["type"], field["title"], field["default"]) == ("boolean", TICKS[0].text, False)

    run.answer({**YES, "tick_backup_verified": True, "tick_on_call": False})
    assert run.asks(listed) is None, "it is asked again"
    record = listed.store.read()
    assert (record.approval, record.release and record.release.decisions) == (None, ())
    assert "on-call" in run.shown
    assert "somebody is on call tonight" in run.shown

    run.answer({**YES, **BOTH})
    assert run.asks(listed) == Granted(by="ben (self-declared)", reason="looks good")
    record = listed.store.read()
    assert record.release
    assert record.release.decisions[-1].ticks == ("backup-verified", "on-call")


def test_a_no_needs_none(listed: World) -> None:
    run = Run()
    run.asks(listed)
    run.answer(NO)
    decided = run.asks(listed)
    assert isinstance(decided, NotGranted)
    assert decided.reason == "Rejected"


def test_the_command_says_each_and_status_and_history_show_who_said_what(shop: Shop, listed: World) -> None:
    desk = Desk(shop)
    Run().asks(listed)
    bare = desk.run("approve", shop.name, "--reason", "fine")
    assert bare.exit_code == 2
    for tick in TICKS[:2]:
        assert f"{tick.name} ({tick.text})" in bare.stderr
    assert f'flipgate approve {shop.name} --tick backup-verified --tick on-call --reason "..."' in bare.stderr
    assert desk.data("status", shop.name)["next"]["command"].endswith(
        '--tick backup-verified --tick on-call --reason "..."'
    )
    wrong = desk.run("approve", shop.name, "--tick", "all", "--reason", "fine")
    assert wrong.exit_code == 2
    assert "is not asked for: all" in wrong.stderr
    assert "a tick of the flip question" in wrong.stderr
    assert listed.store.read().approval is None

    ticked = ("--tick", "backup-verified", "--tick", "on-call")
    assert desk.run("approve", shop.name, *ticked, "--reason", "fine").exit_code == 0
    shown = desk.run("status", shop.name).stdout
    assert "[x] on-call: somebody is on call tonight" in shown
    assert "[ ] calm: no match is on (may be left out)" in shown
    release = listed.store.read().release
    assert release
    assert "fine; ticked: backup-verified, on-call" in desk.run("history", shop.name, release.name).stdout


def test_a_list_that_has_changed_since_the_yes_makes_it_void(listed: World) -> None:
    run = Run()
    run.asks(listed)
    run.answer({**YES, **BOTH})
    assert isinstance(run.asks(listed), Granted)
    listed.application = declaring(listed.application, policy={"ticks": (*TICKS, Tick(name="late", text="it is late"))})
    decided = questions.standing(listed, FLIP)
    assert isinstance(decided, NotGranted)
    assert (decided.reason, "what is to be ticked with a yes" in decided.fact) == ("BasisChanged", True)
    assert run.asks(listed) is None
    question = listed.store.read().question
    assert question
    assert [tick.name for tick in question.ticks] == ["backup-verified", "on-call", "calm", "late"]

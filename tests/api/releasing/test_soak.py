"""The end of a soak on a real API server: it is moved, asked about early, answered, and not answered for days."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from flipgate.core.record import record as records
from flipgate.core.record.approvals import NotGranted
from flipgate.core.record.form import Filled
from flipgate.core.record.phases import Phase, QuestionKind
from flipgate.core.record.record import Decision, Record
from flipgate.core.record.release import Release
from flipgate.core.values.base import but
from flipgate.core.values.errors import Refused
from flipgate.core.values.verdicts import Evidence
from flipgate.steps.acting.world import World, utc_now
from tests.api.desk import Desk
from tests.api.forms import Run
from tests.api.played import PlayedPrefect, SuspendedError, played
from tests.api.shop import BLUE, COUNTS, Shop
from tests.api.steps import approved, later, refusing
from tests.core.builders import declaring

pytestmark = pytest.mark.xdist_group("prefect")  # one process imports it, which takes seconds

SCALE_DOWN = QuestionKind.SCALE_DOWN
ONE, TWO = (f"00000000-0000-4000-8000-00000000000{number}" for number in (1, 2))
HOUR, DAY = 3_600.0, 86_400.0
WHY = ("--reason", "the provider's fix comes tomorrow")


@pytest.fixture
def soaking(live: World) -> World:
    """A release whose soak ends in an hour."""
    return ends(live, HOUR)


@pytest.fixture
def soaked(live: World) -> World:
    """A release whose soak is over."""
    return ends(live, -1)


def ends(world: World, seconds: float) -> World:
    end = utc_now() + timedelta(seconds=seconds)
    world.store.update(lambda r: records.update_release(r, lambda each: but(each, settle_after=end)))
    return world


def opened(world: World) -> Release:
    release = world.store.read().release
    assert release
    return release


def scale_down(world: World, run: str = "", form: Filled | None = None) -> Any:
    """The run from the top, with what a person has answered meanwhile; None where it is suspended."""
    from flows import approval

    with played(world, run) as flows:
        answers: list[Filled] = [form] if form else []
        nothing: list[Evidence] = []
        approval.forms = lambda *_: (answers, nothing)  # put back by `played`
        try:
            return flows.scale_down(world.application.name, opened(world).name)
        except SuspendedError:
            return None


def reconcile(world: World) -> None:
    with played(world) as flows:
        flows.reconcile(world, "default")


def said(record: Record, step: str) -> list[str]:
    return [entry.outcome for entry in record.journal if entry.step == step]


def told(shop: Shop, reason: str) -> list[str]:
    """The Events of this reason on the release's route."""
    events = shop.cluster.items(f"/api/v1/namespaces/{shop.own}/events")
    return [each["message"] for each in events if each["reason"] == reason]


# Later


def test_the_end_is_moved_while_the_run_sleeps_which_has_another_one_come_then(
    shop: Shop, soaking: World, prefect: PlayedPrefect
) -> None:
    before, desk = opened(soaking).settle_after, Desk(shop)
    assert before
    answer = desk.data("extend", shop.name, "--hours", "24", *WHY)
    end = opened(soaking).settle_after
    assert end == before + timedelta(hours=24)
    assert abs(datetime.fromisoformat(answer["settleAfter"]) - end) < timedelta(seconds=1)
    record = soaking.store.read()
    (line,) = said(record, "SoakExtended")
    assert "kept 24 h longer by " in line
    assert WHY[1] in line
    assert len(told(shop, "SoakExtended")) == 1
    (decided,) = opened(soaking).decisions
    assert (decided.decision, decided.via, decided.reason) == ("extend", "cli", WHY[1])
    assert f"a person moved that end to {end:%Y-%m-%d %H:%M}" in " ".join(desk.run("status", shop.name).stdout.split())

    state = scale_down(later(soaking, HOUR + 1))
    assert (state.name, state.is_completed()) == ("Kept", True)
    assert opened(soaking).stopped is None
    reconcile(later(soaking, HOUR + 1))
    (run,) = prefect.of("scale-down")
    assert run["idempotency_key"].endswith("-end-1")
    assert datetime.fromisoformat(run["expected_start_time"]) == end
    assert shop.counts(BLUE) == COUNTS


@pytest.mark.usefixtures("suspending")
def test_an_open_question_is_withdrawn_with_its_yes_and_its_run_ends(
    shop: Shop, soaked: World, prefect: PlayedPrefect
) -> None:
    assert scale_down(soaked, ONE) is None
    question = soaked.store.read().question
    assert question
    desk = Desk(shop)
    assert desk.run("approve", shop.name, "--reason", "quiet").exit_code == 0
    assert desk.run("extend", shop.name, "--hours", "2", *WHY).exit_code == 0
    record = soaked.store.read()
    assert (record.question, record.approval) == (None, None)
    end = opened(soaked).settle_after
    assert end
    assert timedelta(hours=1, minutes=59) < end - utc_now() < timedelta(hours=2), "from now on, not from the old end"

    assert scale_down(soaked, ONE).name == "Kept"
    (run,) = prefect.of("scale-down")
    assert datetime.fromisoformat(run["expected_start_time"]) == end
    assert scale_down(later(soaked, 2 * HOUR + 1), TWO) is None
    assert soaked.store.read().question, "it is asked again then"


@pytest.mark.usefixtures("prefect")
def test_one_that_is_moved_while_the_last_gates_are_asked_is_no_fault_of_the_run(
    shop: Shop, soaked: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flipgate.steps.releasing import settle

    def kept(*_: object, **__: object) -> None:
        assert Desk(shop).run("extend", shop.name, "--hours", "2", *WHY).exit_code == 0

    monkeypatch.setattr(settle, "need_gates", kept)
    shop.play_all_ready()
    approved(soaked, SCALE_DOWN)
    assert scale_down(soaked, ONE).name == "Kept"
    assert (opened(soaked).phase, opened(soaked).stopped) == (Phase.LIVE, None)
    assert said(soaked.store.read(), "ScaleDownStopped") == []
    assert shop.counts(BLUE) == COUNTS


@pytest.mark.parametrize("hours", ["0", "721", "-1"])
def test_the_end_is_no_further_than_thirty_days_away(shop: Shop, soaking: World, hours: str) -> None:
    result = Desk(shop).run("extend", shop.name, "--hours", hours, *WHY)
    assert result.exit_code == 2
    assert f"is {hours}: from 1 to 719 may be added to " in result.stderr
    assert opened(soaking).decisions == ()


def test_only_of_a_live_release_is_anything_kept(shop: Shop, dark: World) -> None:
    assert Desk(shop).refused("extend", shop.name, "--hours", "2", *WHY) == "WrongPhase"


# Early


@pytest.mark.usefixtures("suspending")
def test_a_person_has_it_asked_early_and_the_question_counts_all_the_same(
    shop: Shop, soaking: World, prefect: PlayedPrefect
) -> None:
    desk = Desk(shop)
    assert desk.refused("scale-down", shop.name) == "StillSoaking"
    assert desk.run("scale-down", shop.name, "--early").exit_code == 2
    result = desk.run("scale-down", shop.name, "--early", "--reason", "its nodes are needed")
    assert result.exit_code == 0, result.output
    (run,) = prefect.of("scale-down")
    assert [each.decision for each in opened(soaking).decisions] == ["early"]
    assert len(told(shop, "EarlyScaleDown")) == 1

    assert scale_down(soaking, run["id"]) is None, "it asks, and waits"
    asked = soaking.store.read().question
    assert asked
    assert [str(each.verdict) for each in asked.evidence if each.gate == "soak"] == ["info"], "it has not soaked"
    assert shop.counts(BLUE) == COUNTS
    assert desk.run("reject", shop.name, "--reason", "not before the match").exit_code == 0
    assert scale_down(soaking, run["id"]).name == "Rejected"
    assert scale_down(soaking, TWO).name == "Kept"
    assert desk.data("status", shop.name)["kept"] is None, "it soaks on"


@pytest.mark.usefixtures("suspending")
def test_what_is_typed_once_more_while_a_run_waits_for_a_person_starts_no_other_one(
    shop: Shop, soaking: World, prefect: PlayedPrefect
) -> None:
    """The second run put the question up anew, and what was answered on the first one's page was lost."""
    desk, early = Desk(shop), ("scale-down", shop.name, "--early", *WHY)
    assert desk.run(*early).exit_code == 0
    (run,) = prefect.of("scale-down")
    scale_down(soaking, run["id"])
    prefect.state = {"type": "PAUSED", "name": "Suspended"}
    again = desk.run(*early)
    assert (again.exit_code, len(prefect.of("scale-down"))) == (0, 1), again.output
    assert f"waits for a person already: run {run['name']}; no other one was started" in again.output
    assert desk.data(*early)["run"]["id"] == run["id"]
    assert len(told(shop, "EarlyScaleDown")) == 1
    question = soaking.store.read().question
    assert question
    assert question.flow_run == run["id"]

    prefect.state = {"type": "CANCELLED", "name": "Cancelled"}
    assert desk.run(*early).exit_code == 0
    assert len(prefect.of("scale-down")) == 2, "nobody hears an answer to the first any more"


@pytest.mark.usefixtures("suspending", "prefect")
def test_who_asks_for_users_back_on_an_early_page_is_heard_after_the_end_has_asked_anew(
    shop: Shop, soaking: World
) -> None:
    early, at_the_end = Run(), Run()
    assert Desk(shop).run("scale-down", shop.name, "--early", *WHY).exit_code == 0
    early.asks(soaking, SCALE_DOWN)
    over = later(soaking, HOUR + 1)
    at_the_end.asks(over, SCALE_DOWN)
    question = over.store.read().question
    assert question
    assert question.flow_run == at_the_end.id
    early.answer({"decision": "rollback", "reason": "orders fail", "name": "ben", "hours": 24})
    decided = early.asks(over, SCALE_DOWN)
    assert isinstance(decided, NotGranted)
    assert decided.reason == "RollbackRequested"
    said = over.store.read().approval
    assert said
    assert (said.decision, said.by, said.question) == (Decision.ROLLBACK, "ben (self-declared)", question.id)


@pytest.mark.usefixtures("suspending", "prefect")
def test_an_early_question_that_nobody_answers_leaves_the_soak_as_it_was(shop: Shop, live: World) -> None:
    soaking = ends(live, 3 * DAY)
    assert Desk(shop).run("scale-down", shop.name, "--early", *WHY).exit_code == 0
    assert scale_down(soaking, ONE) is None
    over = later(soaking, soaking.application.spec.policy.approval_expires_seconds + 1)
    reconcile(over)
    assert scale_down(over, ONE).name == "Kept"
    record = soaking.store.read()
    assert record.question is None
    assert said(record, "OldSideKept") == []


@pytest.mark.usefixtures("prefect")
def test_an_early_yes_puts_the_old_side_to_rest(shop: Shop, soaking: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from types import SimpleNamespace

    from tasks import steps

    rested: list[str] = []

    def rest(*_: Any) -> None:
        rested.append("old")
        raise Refused("so far", reason="TooFewReady")

    monkeypatch.setattr(steps, "settle_release", SimpleNamespace(fn=rest))
    assert Desk(shop).run("scale-down", shop.name, "--early", *WHY).exit_code == 0
    approved(soaking, SCALE_DOWN)
    with refusing("TooFewReady"):
        scale_down(soaking)
    assert rested == ["old"]


# The form's choices


def answers(decision: Decision, hours: int = 0) -> Filled:
    return Filled(decision, "orders fail", "ben", hours)


@pytest.mark.usefixtures("suspending")
def test_the_form_keeps_the_old_side_longer(shop: Shop, soaked: World, prefect: PlayedPrefect) -> None:
    assert scale_down(soaked, ONE) is None
    state = scale_down(soaked, ONE, answers(Decision.EXTEND, 48))
    assert state.name == "Kept"
    (decided,) = opened(soaked).decisions
    assert (decided.decision, decided.by, decided.via) == ("extend", "ben (self-declared)", "Prefect UI")
    assert decided.evidence, "with what ben was shown"
    end = opened(soaked).settle_after
    assert end
    assert end - utc_now() > timedelta(hours=47)
    assert len(prefect.of("scale-down")) == 1


@pytest.mark.usefixtures("suspending", "prefect")
def test_the_form_sends_users_back_by_the_same_step_and_the_decision_is_written_first(
    shop: Shop, soaked: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flipgate.steps.going_back import roll_back as rolling_back

    assert scale_down(soaked, ONE) is None
    with monkeypatch.context() as dying:
        dying.setattr(rolling_back, "roll_back", lambda *_, **__: (_ for _ in ()).throw(SuspendedError))
        assert scale_down(soaked, ONE, answers(Decision.ROLLBACK)) is None, "the process is gone there"
    record = soaked.store.read()
    assert record.approval
    assert (record.approval.decision, record.phase) == (Decision.ROLLBACK, Phase.LIVE)
    assert Desk(shop).refused("extend", shop.name, "--hours", "2", *WHY) == "AlreadyAnswered"
    assert Desk(shop).data("status", shop.name)["waitsFor"]["state"] == "rollback"

    state = scale_down(soaked, TWO)
    assert (state.name, state.is_completed()) == ("RolledBack", True)
    assert shop.where() == ("blue",)
    release = opened(soaked)
    assert release.phase is Phase.ROLLED_BACK
    back = next(change for change in release.changes if change.phase is Phase.ROLLING_BACK)
    assert back.message == "ben (self-declared): orders fail"
    assert [(each.decision, each.via) for each in release.decisions] == [("rollback", "Prefect UI")]


def test_reconcile_goes_on_with_a_rollback_whose_run_is_gone(
    shop: Shop, soaked: World, prefect: PlayedPrefect, suspending: None
) -> None:
    from flipgate.steps.releasing.forms import take_form

    assert scale_down(soaked, ONE) is None
    question = soaked.store.read().question
    assert question
    take_form(soaked, question, answers(Decision.ROLLBACK))
    reconcile(later(soaked, 121))
    (run,) = prefect.of("scale-down")
    assert question.id in run["idempotency_key"]


def test_the_form_of_a_scale_down_offers_these_fields_and_a_flip_s_does_not(soaked: World) -> None:
    run = Run()
    assert run.asks(soaked, SCALE_DOWN) is None
    fields = run.schema["properties"]
    assert list(fields) == ["decision", "reason", "name", "hours"]
    assert fields["decision"]["enum"] == ["approve", "reject", "extend", "rollback"]
    assert run.schema["required"] == ["decision", "reason", "name"]
    assert (fields["hours"]["default"], fields["hours"]["minimum"], fields["hours"]["maximum"]) == (24, 1, 720)
    run.answer({"decision": "extend", "reason": "later", "name": "ben", "hours": 2})
    with refusing("StillSoaking"):
        run.asks(soaked, SCALE_DOWN)
    end = opened(soaked).settle_after
    assert end
    assert end > utc_now() + timedelta(hours=1)


# Nobody answers


@pytest.mark.usefixtures("suspending")
def test_three_days_without_an_answer_are_told_once_each_and_it_is_asked_again_each_time(
    shop: Shop, soaked: World, prefect: PlayedPrefect
) -> None:
    soaked.application = declaring(soaked.application, policy={"approval_expires_seconds": int(DAY)})
    asked = set()
    for day in range(3):
        now = later(soaked, day * (DAY + 60))
        assert scale_down(now, ONE) is None, "the run that asked wakes, and asks again"
        question = soaked.store.read().question
        assert question
        asked.add(question.id)
        over = later(soaked, day * (DAY + 60) + DAY + 30)
        for _ in range(3):
            reconcile(over)
    assert len(asked) == 3
    record = soaked.store.read()
    lines = said(record, "OldSideKept")
    assert [line.partition(":")[0] for line in lines] == [f"blue is kept, day {day}" for day in (1, 2, 3)]
    assert "nobody has answered whether it may rest. It has 3 pods that ask for" in lines[-1]
    assert len(told(shop, "OldSideKept")) == 3
    assert [each.decision for each in opened(soaked).decisions] == ["expired"], "not one for each day"
    assert (record.phase, shop.counts(BLUE)) == (Phase.LIVE, COUNTS)


@pytest.mark.usefixtures("suspending")
def test_where_the_run_that_asked_is_gone_reconcile_starts_another(
    shop: Shop, soaked: World, prefect: PlayedPrefect
) -> None:
    assert scale_down(soaked, ONE) is None
    over = soaked.application.spec.policy.approval_expires_seconds + 1
    reconcile(later(soaked, over))
    assert prefect.of("scale-down") == [], "its run is on its way"
    reconcile(later(soaked, over + 121))
    (run,) = prefect.of("scale-down")
    assert scale_down(later(soaked, over + 121), run["id"]) is None
    question = soaked.store.read().question
    assert question
    assert question.flow_run == run["id"]
    kept = json.loads(Desk(shop).run("status", shop.name, "-o", "json").stdout)
    assert kept["kept"] is None, "that is of a day to come"


@pytest.mark.usefixtures("suspending", "prefect")
def test_after_a_no_nobody_is_asked_again_and_each_day_says_whose_no_it_was(shop: Shop, soaked: World) -> None:
    heard: list[str] = []
    assert scale_down(soaked, ONE) is None
    assert scale_down(soaked, ONE, answers(Decision.REJECT)).name == "Rejected"
    for day in (0, 0, 1, 1):
        reconcile(replace(later(soaked, day * DAY + 60), say=heard.append))
    lines = said(soaked.store.read(), "OldSideKept")
    assert ["ben (self-declared) said no to its rest: orders fail" in line for line in lines] == [True, True]
    assert soaked.store.read().question is None
    kept = Desk(shop).data("status", shop.name)["kept"]
    assert (kept["days"], kept["pods"]) == (1, 3)
    assert "Kept" in Desk(shop).run("status", shop.name).stdout

"""Questions and answers on a real API server; Prefect's part, forms and suspension, is played."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from flipgate.adapters import runs
from flipgate.core.record.approvals import Granted, NotGranted
from flipgate.core.record.phases import Phase, QuestionKind
from flipgate.core.record.record import Approval, Decision, Record
from flipgate.core.values.errors import Refused
from flipgate.core.values.reasons import Why
from flipgate.steps.acting.world import World
from flipgate.steps.releasing import questions
from tests.api.forms import NO, YES, Run
from tests.api.shop import GREEN, Shop
from tests.api.steps import Install, later, read_settings
from tests.core.builders import ANA

pytestmark = pytest.mark.xdist_group("prefect")  # one process imports it, which takes seconds

FLIP, SCALE_DOWN = QuestionKind.FLIP, QuestionKind.SCALE_DOWN


@pytest.fixture(scope="module")
def shop(install: Install) -> Shop:
    """A shop with a release that is up on green and checked, whose sides no test here changes; its `web` reads a
    ConfigMap."""
    shop = install()
    reading_a_config_map(shop, Phase.DARK)
    return shop


@pytest.fixture(scope="module")
def unasked(shop: Shop) -> Record:
    """Its record before anybody was asked."""
    return shop.world().store.read()


@pytest.fixture
def dark(shop: Shop, unasked: Record) -> World:
    """That shop, as if no other test had asked anybody."""
    world = shop.world()
    world.store.update(lambda _: unasked)
    return world


@pytest.fixture
def live(install: Install) -> World:
    """A shop of the test's own with the same release in its soak."""
    return reading_a_config_map(install(), Phase.LIVE)


def reading_a_config_map(shop: Shop, until: Phase) -> World:
    world = shop.gone_live(until=until)
    read_settings(shop)
    return world


def by_cli(world: World, decision: Decision) -> None:
    """A recorded decision whose doorbell nobody heard."""
    questions.decide(world, decision, by=ANA, via="cli", reason="as agreed")


def recorded(world: World) -> Approval:
    approval = world.store.read().approval
    assert approval is not None
    return approval


def reason(decided: Granted | NotGranted | None) -> str:
    assert isinstance(decided, NotGranted)
    return decided.reason


# Forms and recorded decisions


def test_a_run_asks_until_a_form_says_why_and_the_answer_is_in_the_record_before_it_counts(dark: World) -> None:
    run = Run()
    assert run.asks(dark) is None
    question = dark.store.read().question

    assert run.asks(dark) is None, "as when it was cancelled before anybody answered, and is retried"
    assert dark.store.read().question == question
    assert len(run.asked) == 2

    run.answer({**YES, "reason": "  "})
    assert run.asks(dark) is None
    run.answer(YES)
    assert run.asks(dark) == Granted(by="ben (self-declared)", reason="looks good")
    assert (recorded(dark).via, recorded(dark).by) == ("Prefect UI", "ben (self-declared)")
    assert len(run.asked) == 3


def test_a_run_whose_question_is_gone_leaves_the_one_that_somebody_asks_by_now(dark: World) -> None:
    Run().asks(dark)
    asked = dark.store.read().question
    assert asked
    questions.close_refused(dark, NotGranted(Why.QUESTION_GONE, "another question is open"))
    assert dark.store.read().question == asked


def test_a_recorded_yes_stands_for_a_fresh_run_and_as_it_was_recorded_whatever_its_doorbell_says(dark: World) -> None:
    run, fresh = Run(), Run()
    run.asks(dark)
    by_cli(dark, Decision.APPROVE)
    assert fresh.asks(dark) == Granted(by="ana", reason="as agreed")
    assert fresh.asked == []

    run.answer({**YES, "name": "ana"})
    assert run.asks(dark) == Granted(by="ana", reason="as agreed")
    assert recorded(dark).via == "cli"


def test_a_no_in_the_form_wins_over_a_recorded_yes(dark: World) -> None:
    run = Run()
    run.asks(dark)
    by_cli(dark, Decision.APPROVE)
    run.answer(NO)

    assert reason(run.asks(dark)) == "Rejected"
    assert recorded(dark).reason == "orders fail"


def test_a_yes_in_the_form_does_not_win_over_a_recorded_no_which_revokes_a_yes(dark: World) -> None:
    run, said = Run(), list[str]()
    run.asks(dark)
    by_cli(dark, Decision.APPROVE)
    by_cli(dark, Decision.REJECT)
    assert reason(questions.standing(dark, FLIP)) == "Rejected"
    run.answer(YES)

    assert reason(run.asks(replace(dark, say=said.append))) == "Rejected"
    assert recorded(dark).by == "ana"
    assert re.search(r"changes nothing: question \S+: is answered already: reject by ana", said[0])


def test_a_form_that_another_run_has_made_void_is_not_heard(dark: World) -> None:
    first, second = Run(), Run()
    first.asks(dark)
    second.asks(replace(dark, now=later(dark, 1).now))
    first.answer(YES)

    assert first.asks(later(dark, 2)) is None
    assert dark.store.read().approval is None
    assert "(approve by ben (self-declared)) changes nothing: it was put up anew since" in first.shown


def test_a_no_on_a_page_that_another_run_has_made_void_is_heard(dark: World) -> None:
    """Whoever answered does not know of the other run, and nothing told them."""
    first, second = Run(), Run()
    first.asks(dark)
    second.asks(replace(dark, now=later(dark, 1).now))
    first.answer(NO)

    assert reason(first.asks(later(dark, 2))) == "Rejected"
    assert recorded(dark).by == "ben (self-declared)"


@pytest.mark.parametrize("decision", [Decision.APPROVE, Decision.REJECT])
def test_what_was_said_while_another_run_looked_is_heard_by_it(dark: World, decision: Decision) -> None:
    """The run that asked has failed, and reconcile has started another: a person does not know of that one."""
    assert Run().asks(dark) is None

    def look() -> list[Any]:
        by_cli(dark, decision)
        return []

    another = Run()
    decided = another.asks(dark, look=look)
    assert not another.asked, "nobody is asked again"
    assert isinstance(decided, Granted if decision is Decision.APPROVE else NotGranted)
    assert recorded(dark).by == "ana"


def test_the_form_offers_yes_and_no_and_nothing_else_and_a_doorbell_decides_nothing(dark: World) -> None:
    from prefect.utilities.schema_tools import ValidationError

    run = Run()
    run.asks(dark)
    assert run.schema["properties"]["decision"]["enum"] == ["approve", "reject"]
    assert list(run.schema["properties"]) == run.schema["required"] == ["decision", "reason", "name"]
    for wrong in ({**YES, "decision": "expired"}, {**YES, "decison": "reject"}, {"decision": "approve"}, {}):
        with pytest.raises(ValidationError):
            run.answer(wrong)
    assert run.forms == {}

    for decision in ("approve", "reject"):
        with run.rings():
            assert runs.ring(run.id, decision, "nobody decided in time", "flipgate")

        assert run.asks(dark) is None
        assert dark.store.read().approval is None


def test_a_form_that_holds_a_variable_s_value_is_no_answer_and_the_next_one_says_why(dark: World) -> None:
    run, said = Run(variables=("hunter2 of the registry",)), list[str]()
    run.asks(dark)
    run.answer({**YES, "name": "hunter2 of the registry"})

    assert run.asks(replace(dark, say=said.append)) is None, "it waits for another answer"
    assert dark.store.read().approval is None
    assert "it has a name that is the value of one of Prefect" in run.shown
    assert "hunter2" not in json.dumps([run.shown, said, dark.store.read().model_dump(mode="json")])

    run.answer(YES)
    assert run.asks(dark) == Granted(by="ben (self-declared)", reason="looks good")


@pytest.mark.parametrize("written", [{}, {"decision": "approve"}, {**YES, "name": {"a": "b"}}, ["approve"]])
def test_what_somebody_wrote_into_a_run_past_its_form_ends_no_run(dark: World, written: Any) -> None:
    run = Run()
    run.asks(dark)
    run.forms[f"suspended-{run.asked[-1]}-response"] = written
    assert run.asks(dark) is None
    assert dark.store.read().approval is None


# Each question is another one


def test_a_retried_run_asks_anew_after_its_question_was_closed(live: World) -> None:
    run = Run()
    run.asks(live, SCALE_DOWN)
    run.answer(NO)
    refused = run.asks(live, SCALE_DOWN)
    assert isinstance(refused, NotGranted)
    questions.close_refused(live, refused)

    assert run.asks(live, SCALE_DOWN) is None
    assert live.store.read().approval is None


def test_a_yes_that_was_not_used_in_time_is_not_revived_by_retrying(live: World) -> None:
    run = Run()
    run.asks(live, SCALE_DOWN)
    run.answer(YES)
    assert isinstance(run.asks(live, SCALE_DOWN), Granted)
    old = live.store.read().question
    expired = later(live, live.application.spec.policy.approval_expires_seconds + 1)

    assert run.asks(expired, SCALE_DOWN) is None
    record = live.store.read()
    assert record.approval is None
    assert record.question is not None
    assert old is not None
    assert record.question.id != old.id
    assert record.question.expires_at > old.expires_at


def test_the_run_of_an_expired_question_about_the_old_side_is_told_and_asks_again(live: World) -> None:
    from tasks import steps

    run = Run()
    run.asks(live, SCALE_DOWN)
    expired = later(live, live.application.spec.policy.approval_expires_seconds + 1)
    question = questions.expire(expired)
    assert question is not None
    assert question.flow_run == run.id
    assert questions.expire(expired) is None
    with run.rings():
        steps.end_waiting.fn(live, question)

    assert run.asks(expired, SCALE_DOWN) is None
    asked = live.store.read().question
    assert asked
    assert (asked.flow_run, asked.id == question.id) == (run.id, False)


def test_an_expired_flip_ends_its_release_whoever_comes(dark: World) -> None:
    Run().asks(dark)
    expired = later(dark, dark.application.spec.policy.approval_expires_seconds + 1)
    decided = Run().asks(expired)

    assert reason(decided) == "ApprovalExpired"
    assert isinstance(decided, NotGranted)
    questions.close_refused(expired, decided)
    last = dark.store.read().last
    assert last is not None
    assert last.phase is Phase.EXPIRED


# What is asked about


def test_a_config_map_edited_after_the_yes_voids_it(install: Install) -> None:
    shop, run = install(), Run()
    dark = reading_a_config_map(shop, Phase.DARK)
    run.asks(dark)
    run.answer(YES)
    assert isinstance(run.asks(dark), Granted)
    shop.patch(f"/api/v1/namespaces/{shop.name}-green/configmaps/settings", ("replace", "/data/limit", "6"))

    assert reason(questions.standing(dark, FLIP)) == "BasisChanged"
    assert run.asks(dark) is None
    record = dark.store.read()
    assert record.approval is None
    assert record.question is not None
    (said,) = (each for each in record.question.evidence if each.gate == "since the last yes")
    assert "ConfigMaps: settings, limit: added (6)" in said.detail


def test_images_changed_before_a_question_are_not_asked_about_and_before_it_was_frozen_grant_nothing(
    install: Install,
) -> None:
    shop = install()
    dark = reading_a_config_map(shop, Phase.DARK)
    run_on_green(shop, "shop/web:9")

    with pytest.raises(Refused, match="web is shop/web:9, not shop/web:2") as refused:
        Run().asks(dark)
    assert refused.value.reason == "SideChanged"
    assert "--image web=shop/web:2" in refused.value.next_command
    assert dark.store.read().question is None

    run_on_green(shop, "shop/web:2")
    Run().asks(dark)
    by_cli(dark, Decision.APPROVE)
    run_on_green(shop, "shop/web:9")
    _forget_basis(dark)

    assert reason(questions.standing(dark, FLIP)) == "SideChanged"


def test_the_old_side_may_have_changed_when_it_is_asked_about(install: Install) -> None:
    shop = install()
    live = reading_a_config_map(shop, Phase.LIVE)
    run_on_green(shop, "shop/web:9")
    assert Run().asks(live, SCALE_DOWN) is None


def run_on_green(shop: Shop, image: str) -> None:
    shop.patch(f"{shop.deployments(GREEN)}/web", ("replace", "/spec/template/spec/containers/0/image", image))


def _forget_basis(world: World) -> None:
    """Question and answer as they would stand, had they been about what the side runs now."""
    view = questions.look(world)
    record = world.store.read()
    assert record.release is not None
    assert record.question is not None
    now = {"basis": questions.basis(world, view, record.release, FLIP)}
    both = {"question": record.question.model_copy(update=now), "approval": recorded(world).model_copy(update=now)}
    world.store.update(lambda r: r.model_copy(update=both))

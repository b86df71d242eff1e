"""People decide in Prefect's own form, in each of its UIs: what they fill in is in the record, and happens."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from flipgate.core.record.phases import Phase, QuestionKind
from flipgate.core.record.record import Record
from flipgate.core.record.release import Decided
from flipgate.core.values.sides import Side
from flipgate.core.values.who import Speaker
from flipgate.steps.releasing.soak import ask_early
from tests.lab.prefect_api import PrefectApi
from tests.lab.stage import BLUE, GREEN, WORKERS, Stage, images, wait_until
from tests.ui.conftest import NewStage
from tests.ui.person import InTheNewUi, InTheOldUi, Person

pytestmark = pytest.mark.timeout(900)

WHO = "Ana from support"
BAKE_SECONDS = 8


BACKUP, ON_CALL, TOLD = "a backup of today was read back", "somebody is on call tonight", "customers were told"
REPORTS = "nobody has reported anything since the flip"
TICKS: list[dict[str, Any]] = [
    {"name": "backup-verified", "text": BACKUP},
    {"name": "on-call", "text": ON_CALL},
    {"name": "customers-told", "text": TOLD, "required": False},
    {"name": "reports-read", "text": REPORTS, "at": "scale-down"},
]
ERROR_LINES = {"pattern": "level=error", "max": 10}


def small(document: dict[str, Any]) -> None:
    """Few checks, so that the form is a page; a gate that Traefik's own counters answer, and one with each question."""
    spec = document["spec"]
    spec["checks"] = [check for check in spec["checks"] if check["name"] in ("health", "database", "response-time")]
    spec["traffic"]["traefik"]["metricsPort"] = 8080
    spec["gates"] = [
        {"name": "error-lines", "logs": ERROR_LINES, "at": ["flip", "scale-down"]},
        {"name": "user-errors", "traefik": {"maxErrorRatio": 0.01}},
    ]
    spec["policy"]["ticks"] = TICKS


def asked(stage: Stage, prefect: PrefectApi, kind: QuestionKind, *but: str) -> str:
    """The link that flipgate tells for this question, once its run waits; no question of `but`."""

    def question() -> Any:
        found = stage.record().question
        return found if found and found.kind is kind and found.url not in but else None

    found = wait_until(f"the {kind} question", question, 300)
    prefect.wait(found.flow_run, "PAUSED")
    return str(found.url)


def asked_again(stage: Stage, prefect: PrefectApi, before: str) -> None:
    """Waits until the run of the open question has read the answer after the state `before`, and waits once more."""

    def waits() -> bool:
        run = prefect.flow_run(question.flow_run)
        return run["state_type"] == "PAUSED" and run["state_id"] != before

    question = stage.record().question
    assert question
    wait_until("the run asks again", waits, 300)


def deploy(stage: Stage, prefect: PrefectApi, version: str = "2") -> str:
    """A release is brought up dark; the link to its question."""
    built = images(version, "api-all", "contest-football-ncaa")
    prefect.start("deploy-dark", {"application": stage.application, "images": built})
    return asked(stage, prefect, QuestionKind.FLIP)


def decided(record: Record) -> Decided:
    """The last decision on the open release, or on the one that ended last."""
    release = record.release or record.last
    assert release
    return release.decisions[-1]


def need_kept(stage: Stage, decision: str, reason: str, *ticks: str) -> None:
    """What the person filled in is what the record says."""
    kept = decided(stage.record())
    assert (kept.decision, kept.reason, kept.by) == (decision, reason, f"{WHO} (self-declared)")
    assert kept.ticks == ticks


def need_shown(person: Person, stage: Stage, flip: str) -> None:
    """The run shows what its gates found, and a picture of the bake that the browser can draw."""
    shown = person.open_artifact(flip, f"{stage.application}-evidence")
    table = shown.get_by_role("table").filter(has_text="user-errors")
    expect(table).to_contain_text("Traefik")
    person.picture("evidence", shown.get_by_role("tabpanel"))
    shown = person.open_artifact(flip, f"{stage.application}-bake")
    drawn = shown.get_by_role("img", name="user-errors")
    expect(drawn).to_be_visible()
    assert drawn.evaluate("image => image.naturalWidth") > 0
    person.picture("bake-page", shown.get_by_role("tabpanel"))


def test_a_form_without_a_reason_is_not_taken_and_a_no_needs_no_tick_and_ends_the_release(
    person: Person, new_stage: NewStage, prefect: PrefectApi
) -> None:
    stage = new_stage("no", {}, small)
    person.come_to(deploy(stage, prefect))
    form = person.ask_to_resume()
    expect(form).to_contain_text(f"Send all users of {stage.application} from blue to green")
    expect(form).to_contain_text("7 of 7 gates pass.")
    expect(form).to_contain_text("api-all: sportsdata/api:1 to sportsdata/api:2")

    person.fill(decision="reject", name=WHO)
    person.send()
    person.need_refused("reason")
    record = stage.record()
    assert record.question is not None
    assert record.approval is None

    person.answer(reason="not on a Friday")
    person.need_state("Rejected")
    need_kept(stage, "reject", "not on a Friday")
    assert stage.record().release is None
    assert stage.answering() == BLUE


def test_a_yes_without_a_required_tick_is_asked_again_and_the_soak_ends_as_the_person_says(
    person: Person, new_stage: NewStage, prefect: PrefectApi
) -> None:
    stage = new_stage("yes", {"bakeSeconds": BAKE_SECONDS}, small, pictured=True)
    with stage.load():
        flip = deploy(stage, prefect)
        yes = {"decision": "approve", "reason": "the checks are green", "name": WHO}
        form = unticked(person, stage, prefect, flip, yes)
        person.fill(BACKUP, ON_CALL, **yes)
        expect(person.tick(TOLD)).to_have_attribute("aria-checked", "false")
        person.picture("form", form)
        person.send_until_taken()
        person.need_state("Completed")
    need_kept(stage, "approve", "the checks are green", "backup-verified", "on-call")
    assert stage.record().phase is Phase.LIVE
    assert stage.answering() == GREEN
    need_shown(person, stage, flip)
    AT_THE_END[person.ui](person, stage, prefect)


def unticked(person: Person, stage: Stage, prefect: PrefectApi, flip: str, yes: dict[str, str]) -> Locator:
    """The person says yes without a tick that the list requires. Nothing is decided, and the form that they are shown
    next says which; that form."""
    person.come_to(flip)
    person.ask_to_resume()
    waiting = stage.record().question
    assert waiting
    state = prefect.flow_run(waiting.flow_run)["state_id"]
    person.answer(BACKUP, **yes)
    asked_again(stage, prefect, state)
    record = stage.record()
    assert (record.phase, record.approval) == (Phase.DARK, None)
    assert record.release
    assert record.release.decisions == ()
    person.come_to(flip)
    form = person.ask_to_resume()
    expect(form.locator("p, .markdown-renderer__text").filter(has_text="An answer before").first).to_be_visible()
    expect(form).to_contain_text(f"on-call ({ON_CALL})")
    expect(form).not_to_contain_text(f"backup-verified ({BACKUP})")
    return form


def no_go_then_go(person: Person, stage: Stage, prefect: PrefectApi) -> None:
    """At the soak's end: a no keeps the way back; whoever has it asked again says go, and it ends."""
    first = asked(stage, prefect, QuestionKind.SCALE_DOWN)
    up = stage.replicas(BLUE)
    person.come_to(first)
    expect(person.ask_to_resume()).to_contain_text("soak")
    person.answer(decision="reject", reason="errors in the basket, let us wait", name=WHO)
    person.need_state("Rejected")
    need_kept(stage, "reject", "errors in the basket, let us wait")
    assert stage.record().phase is Phase.LIVE
    assert stage.replicas(BLUE) == up

    start_scale_down(stage, prefect)
    person.come_to(asked(stage, prefect, QuestionKind.SCALE_DOWN, first))
    form = person.ask_to_resume()
    person.fill(REPORTS, decision="approve", reason="a quiet day", name=WHO)
    person.picture("scale-down", form)
    person.send_until_taken()
    person.need_state("Completed")
    need_kept(stage, "approve", "a quiet day", "reports-read")
    assert stage.record().release is None
    assert stage.replicas(BLUE) == {}


def start_scale_down(stage: Stage, prefect: PrefectApi) -> None:
    release = stage.record().release
    assert release
    prefect.start("scale-down", {"application": stage.application, "release": release.name})


def longer_then_back(person: Person, stage: Stage, prefect: PrefectApi) -> None:
    """At the soak's end: it is kept for two days more; asked early all the same, they send users back."""
    first = asked(stage, prefect, QuestionKind.SCALE_DOWN)
    old = Side(stage.answering()).other
    up = stage.replicas(old)
    person.come_to(first)
    person.ask_to_resume()
    expect(person.hours()).to_have_value("24")
    before = datetime.now(UTC)
    person.answer(decision="extend", hours="48", reason="the weekend first", name=WHO)
    person.need_state("Kept")
    need_kept(stage, "extend", "the weekend first")
    release = stage.record().release
    assert release
    assert release.settle_after
    assert timedelta(hours=48) <= release.settle_after - before < timedelta(hours=49)
    assert stage.replicas(old) == up

    ask_early(stage.world(), "its nodes are needed", by=Speaker("ben"))
    start_scale_down(stage, prefect)
    person.come_to(asked(stage, prefect, QuestionKind.SCALE_DOWN, first))
    person.ask_to_resume()
    person.answer(decision="rollback", reason="the basket is wrong since the flip", name=WHO)
    person.need_state("RolledBack")
    need_kept(stage, "rollback", "the basket is wrong since the flip")
    assert stage.record().phase is Phase.ROLLED_BACK
    assert stage.replicas(old) == {**up, **dict.fromkeys(WORKERS, 1)}
    stage.wait_for_users_on(old)


def everything(person: Person, stage: Stage, prefect: PrefectApi) -> None:
    """No-go, go; then another release: longer, and back."""
    no_go_then_go(person, stage, prefect)
    with stage.load():  # who asks nothing makes no numbers, and the bake's gate stays unknown
        person.come_to(deploy(stage, prefect, "3"))
        person.ask_to_resume()
        person.answer(BACKUP, ON_CALL, decision="approve", reason="the checks are green", name=WHO)
        person.need_state("Completed")
    longer_then_back(person, stage, prefect)


AT_THE_END = {InTheNewUi.ui: no_go_then_go, InTheOldUi.ui: everything}
"""Go and no-go in both. What is left of the choices is in one of them: no other control of the form, and a minute."""

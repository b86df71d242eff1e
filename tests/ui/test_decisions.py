"""People decide in Prefect's own form, in each of its UIs: what they fill in is in the record, and happens."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from flipgate.core.record.phases import Phase, QuestionKind
from flipgate.core.record.record import Record
from flipgate.core.record.release import Decided
from tests.lab.prefect_api import PrefectApi
from tests.lab.stage import BLUE, GREEN, Stage, images, wait_until
from tests.ui.conftest import NewStage
from tests.ui.person import Person

pytestmark = pytest.mark.timeout(600)

WHO = "Ana from support"
BAKE_SECONDS = 8


def small(document: dict[str, Any]) -> None:
    """Few checks, so that the form is a page; and a gate that Traefik's own counters answer."""
    spec = document["spec"]
    spec["checks"] = [check for check in spec["checks"] if check["name"] in ("health", "database", "response-time")]
    spec["traffic"]["traefik"]["metricsPort"] = 8080
    spec["gates"] = [{"name": "user-errors", "traefik": {"maxErrorRatio": 0.01}}]


def asked(stage: Stage, prefect: PrefectApi, kind: QuestionKind, *but: str) -> str:
    """The link that flipgate tells for this question, once its run waits; no question of `but`."""

    def question() -> Any:
        found = stage.record().question
        return found if found and found.kind is kind and found.url not in but else None

    found = wait_until(f"the {kind} question", question, 120)
    prefect.wait(found.flow_run, "PAUSED")
    return str(found.url)


def deploy(stage: Stage, prefect: PrefectApi) -> str:
    """A release is brought up dark; the link to its question."""
    built = images("2", "api-all", "contest-football-ncaa")
    prefect.start("deploy-dark", {"application": stage.application, "images": built})
    return asked(stage, prefect, QuestionKind.FLIP)


def decided(record: Record) -> Decided:
    """The last decision on the open release, or on the one that ended last."""
    release = record.release or record.last
    assert release
    return release.decisions[-1]


def need_kept(stage: Stage, decision: str, reason: str) -> None:
    """What the person filled in is what the record says."""
    kept = decided(stage.record())
    assert (kept.decision, kept.reason, kept.by) == (decision, reason, f"{WHO} (self-declared)")


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


def test_a_form_without_a_reason_is_not_taken_and_a_no_ends_the_release(
    person: Person, new_stage: NewStage, prefect: PrefectApi
) -> None:
    stage = new_stage("no", {}, small)
    person.come_to(deploy(stage, prefect))
    form = person.ask_to_resume()
    expect(form).to_contain_text(f"Send all users of {stage.application} from blue to green")
    expect(form).to_contain_text("4 of 4 gates pass.")
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


def test_a_yes_moves_users_a_no_go_keeps_the_way_back_and_a_go_ends_it(
    person: Person, new_stage: NewStage, prefect: PrefectApi
) -> None:
    stage = new_stage("yes", {"bakeSeconds": BAKE_SECONDS}, small, pictured=True)
    with stage.load():
        flip = deploy(stage, prefect)
        person.come_to(flip)
        form = person.ask_to_resume()
        person.fill(decision="approve", reason="the checks are green", name=WHO)
        person.picture("form", form)
        person.send_until_taken()
        person.need_state("Completed")
    need_kept(stage, "approve", "the checks are green")
    assert stage.record().phase is Phase.LIVE
    assert stage.answering() == GREEN
    need_shown(person, stage, flip)

    first = asked(stage, prefect, QuestionKind.SCALE_DOWN)
    up = stage.replicas(BLUE)
    person.come_to(first)
    expect(person.ask_to_resume()).to_contain_text("soak")
    person.answer(decision="reject", reason="errors in the basket, let us wait", name=WHO)
    person.need_state("Rejected")
    need_kept(stage, "reject", "errors in the basket, let us wait")
    assert stage.record().phase is Phase.LIVE
    assert stage.replicas(BLUE) == up

    release = stage.record().release
    assert release
    prefect.start("scale-down", {"application": stage.application, "release": release.name})
    person.come_to(asked(stage, prefect, QuestionKind.SCALE_DOWN, first))
    form = person.ask_to_resume()
    person.fill(decision="approve", reason="a quiet day", name=WHO)
    person.picture("scale-down", form)
    person.send_until_taken()
    person.need_state("Completed")
    need_kept(stage, "approve", "a quiet day")
    assert stage.record().release is None
    assert stage.replicas(BLUE) == {}

"""Next, in every state there is: it offers nothing that flipgate itself would refuse, and says nothing against it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from itertools import product
from typing import Any

import pytest

from flipgate.cli._status_data import way_back
from flipgate.core.record import record as records
from flipgate.core.record.intents import HAND_OVER, MOVE_ROUTES
from flipgate.core.record.occupant import Contract, Occupant
from flipgate.core.record.phases import BEFORE_TRAFFIC, TERMINAL, Phase, QuestionKind
from flipgate.core.record.record import Decision, Record
from flipgate.core.record.release import Commit, Stopped
from flipgate.core.spec.git import GitSpec
from flipgate.core.values.base import but
from flipgate.core.values.sides import Side
from flipgate.core.way_back.facts import Facts, question_state
from flipgate.core.way_back.going_back import Back, NoWay, judge_rollback
from flipgate.core.way_back.next_step import next_step
from tests.core.builders import (
    BLUE,
    GREEN,
    LIVE,
    NOW,
    ROUTES,
    RUN,
    approval,
    at,
    deployment,
    question,
    record,
    release,
    shop,
    side,
    stamped,
)
from tests.core.cli.looks import data, facts, text

FORWARD = (*LIVE, Phase.SETTLING)
PHASES: tuple[tuple[Phase, ...], ...] = (
    (),
    *(FORWARD[:count] for count in range(1, len(FORWARD) + 1)),
    (*LIVE, Phase.ROLLING_BACK),
    (*LIVE, Phase.ROLLING_BACK, Phase.ROLLED_BACK),
)
ON_GREEN = frozenset({Phase.BAKING, Phase.LIVE, Phase.SETTLING, Phase.ROLLING_BACK})
OLD_SIDES = {
    "left": Occupant(images=RUN, replicas={"web": 2}, since=NOW),
    "never ran": Occupant(since=NOW),
    "contracted": Occupant(images=RUN, since=NOW, contracted=Contract(reason="gone", by="ana", at=NOW)),
}
ANSWERS: dict[str, Any] = {
    "not asked": None,
    "open": None,
    "approved": approval(),
    "rejected": approval(decision=Decision.REJECT),
    "spent": approval(spent_by=7),
    "over": None,
    "stopped": approval(),
    "withdrawn": None,
}


def remembered(phases: tuple[Phase, ...], step: str | None, old: str, asked: str, soaks: bool) -> Record:
    phase = phases[-1] if phases else None
    kind = QuestionKind.FLIP if phase is Phase.DARK else QuestionKind.SCALE_DOWN
    stop = Stopped(pipeline="flip-traffic", reason="CannotSee", fact="x", at=at(20), question=question().id)
    opened = release(
        *phases, settle_after=at(90 if soaks else 0), stopped=stop if asked in ("stopped", "withdrawn") else None
    )
    posed = question(kind=kind, expires_at=at(5) if asked == "over" else at(600))
    facts: dict[str, Any] = {"active": GREEN if phase in ON_GREEN else BLUE}
    facts["sides"] = {BLUE: OLD_SIDES[old], GREEN: Occupant(images=RUN, since=NOW)}
    if phases:
        facts["release"] = opened
    if phase in (Phase.DARK, Phase.LIVE) and asked not in ("not asked", "withdrawn"):
        facts |= {"question": posed, "approval": ANSWERS[asked]}
    made = record(**facts)
    return records.begin(made, step, "dead", NOW, {"to": "green", "from": "blue"})[0] if step else made


def states() -> Iterator[Facts]:
    """Each with a readable record."""
    for phases, step, old, asked in product(PHASES, (None, MOVE_ROUTES, HAND_OVER), OLD_SIDES, ANSWERS):
        asks = phases and phases[-1] in (Phase.DARK, Phase.LIVE)
        if asked != "not asked" and not asks:
            continue
        for name, routes in ROUTES.items():
            movable = frozenset() if name == "missing" else frozenset({GREEN} if name == "elsewhere" else Side)
            soaks = asked == "not asked" and phases[-1:] == (Phase.LIVE,)
            yield facts(remembered(phases, step, old, asked, soaks), traffic=routes, movable=movable)


def unrecorded() -> Iterator[Facts]:
    """Each without one: it cannot be read, or there is none."""
    for managed, name, blue, green, up in product(
        (None, False), ROUTES, ("", "3", "unrecorded"), ("", "2", "4"), ("both", "blue", "green", "none")
    ):
        sides = {
            BLUE: stamped(side(BLUE, deployment(replicas=2 if up in ("both", "blue") else 0)), blue),
            GREEN: stamped(side(GREEN, deployment(replicas=2 if up in ("both", "green") else 0)), green),
        }
        movable = frozenset() if name == "missing" else frozenset(Side)
        yield facts(traffic=ROUTES[name], sides=sides, movable=movable, managed=managed)


@cache
def everything() -> tuple[Facts, ...]:
    """All states there are: made by the one process that looks at them."""
    return (*states(), *unrecorded())


in_every_state = pytest.mark.xdist_group("every state")


def typed(seen: Facts) -> tuple[str, list[str]]:
    """The verb and its arguments; none for what is not flipgate's."""
    words = shlex.split(next_step(seen)["command"])
    return (words[1], words[2:]) if words[:1] == ["flipgate"] else ("", words)


def accepted(seen: Facts, to: Side | None) -> bool:
    assert seen.traffic
    judged = judge_rollback(seen.record, seen.application, seen.traffic, seen.sides, seen.movable, to)
    return isinstance(judged, Back)


@in_every_state
def test_no_command_is_offered_that_the_state_refuses() -> None:
    checked = set()
    for seen in everything():
        verb, words = typed(seen)
        checked.add(verb or next(iter(words), ""))
        phase = seen.record.phase if seen.record else None
        match verb:
            case "rollback":
                to = Side(words[words.index("--to") + 1]) if "--to" in words else None
                assert accepted(seen, to), (seen.phase, next_step(seen))
            case "flip":
                assert phase in (Phase.DARK, Phase.FLIPPING, Phase.BAKING)
            case "scale-down":
                assert phase in (Phase.LIVE, Phase.SETTLING)
                due = seen.record.release.settle_after  # type: ignore[union-attr]
                assert due
                assert due <= seen.now
            case "deploy":
                assert phase in BEFORE_TRAFFIC | TERMINAL
            case "approve":
                assert seen.record
                assert seen.record.question
                assert question_state(seen.record, seen.record.question, seen.now) == "open"
            case "adopt" | "init":
                assert seen.managed is False
                assert seen.active
            case _:
                assert verb == "", f"status offers {verb}"
    flipgate = {"rollback", "flip", "scale-down", "deploy", "approve", "adopt", "init"}
    assert checked == {*flipgate, "prefect", "kubectl", ""}


@in_every_state
def test_the_way_back_that_is_shown_is_the_one_that_is_gone() -> None:
    for seen in everything():
        way, judged = way_back(seen), seen.rollback
        assert (way["way"] in ("fast", "slow", "abort")) == isinstance(judged, Back), (seen.phase, way, judged)
        if isinstance(judged, Back):
            assert way["side"] == (str(judged.to) if judged.to else None)
        if isinstance(judged, NoWay):
            assert "--to" in next_step(seen)["command"] or "rollback" not in next_step(seen)["command"]


@in_every_state
def test_a_person_who_is_next_has_something_to_type() -> None:
    for seen in everything():
        told = next_step(seen)
        assert told["step"]
        assert told["command"] or told["by"] != "person", told


def test_what_is_wrong_is_told_as_text_and_data() -> None:
    gone = remembered(FORWARD[:4], None, "contracted", "not asked", False)
    stop = Stopped(pipeline="flip-traffic", reason="KeyError", fact="'web'", at=at(20), run="http://prefect/run/7")
    seen = facts(records.update_release(gone, lambda each: but(each, stopped=stop)), routes=GREEN)
    told, shown = data(seen), text(seen)
    assert told["wayBack"]["why"].startswith("a contract migration was done at 2026-03-01 12:00:00 UTC by ana (gone)")
    assert told["release"]["stopped"] == {
        "pipeline": "flip-traffic",
        "reason": "KeyError",
        "fact": "'web'",
        "at": "2026-03-01T12:00:20.000Z",
        "approval": "none",
        "run": "http://prefect/run/7",
    }
    assert (
        "Stopped     \x1b[31mflip-traffic at 2026-03-01 12:00:20 UTC (KeyError): 'web'\x1b[0m  http://prefect" in shown
    )
    assert told["next"]["command"] == "flipgate flip shop"


def test_a_drift_has_one_way_out_and_says_the_other() -> None:
    seen = facts(remembered(FORWARD[:5], None, "left", "not asked", True))
    assert next_step(seen) == {
        "step": "the routes are not where flipgate left them: users stay on blue, and release 3f2a9c01d4e8-1 is rolled "
        "back; with --to green instead users are sent to green, where the record left them",
        "by": "person",
        "command": 'flipgate rollback shop --to blue --reason "..."',
    }
    settling = facts(remembered(FORWARD, None, "left", "not asked", False))
    assert typed(settling)[1][:3] == ["shop", "--to", "green"], "its old side may have no pods any more"
    closed = facts(remembered(FORWARD[:5], None, "contracted", "not asked", True))
    assert typed(closed)[1][:3] == ["shop", "--to", "green"]
    assert "instead" not in next_step(closed)["step"]
    nowhere = facts(remembered(FORWARD[:2], None, "never ran", "not asked", True), routes=GREEN)
    assert next_step(nowhere)["command"].startswith("kubectl -n edge patch ingressroutes.traefik.io live --type=json")


@pytest.mark.parametrize(
    ("blue", "green", "wanted"), [("3", "2", "green"), ("2", "3", "blue"), ("", "3", "blue"), ("x", "3", None)]
)
def test_of_two_sides_that_are_up_the_one_that_was_live_before_is_offered(
    blue: str, green: str, wanted: str | None
) -> None:
    both = {BLUE: stamped(side(BLUE), blue), GREEN: stamped(side(GREEN), green)}
    words = typed(facts(traffic=ROUTES["split"], sides=both, managed=None))[1]
    assert (words[2] if "--to" in words else None) == wanted


def test_a_watch_that_stopped_names_the_command_that_goes_on_and_the_one_that_goes_back() -> None:
    """Behind `at once` alone stood the command of the rollback."""
    stop = Stopped(pipeline="flip-traffic", reason="BakeUnknown", fact="x", at=at(20))
    baking = remembered(FORWARD[:4], None, "left", "not asked", False)
    seen = facts(records.update_release(baking, lambda each: but(each, stopped=stop)), routes=GREEN)
    told = next_step(seen)
    assert told["step"].endswith(", or at once: flipgate flip shop; to send users back instead")
    assert told["command"] == 'flipgate rollback shop --reason "..."'


def test_a_yes_whose_run_stopped_is_not_said_to_be_acted_on() -> None:
    seen = facts(remembered(FORWARD[:2], None, "left", "stopped", False))
    assert next_step(seen) == {
        "step": "flip's run stopped at 2026-03-01 12:00:20 UTC (CannotSee): x; the yes stands until 2026-03-01 "
        "12:10:00 UTC; reconcile goes on within five minutes, or at once",
        "by": "run",
        "command": "flipgate flip shop",
    }
    late = replace(seen, record=remembered(FORWARD[:2], None, "left", "approved", False), now=at(310))
    assert next_step(late)["step"] == (
        "flip's run acts on the approval, given 5 min ago; if that run is gone, reconcile starts another within five "
        "minutes"
    )


def test_a_dark_side_that_somebody_wrote_is_brought_up_once_more_before_anybody_is_asked() -> None:
    """`flip` alone was offered: it is stopped by the same."""
    stop = Stopped(pipeline="flip-traffic", reason="SideChanged", fact="web is shop/web:9", at=at(20))
    told = next_step(facts(record(release=release(Phase.DARK, stopped=stop))))
    assert told["step"].endswith("; nobody is asked until green is brought up once more")
    assert told["command"] == "flipgate deploy shop --image web=acme/web:2"


@pytest.mark.parametrize("asked", [False, True])
def test_a_dark_side_that_somebody_emptied_is_not_said_to_be_up(asked: bool) -> None:
    fields = {"f:spec": {"f:replicas": {}}}
    flux = {"manager": "kustomize-controller", "operation": "Apply", "time": "2026-11-29T09:12:03Z", "fieldsV1": fields}
    emptied = deployment(replicas=0)
    emptied["metadata"]["managedFields"] = [flux]
    dark = record(release=release(Phase.DARK), question=question() if asked else None)
    sides = {BLUE: side(BLUE), GREEN: side(GREEN, emptied)}
    step = next_step(facts(dark, sides=sides))["step"]
    assert step.startswith("green is not as it was checked: Deployment ")
    assert "/web asks for 0 of 2 wanted pods, set by kustomize-controller (Apply) at 2026-11-29 09:12:03 UTC" in step
    assert "up and checked" not in step
    assert "not as it was" not in next_step(facts(dark))["step"]


@pytest.mark.parametrize("committed", [False, True])
def test_a_side_that_waits_for_git_is_not_said_to_have_slow_pods(committed: bool) -> None:
    git = GitSpec.model_validate({"repository": "https://git.example/c.git", "overlays": {"blue": "b", "green": "g"}})
    application = shop().model_copy(update={"spec": shop().spec.model_copy(update={"git": git})})
    made = (Commit(what="deploy", commit="ab" * 20, at=at(9)),) if committed else ()
    sides = {BLUE: side(BLUE), GREEN: side(GREEN)}
    found = facts(record(release=release(commits=made)), application=application, sides=sides)
    said = (
        "commit abababababab on main is waited for since 12:00:09 UTC (1 of 1 images: web)"
        if committed
        else "branch main of https://git.example/c.git is asked since 12:00:00 UTC: nothing is committed yet"
    )
    assert said in next_step(found)["step"]
    assert data(found)["comingUp"]["text"].startswith(said)
    its_own = {**record().sides, GREEN: but(record().sides[GREEN], release=release().name)}
    there = facts(
        but(record(release=release(commits=made)), sides=its_own),
        application=application,
        sides={**sides, GREEN: side(GREEN, deployment(image="acme/web:2"))},
    )
    assert data(there)["comingUp"]["text"].endswith("pods Ready")

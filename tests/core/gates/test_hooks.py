"""Hooks: what may be declared, at which points, and which of them a release's record says to be done."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from flipgate.core.gates.hooks import (
    MOST_HOOKS,
    Hook,
    HookPoint,
    awaited,
    hooks_at,
    runs_since,
    said_before,
    shown_before_flip,
)
from flipgate.core.record.release import BAKE, CHECKS, JUDGEMENTS_KEPT, PROOFS_KEPT, Release
from flipgate.core.rights.rule import Account
from flipgate.core.rights.rules import rules_of
from flipgate.core.spec.application import Application, Spec
from flipgate.core.values.verdicts import Evidence, Verdict
from tests.core.builders import NOW, release, shop

OWN = {"name": "migrate", "at": "before-bring-up", "workload": "web", "run": ["migrate"]}
WARM = {"name": "warm", "at": "after-flip", "service": "web", "path": "/warm", "method": "POST", "status": 204}


def hook(**keys: Any) -> Hook:
    return Hook.model_validate(OWN | keys)


def said(hook: Hook, verdict: Verdict) -> Release:
    """A release of whose record this is what that hook said."""
    found = Evidence(hook.name, verdict, "", "", "as it was", "")
    return release().noted(hook.at.step, [found], NOW)


def declaring(*hooks: dict[str, Any]) -> Application:
    app = shop()
    keys = app.spec.model_dump(by_alias=True, exclude_unset=True)
    spec = Spec.model_validate(keys | {"hooks": [Hook.model_validate(each) for each in hooks]})
    return app.model_copy(update={"spec": spec})


def test_one_by_http_says_what_it_asks_and_for_how_long() -> None:
    made = Hook.model_validate(WARM)
    assert (made.kind, made.what, made.wanted) == ("http", "POST web:80/warm", "status 204 within 60 s")
    assert Hook.model_validate({**WARM, "timeoutSeconds": 5}).line == (
        "warm at after-flip: POST web:80/warm (for at most 5 s)"
    )


@pytest.mark.parametrize(
    ("keys", "fact"),
    [
        ({"at": "before-bringup"}, 'unknown point "before-bringup"; did you mean "before-bring-up"'),
        ({"at": None}, "at"),
        ({"onFailure": "rollBack"}, "has onFailure, which only one at after-flip has"),
        ({"method": "POST"}, "has method, which one with workload does not have"),
        ({"workload": None, "run": None, "path": "/a"}, "needs service: whom it asks"),
        ({**WARM, "workload": None, "run": None, "timeoutSeconds": 61}, "of an HTTP request at most 60"),
        ({"json": {"a": 1}}, "json"),
    ],
)
def test_what_cannot_be_meant_is_refused(keys: dict[str, Any], fact: str) -> None:
    with pytest.raises(ValidationError, match=fact):
        Hook.model_validate({key: value for key, value in (OWN | keys).items() if value is not None})


def test_a_service_that_is_not_declared_is_refused_with_the_nearest() -> None:
    with pytest.raises(ValidationError, match='hook "migrate" names unknown service "wbe"; did you mean "web"'):
        declaring({**OWN, "workload": "wbe"})
    with pytest.raises(ValidationError, match='hook "warm" asks unknown service "wbe"'):
        declaring({**WARM, "service": "wbe"})


def test_no_more_are_declared_than_the_record_keeps_verdicts_of() -> None:
    assert MOST_HOOKS == PROOFS_KEPT
    declaring(*({**OWN, "name": f"m-{number}"} for number in range(MOST_HOOKS)))
    with pytest.raises(ValidationError, match=f"{MOST_HOOKS + 1} hooks are declared; {MOST_HOOKS} are the most"):
        declaring(*({**OWN, "name": f"m-{number}"} for number in range(MOST_HOOKS + 1)))


def test_they_run_in_the_files_order_at_each_point() -> None:
    late, first, second = hook(name="a", at="after-ready"), hook(name="c"), hook(name="b")
    assert hooks_at([late, first, second], *HookPoint) == (first, second, late)


@pytest.mark.parametrize(
    ("keys", "verdict", "done"),
    [
        ({}, Verdict.PASS, True),
        ({}, Verdict.FAIL, False),
        ({}, Verdict.UNKNOWN, False),
        ({}, Verdict.INFO, False),
        ({"at": "after-flip"}, Verdict.FAIL, True),
        ({"at": "after-flip"}, Verdict.UNKNOWN, True),
        ({"at": "after-flip"}, Verdict.INFO, False),
        ({"at": "after-flip", "onFailure": "rollBack"}, Verdict.UNKNOWN, False),
        ({"at": "after-settled"}, Verdict.FAIL, True),
    ],
)
def test_one_that_passed_or_stops_nothing_is_not_run_again(keys: dict[str, Any], verdict: Verdict, done: bool) -> None:
    made = hook(**keys)
    found = said_before(made, said(made, verdict), NOW)
    assert (found is not None) is done
    if found:
        assert (found.verdict, found.answer) == (verdict, "0 s ago, for this release: as it was")
    assert said_before(hook(name="another", **keys), said(made, verdict), NOW) is None


def test_who_is_asked_about_the_flip_sees_what_they_said_and_which_never_ran() -> None:
    made, new, later = hook(), hook(name="new", at="after-ready"), hook(name="later", at="before-flip")
    shown = list(shown_before_flip([made, new, later], said(made, Verdict.PASS), NOW))
    assert [(each.gate, each.verdict, each.answer) for each in shown] == [
        ("migrate", Verdict.PASS, "0 s ago, for this release: as it was"),
        ("new", Verdict.INFO, "never run for this release: it is new in the file since"),
    ]


def test_one_that_runs_is_seen_and_is_awaited_by_whoever_goes_on() -> None:
    made = hook(at="after-settled", timeoutSeconds=90)
    begun = release().noted(made.at.step, [runs_since(made, "green", NOW)], NOW)
    assert begun.judgements[0].proofs[0].detail == "runs since 2026-03-01 12:00:00 UTC, for at most 90 s"
    assert awaited([made], begun) == (made,)
    assert awaited([hook(name="declared-since", at="after-settled")], begun) == ()
    assert awaited([made], said(made, Verdict.PASS)) == ()


def test_what_one_point_found_is_one_judgement_and_bakes_begun_again_push_nothing_out() -> None:
    one, two = hook(), hook(name="two")
    found = release()
    for each, verdict in ((one, Verdict.INFO), (one, Verdict.PASS), (two, Verdict.PASS)):
        found = found.noted(each.at.step, [Evidence(each.name, verdict, "", "", "", "")], NOW)
    found = found.judged(CHECKS, [Evidence("health", Verdict.PASS, "", "", "", "")], NOW)
    for number in range(2 * JUDGEMENTS_KEPT):
        found = found.judged(BAKE, [Evidence(f"bake-{number}", Verdict.UNKNOWN, "", "", "", "")], NOW)
    steps = [each.step for each in found.judgements]
    assert steps == ["hooks before-bring-up", CHECKS, *[BAKE] * (JUDGEMENTS_KEPT - 2)]
    assert [proof.gate for proof in found.judgements[0].proofs] == ["migrate", "two"]
    assert found.judgements[-1].proofs[0].gate == f"bake-{2 * JUDGEMENTS_KEPT - 1}"


@pytest.mark.parametrize(
    ("keys", "resource", "who"),
    [
        (OWN, "jobs", {Account.DEPLOY}),
        (OWN | {"at": "before-flip"}, "jobs", {Account.FLIP}),
        (WARM, "services/proxy", {Account.FLIP}),
        (WARM | {"at": "after-settled"}, "services/proxy", {Account.DEPLOY}),
    ],
)
def test_whoever_runs_one_may_make_what_it_is(keys: dict[str, Any], resource: str, who: set[Account]) -> None:
    found = [rule for rule in rules_of(declaring(keys), "flipgate") if rule.resource == resource]
    assert {account for rule in found if "create" in rule.verbs for account in rule.by} == who

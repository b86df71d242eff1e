"""`flipgate status` while a hook runs, and after one that did not pass."""

from __future__ import annotations

from flipgate.core.gates.hooks import Hook, runs_since
from flipgate.core.values.verdicts import Evidence, Verdict
from tests.core.builders import NOW, record, release
from tests.core.cli.looks import data, facts, text

HOOK = Hook.model_validate({"name": "migrate", "at": "before-bring-up", "workload": "web", "run": ["migrate"]})


def shown(found: Evidence) -> tuple[list[str], list[dict[str, str]]]:
    """The lines about hooks, and what `-o json` has of them."""
    seen = facts(record(release=release().noted(HOOK.at.step, [found], NOW)))
    return [line.strip() for line in text(seen).splitlines() if "migrate" in line], data(seen)["release"]["hooks"]


def test_it_says_which_hook_runs_since_when_and_for_how_long_at_most() -> None:
    lines, (hook,) = shown(runs_since(HOOK, "green", NOW))
    runs = "runs since 2026-03-01 12:00:00 UTC, for at most 300 s"
    assert lines == [f"Hook        migrate at before-bring-up {runs}"]
    assert hook == {
        "at": "before-bring-up",
        "name": "migrate",
        "verdict": "info",
        "detail": runs,
        "since": "2026-03-01T12:00:00.000Z",
    }


def test_it_says_what_did_not_pass_and_is_silent_of_what_did() -> None:
    said = Evidence(HOOK.name, Verdict.FAIL, "", "", "column is missing", "completes")
    ((line,), _) = shown(said)
    assert "migrate at before-bring-up: fail, column is missing (wanted completes)" in line
    lines, (hook,) = shown(Evidence(HOOK.name, Verdict.PASS, "", "", "the Job completed", ""))
    assert (lines, hook["verdict"]) == ([], "pass")

"""What keeps a release from being brought up, in words."""

from __future__ import annotations

from flipgate.core.gates.preflight import refusal
from flipgate.core.values.verdicts import Evidence, Verdict


def row(name: str, verdict: Verdict) -> Evidence:
    return Evidence(name, verdict, name, "Kubernetes", "as found", "")


def test_all_rows_that_people_see_are_counted_and_those_that_do_not_pass_are_told() -> None:
    rows = [row("quota", Verdict.FAIL), row("nodes", Verdict.INFO), row("parity", Verdict.PASS)]
    assert refusal(rows) == "1 of 3 rows do not pass; quota: fail: as found"
    assert refusal(rows[1:]) == ""

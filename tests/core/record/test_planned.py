"""The plan is kept with the question, bounded, and with the decision on it."""

from __future__ import annotations

from flipgate.core.record import approvals
from flipgate.core.record.planned import LINES_KEPT, Part, parts
from flipgate.core.values.base import but
from flipgate.core.values.verdicts import Verdict
from tests.core.builders import DARK, approval, question, record, release

ROUTE = "IngressRoute edge/live: spec.routes[0].services[0].namespace shop-blue -> shop-green"
PLAN = (Part(of="routes", lines=(ROUTE,)), Part(of="a rollback", lines=("it brings back: web acme/web:1", "fast")))


def test_of_very_many_lines_so_many_are_kept_and_where_all_of_them_are() -> None:
    lines = [f"line {n}" for n in range(LINES_KEPT + 5)]
    (part,) = parts([("routes", lines, "kubectl get them"), ("work", [], "")])
    assert len(part.lines) == LINES_KEPT
    assert part.lines[-1] == "6 more: kubectl get them"
    (whole,) = parts([("routes", lines[:LINES_KEPT], "kubectl get them")])
    assert list(whole.lines) == lines[:LINES_KEPT]


def test_in_short_it_is_the_first_line_and_how_many_more() -> None:
    assert [part.short for part in PLAN] == [ROUTE, "it brings back: web acme/web:1 (and 1 more)"]


def test_who_reads_the_history_sees_the_plan_that_somebody_said_yes_to() -> None:
    asked = but(record(release=release(*DARK)), question=question(plan=PLAN))
    now = approvals.answer(asked, approval())
    assert now.release
    kept = {proof.gate: (proof.verdict, proof.detail) for proof in now.release.decisions[-1].evidence}
    assert kept == {
        "plan: routes": (Verdict.INFO, ROUTE),
        "plan: a rollback": (Verdict.INFO, "it brings back: web acme/web:1; fast"),
    }

"""A question as people see it in Prefect: in the form, short, and in the run's artifact, whole."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from flipgate.core.record.approvals import who_approves
from flipgate.core.record.record import Question
from flipgate.core.record.release import frozen
from flipgate.core.values.outward import markdown, markdown_code, one_line
from flipgate.core.values.verdicts import Evidence, Verdict
from flipgate.core.workloads.differences import DIFFERS
from tasks.artifacts import row

CHANGES_SHOWN = 100
"""Lines of what changes in a form."""
PLAN_SHOWN = 10
"""Of each part of the plan."""


def _look_first(question: Question) -> str:
    """How to see the dark side with one's own eyes, as a block to copy from."""
    lines = "\n".join(map(one_line, question.look_first))
    return f"To look at it first:\n\n{markdown_code(lines, 'sh')}\n\n" if lines else ""


def _who_may(application: str, question: Question) -> str:
    """Who may approve, and that this form is not where: nobody proves a name in it."""
    if question.who_may is None:
        return ""
    said = markdown(who_approves(application, question))
    return f"**{said}** This form takes a no: whom it is from nobody has proven.\n\n"


def question_text(application: str, question: Question, evidence: Iterable[Evidence]) -> str:
    """What the approval form shows above its fields: what changes, this look's evidence, and what else is stored with
    the question, such as the digests that a yes is bound to. Differences are lines of what changes."""
    shown = list(evidence)
    seen = {each.gate for each in shown}
    bound = [e for e in question.evidence if e.gate not in seen and not e.gate.startswith(DIFFERS)]
    rows = [row(e.gate, e.verdict, e.detail) for e in (*frozen(shown), *bound)]
    table = "\n".join(["| gate | | found |", "|---|---|---|", *rows]) if rows else "No checks are declared."
    passed = sum(e.verdict is Verdict.PASS for e in shown)
    gates = sum(e.verdict is not Verdict.INFO for e in shown)
    changes = _lines(application, question.changes, CHANGES_SHOWN)
    plan = "".join(
        f"{markdown(part.of.capitalize())}:\n{_lines(application, part.lines, PLAN_SHOWN)}\n\n"
        for part in question.plan
    )
    return (
        f"## {markdown(question.summary)}\n\n**{passed} of {gates} gates pass.** What changes:\n{changes}\n\n"
        f"{plan}{_look_first(question)}{table}\n\n{_who_may(application, question)}"
        f"No decision before {question.expires_at:%Y-%m-%d %H:%M} UTC means no. A change of images, pod templates or "
        "routes voids it."
    )


def _lines(application: str, lines: Sequence[str], most: int) -> str:
    more = len(lines) - most
    rest = f"\n- **{more} more**: `flipgate status {markdown(application)} -o json` has all of them" if more > 0 else ""
    return "".join(f"\n- {markdown(line)}" for line in lines[:most]) + rest

"""Saying yes or no: the decision goes into the record; the waiting run's doorbell is rung after that."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from flipgate.cli._options import Target, need_reason, person, say
from flipgate.cli._print import emit, iso

if TYPE_CHECKING:
    from flipgate.core.record import Question

DECISION_DATA = """\
-o json: {"application", "decision", "by", "reason", "question": {"id", "kind", "release", "summary", "expiresAt",
          "url"}, "rung": true when a waiting run took the doorbell, "note": why not}"""


def decide_and_ring(target: Target, app: str, verb: str, reason: str, output: str | None) -> None:
    """Writes the decision, then rings. A doorbell that fails is a note: the decision stands (exit code 0)."""
    reason = need_reason(verb, app, reason)
    from flipgate.core.record import Decision
    from flipgate.steps.ask import decide

    world, by = target.world(app), person()
    question = decide(world, Decision(verb), by=by, via="cli", reason=reason)
    note = _ring(question, verb, reason, by)
    if output:
        shown = {
            "id": question.id,
            "kind": str(question.kind),
            "release": question.release,
            "summary": question.summary,
            "expiresAt": iso(question.expires_at),
            "url": question.url,
        }
        data = {"application": app, "decision": verb, "by": by, "reason": reason, "question": shown}
        emit({**data, "rung": not note, "note": note}, output)
        return
    click.echo(f"{'approved' if verb == 'approve' else 'rejected'} by {by}: {question.summary}")
    if note:
        say(f"note: the decision is recorded. {note}")


def _ring(question: Question, verb: str, reason: str, by: str) -> str:
    """Rings the waiting run's doorbell. Never raises: returns why it was not heard, and what happens then."""
    from flipgate.adapters.runs import ring

    if not question.flow_run:
        return "No run was waiting for it; the next run of the pipeline will find it"
    try:
        heard = ring(question.flow_run, verb, reason, by)
    except Exception as error:  # whatever is wrong with Prefect, it is not wrong with the decision
        return f"The waiting run was not told ({error}); it will find the decision when it is resumed or runs again"
    return "" if heard else "Its run was not waiting any more; the next run of the pipeline will find it"

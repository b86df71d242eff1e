"""Saying yes or no: the decision goes into the record; the waiting run's doorbell is rung after that."""

from __future__ import annotations

from flipgate.cli._options import ClusterOptions, need_reason, person, say
from flipgate.cli._print import echo, emit, iso

AND_GATES = " and the file's gates"

DECISION_DATA = """\
-o json: {"application", "decision", "by", "reason", "ticks": [NAME],
          "question": {"id", "kind", "release", "summary", "expiresAt", "url"},
          "notPassed": [{"gate", "verdict", "detail"}: what was shown and did not pass, ...],
          "rung": true when a waiting run took the doorbell, "note": why not}"""


def decide_and_ring(
    options: ClusterOptions,
    app: str,
    verb: str,
    reason: str,
    output: str | None,
    *,
    break_glass: bool = False,
    ticks: tuple[str, ...] = (),
) -> None:
    """Writes the decision with what was ticked, and that it passes what holds its move back where it does
    (`break_glass`), then rings. A doorbell that fails is a note: the decision stands (exit code 0)."""
    reason = need_reason(verb, app, reason)
    from flipgate.core.record.record import Decision
    from flipgate.core.values.verdicts import not_passed
    from flipgate.steps.moving.dark_preview import put_dark_preview_right
    from flipgate.steps.releasing.doorbell import wake
    from flipgate.steps.releasing.freeze import broken
    from flipgate.steps.releasing.questions import decide

    world = options.world(app, quiet=bool(output))
    who = person(world)
    asked = world.store.read().question if break_glass else None
    also = broken(world, asked.kind, reason, by=who) if asked else None
    question, by = decide(world, Decision(verb), by=who, via="cli", reason=reason, ticks=ticks, also=also), who.name
    if verb == Decision.REJECT:
        put_dark_preview_right(world)  # nobody looks at it any more, whenever the run gets to it
    note = wake(world, question, verb, reason, by)
    bad = not_passed(question.evidence)
    if output:
        shown = {
            "id": question.id,
            "kind": str(question.kind),
            "release": question.release,
            "summary": question.summary,
            "expiresAt": iso(question.expires_at),
            "url": question.url,
        }
        data = {"application": app, "decision": verb, "by": by, "reason": reason, "ticks": [*ticks], "question": shown}
        emit({**data, "notPassed": [each.model_dump() for each in bad], "rung": not note, "note": note}, output)
        return
    echo(f"{'approved' if verb == 'approve' else 'rejected'} by {by}: {question.summary}")
    for each in bad:
        echo(f"not passed: {each.gate}: {each.verdict}, {each.detail}")
    if break_glass:
        echo(f"BREAK-GLASS by {by}: freezes, closed windows{AND_GATES if question.kind == 'flip' else ''} are passed")
    if note:
        say(f"note: the decision is recorded. {note}")

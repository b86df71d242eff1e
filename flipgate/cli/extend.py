"""`flipgate extend`: the old side stays up as the way back for longer."""

from __future__ import annotations

import click

from flipgate.cli._commands import Verb
from flipgate.cli._options import (
    ClusterOptions,
    cluster_options,
    need_reason,
    output_option,
    person,
    reason_option,
    say,
)
from flipgate.cli._print import clock, echo, emit, iso


@click.command(
    cls=Verb,
    details={
        "Data": '-o json: {"application", "release", "hours", "settleAfter": the new end, "by", "reason", "note"}',
    },
    examples="""\
        flipgate extend sportsdata --hours 24 --reason "the provider's fix comes tomorrow"
        flipgate extend sportsdata --hours 72 --reason "over the weekend" -o json""",
)
@click.argument("app")
@click.option("--hours", type=int, required=True, metavar="N", help="How many hours later the soak ends.")
@reason_option("Why it stays")
@output_option("json", "yaml")
@cluster_options
def extend(options: ClusterOptions, app: str, hours: int, reason: str, output: str | None) -> None:
    """Keep the old side up as the way back for longer.

    For a release that is `live`, in its soak or after it. The end moves --hours later than the present end, or than now
    where that has passed; never further than 720 hours (30 days) from now, but as often as need be. An open question
    about the old side, and a yes to it that is not used yet, is withdrawn, and asked again at the new end.

    Anybody may keep the way back: it needs no approver, and no freeze holds it up. It is told, and stands in the
    journal, in the release's decisions and in `flipgate status`.
    """
    reason = need_reason("extend", app, reason)
    from flipgate.steps.releasing.doorbell import wake_withdrawn
    from flipgate.steps.releasing.soak import extend as extend_soak

    world = options.world(app, quiet=bool(output))
    by = person(world)
    release, question = extend_soak(world, hours, reason, by=by, via="cli")
    note = wake_withdrawn(question, reason, by.name)
    if output:
        data = {"application": app, "release": release.name, "hours": hours, "settleAfter": iso(release.settle_after)}
        emit({**data, "by": by.name, "reason": reason, "note": note}, output)
        return
    end = clock(iso(release.settle_after) or "")
    echo(f"{release.side.other} of {app} stays up as the way back until {end}; {by.name}: {reason}")
    if note:
        say(f"note: the new end is recorded. {note}")

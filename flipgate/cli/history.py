"""`flipgate history`: the finished releases."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from flipgate.cli._commands import Verb
from flipgate.cli._options import Target, cluster_options, output_option
from flipgate.cli._print import clock, emit, iso, table

if TYPE_CHECKING:
    from flipgate.core.release import Release


@click.command(
    cls=Verb,
    details={
        "Data": """\
            -o json: {"application", "releases": [{"name", "id", "attempt", "side", "phase", "reason", "message",
                      "openedBy", "openedAt", "endedAt", "movedAt", "firstNewAnswerMs", "images", "phaseSeconds",
                      "changes": [{"phase", "reason", "at", "message"}]}],
                      "problems": [{"of", "fact"}]}          finished releases that cannot be read"""
    },
    examples="""\
        flipgate history sportsdata
        flipgate history sportsdata -o wide                                     images too
        flipgate history sportsdata -o json | jq '.releases[0].phaseSeconds'    how long the last one took""",
)
@click.argument("app")
@click.option("--limit", type=click.IntRange(min=1), default=None, metavar="N", help="The N newest only.")
@output_option("json", "yaml", "wide")
@cluster_options
def history(target: Target, app: str, limit: int | None, output: str | None) -> None:
    """The finished releases, newest first: what, where, how each ended and why."""
    store = target.world(app).store
    releases = [as_data(release) for release in store.history()[:limit]]
    problems = store.history_problems()
    if output in ("json", "yaml"):
        told = [{"of": problem.obj, "fact": problem.fact} for problem in problems]
        emit({"application": app, "releases": releases, "problems": told}, output)
        return
    for problem in problems:
        click.echo(f"left out: {problem}", err=True)
    if not releases:
        click.echo(f"application {app} has no finished release yet", err=True)
        return
    wide = output == "wide"
    header = ["RELEASE", "SIDE", "ENDED", "REASON", "OPENED", "CLOSED", "BY", *(["IMAGES"] if wide else [])]
    for line in table(header, [_row(release, wide) for release in releases]):
        click.echo(line)


def as_data(release: Release) -> dict[str, Any]:
    """A release as data."""
    from flipgate.core.release import phase_seconds

    last = release.changes[-1]
    changes = [
        {"phase": str(c.phase), "reason": str(c.reason), "at": iso(c.at), "message": c.message} for c in release.changes
    ]
    return {
        "name": release.name,
        "id": release.id,
        "attempt": release.attempt,
        "side": str(release.side),
        "phase": str(last.phase),
        "reason": str(last.reason),
        "message": last.message,
        "openedBy": release.opened_by,
        "openedAt": iso(release.changes[0].at),
        "endedAt": iso(last.at),
        "movedAt": iso(release.moved_at),
        "firstNewAnswerMs": release.first_new_answer_ms,
        "images": dict(release.images),
        "phaseSeconds": phase_seconds(release, datetime.now(UTC)),
        "changes": changes,
    }


def _row(release: dict[str, Any], wide: bool) -> list[str]:
    times = [clock(release["openedAt"]), clock(release["endedAt"])]
    row = [release["name"], release["side"], release["phase"], release["reason"], *times, release["openedBy"]]
    return [*row, ",".join(release["images"].values())] if wide else row

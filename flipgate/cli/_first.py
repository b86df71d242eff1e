"""What `adopt` and `init` have to say: both write an application's first record, or find that there is one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flipgate.cli._print import clock, echo, emit, iso

if TYPE_CHECKING:
    from flipgate.core.record.record import Record

FIRST_DATA = """\
    -o json: {"application", "active": "blue"|"green", "dark": "green"|"blue", "since": TIME or null, "changed": BOOL}
    "changed" is false where the application was managed already, "since" the time of its first known step."""


def show(
    record: Record, what: str, *, changed: bool, output: str | None, live_side: tuple[str, ...] | None = None
) -> None:
    """The record as data, or `what` was done in a sentence; with it what was taken of the `live_side`."""
    since = iso(record.journal[0].at) if record.journal else None
    app, active = record.application, record.active
    if output:
        sides = {"active": str(active), "dark": str(active.other)}
        more = {} if live_side is None else {"liveSide": [*live_side]}
        emit({"application": app, **sides, "since": since, "changed": changed, **more}, output)
    elif changed:
        echo(f"application {app} {what}")
        for part in live_side or ():
            echo(f"live side of {app}: {part}")
    else:
        known = clock(since) if since else "before the journal begins"
        echo(f"application {app} is managed already (since {known}); nothing changed")

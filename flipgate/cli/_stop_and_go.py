"""What `freeze` and `thaw` do and print, of one application and of all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flipgate.cli._options import ClusterOptions, claimed, person
from flipgate.cli._print import clock, echo, emit, iso

if TYPE_CHECKING:
    from flipgate.core.record.freeze import Freeze

FREEZE_DATA = """\
-o json: {"application": null for all, "by", "reason", "at", "changed": false when it was frozen already: then by,
          reason and at are those of that freeze}"""
THAW_DATA = """\
-o json: {"application": null for all, "changed": false when it was not frozen, "by", "reason", "at": of the freeze that
          has ended, else null}"""


def freeze_one_or_all(options: ClusterOptions, app: str, reason: str, output: str | None) -> None:
    """Freezes, and says what is frozen from then on."""
    from flipgate.steps.releasing import freeze as steps

    if app:
        world = options.world(app, quiet=bool(output))
        frozen, changed = steps.freeze(world, reason, by=person(world))
    else:
        frozen, changed = steps.freeze_all(options.cluster(), options.namespace, reason, claimed=claimed())
    if output:
        emit({"application": app or None, **_data(frozen), "changed": changed}, output)
        return
    what = app or "all applications"
    how = "frozen" if changed else "frozen already"
    echo(f"{what}: {how}, since {clock(iso(frozen.at))} by {frozen.said_by}: {frozen.reason}")
    echo("Users stay where they are; rolling back works. Next: " + _again("thaw", app))


def thaw_one_or_all(options: ClusterOptions, app: str, reason: str, output: str | None) -> None:
    """Thaws, and says what had been frozen."""
    from flipgate.steps.releasing import freeze as steps

    if app:
        world = options.world(app, quiet=bool(output))
        before, changed = steps.thaw(world, reason, by=person(world))
    else:
        before, changed = steps.thaw_all(options.cluster(), options.namespace)
    if output:
        emit({"application": app or None, "changed": changed, **_data(before)}, output)
        return
    what = app or "all applications"
    if not changed:
        echo(f"{what}: not frozen")
        return
    was = f"; frozen since {clock(iso(before.at))} by {before.said_by}: {before.reason}" if before else ""
    echo(f"{what}: thawed{was}")
    echo(f"Next: flipgate status{f' {app}' if app else ''}; what waits goes on within five minutes")


def _data(freeze: Freeze | None) -> dict[str, Any]:
    if freeze is None:
        return {"by": None, "reason": None, "at": None}
    return {"by": freeze.said_by, "reason": freeze.reason, "at": iso(freeze.at)}


def _again(verb: str, app: str) -> str:
    return " ".join(filter(None, ["flipgate", verb, app, '--reason "..."']))

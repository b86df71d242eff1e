"""`flipgate demo`: one release from the build event to the old side's rest and its database's contract, on this
machine."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from typing import Any

import click

from flipgate.cli._commands import Verb
from flipgate.cli._print import echo
from flipgate.core.values.errors import PermanentError


@click.command(
    cls=Verb,
    details={
        "Data": """\
            --json: one object on the last line of stdout, with among others {"done", "phase", "active",
                    "requests_sent", "requests_failed", "first_new_answer_ms", "phases": {PHASE: seconds},
                    "migrations": [what became of the database]}"""
    },
    examples="""\
        flipgate demo                          you approve, in Prefect's UI or with the line it prints
        flipgate demo --approve --json         nobody is asked; the summary as JSON
        flipgate demo --tag 2-never-ready      version 2 never gets ready: users see nothing of it
        flipgate demo --git                    overlays and route in a Git repository, applied by Flux
        flipgate demo --keep                   everything stays up, with the ways in
        flipgate demo --approve --picture demo.svg    what users were answered, second by second""",
)
@click.option("--approve", is_flag=True, help="Approve by itself, instead of waiting for you.")
@click.option(
    "--tag", default="2", show_default=True, help="The new images' tag; says how they behave (see examples/sportsdata)."
)
@click.option("--git", "by_git", is_flag=True, help="Images and route by way of a Git repository that Flux applies.")
@click.option("--keep", is_flag=True, help="Leave everything up, and say how to get in and how to end it.")
@click.option("--json", "as_json", is_flag=True, help="The summary as one JSON object on the last line of stdout.")
@click.option(
    "--picture",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Write an SVG of it: users' answers a second by side, under the phases.",
)
@click.option("--name", default="demo", show_default=True, help="The lab's name; one of that name is replaced.")
def demo(approve: bool, tag: str, by_git: bool, keep: bool, as_json: bool, picture: Path | None, name: str) -> None:
    """The whole story on a real Kubernetes and a real Prefect, under load.

    The first time it builds the lab, which takes some ten minutes; after that it begins within a minute. Ctrl-C at any
    moment ends everything. Exit code 0 only when the release came through, its database was contracted, and no request
    was lost.
    """
    for asked in (signal.SIGINT, signal.SIGTERM):
        signal.signal(asked, _interrupt_once)
    told = {"approve": approve, "tag": tag, "by_git": by_git, "keep": keep, "picture": picture, "name": name}
    summary = _run(told, to_stderr=as_json)
    if as_json:
        echo(json.dumps(summary))
    else:
        _show(summary)
    raise SystemExit(0 if summary["done"] else 1)


def _run(told: dict[str, Any], *, to_stderr: bool) -> dict[str, Any]:
    try:
        from lab.load import LoadError
        from lab.machine.errors import LabError
        from lab.stories import demo as story
    except ImportError as error:
        raise PermanentError(
            f"cannot be used here ({error}): it comes with a checkout of flipgate, not with the installed package",
            obj="the demo",
            next_command="git clone flipgate, then: uv run flipgate demo",
        ) from error

    try:
        out = sys.stderr if to_stderr else sys.stdout
        return story.run(**told, out=out)
    except (LabError, LoadError, RuntimeError) as error:
        raise PermanentError(str(error), obj="demo") from error


def _show(summary: dict[str, Any]) -> None:
    echo(f"6/6  {summary['release']} ended {summary['phase']} ({summary['reason']})")
    echo(f"     users are on {summary['active']}; the other side has {summary['other_side_replicas']} pods")
    for migration in summary["migrations"]:
        echo(f"     database {migration}")
    echo(f"     requests: {summary['requests_sent']} sent, {summary['requests_failed']} failed")
    if summary["first_new_answer_ms"] is not None:
        echo(f"     first answer from the new side {summary['first_new_answer_ms']:g} ms after the move began")
    for commit in summary.get("commits", ()):
        echo(f"     commit {commit}")
    phases = ", ".join(f"{phase} {seconds:.1f} s" for phase, seconds in summary["phases"].items() if seconds)
    echo(f"     phases: {phases}; the whole demo {summary['seconds']:.0f} s")


def _interrupt_once(_signal: int, _frame: object) -> None:
    """Being asked to end, once: everything is taken down then, and that is not interrupted again.

    Ctrl-C under `uv run` arrives twice: from the terminal, and passed on by uv.
    """
    for asked in (signal.SIGINT, signal.SIGTERM):
        signal.signal(asked, signal.SIG_IGN)
    raise KeyboardInterrupt

"""Data and tables on stdout."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from flipgate.core.values.outward import json_text, terminal
from flipgate.core.values.text import valid

if TYPE_CHECKING:
    from flipgate.core.record.release import Release


def emit(data: Any, output: str) -> None:
    """Prints data as JSON or YAML: the same keys in both."""
    text = json.dumps(data, indent=2, ensure_ascii=False)
    if output == "json":
        echo(json_text(text))
        return
    import yaml

    # By way of JSON, so that names of our own (sides, phases) are plain text.
    dumped = yaml.safe_dump(json.loads(text), sort_keys=False, allow_unicode=True)
    if valid(dumped) != dumped:  # YAML takes marks of the direction of writing for printed ones
        dumped = yaml.safe_dump(json.loads(text), sort_keys=False)
    echo("---\n" + dumped, nl=False)


def echo(text: str, *, err: bool = False, nl: bool = True) -> None:
    """Prints, on stdout or stderr: the only way out to a terminal, which obeys nothing in it but our own styles."""
    click.echo(terminal(text), err=err, nl=nl)


def on_one_line(text: str) -> str:
    """What may hold other people's line ends, as one line: none of them looks as if it were a line of ours."""
    return terminal(text).replace("\n", " ").replace("\t", " ")


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Left-aligned columns, two spaces between them, as kubectl prints them."""
    lines = [tuple(header), *(tuple(map(on_one_line, row)) for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]


def iso(moment: datetime | None) -> str | None:
    """A time as data: ISO 8601 in UTC, with a Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z") if moment else None


def clock(moment: str | None) -> str:
    """A time of `iso` for people."""
    return f"{moment[:10]} {moment[11:19]} UTC" if moment else "-"


def ago(moment: str | None, now: datetime) -> str:
    """How long since a time of `iso`, roughly, as kubectl's AGE."""
    if not moment:
        return "-"
    seconds = max(0, int((now - datetime.fromisoformat(moment)).total_seconds()))
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds >= 2 * size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def lasting(moment: str | None, now: datetime) -> str:
    """` for 3m`; ` as seen now` of what only this look has judged: nobody noted since when."""
    seconds = (now - datetime.fromisoformat(moment)).total_seconds() if moment else 0.0
    return f" for {ago(moment, now)}" if seconds >= 2 else " as seen now"


def count(number: int, noun: str) -> str:
    """`1 route`, `2 routes`."""
    return f"{number} {noun}" + ("" if number == 1 else "s")


def commits(release: Release) -> list[dict[str, str | None]]:
    """The commits of a release in the team's repository, as they were pushed."""
    return [{"what": each.what, "commit": each.commit, "at": iso(each.at)} for each in release.commits]

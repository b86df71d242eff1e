"""The story of one release for people: made from the same data that `-o json` prints."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import click

from flipgate.cli._print import clock, on_one_line
from flipgate.core.values.sides import Side

HEADER = ("TIME UTC", "WHAT", "TOOK", "STORY")
UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def lines(data: dict[str, Any], *, wide: bool) -> list[str]:
    """A head of facts, then a line for each thing that happened; evidence is indented below what rests on it."""
    title = f"{click.style(data['name'], bold=True)}  (release of {data['application']})"
    facts = [*_facts(data), *([("Image", ref) for ref in data["images"].values()] if wide else [])]
    told = [*(f"  {label:<8}  {text}" for label, text in facts), "", *_timeline(data["timeline"])]
    return [title, *map(on_one_line, told)]


def lasted(seconds: float) -> str:
    """How long, to two places: `68 ms`, `2.4 s`, `42 s`, `3 min 5 s`, `1 d 2 h`."""
    if seconds < 10:
        return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"
    left, parts = int(seconds), []
    for size, unit in UNITS:
        number, left = divmod(left, size)
        parts.append((number, unit))
    first = next(n for n, (number, _) in enumerate(parts) if number)
    return " ".join(f"{number} {unit}" for number, unit in parts[first : first + 2] if number)


def _facts(data: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield "Side", data["side"]
    yield "Opened", f"{clock(data['openedAt'])} by {data['openedBy']}"
    if data["approvedBy"]:
        yield "Approved", f"by {data['approvedBy']}"
    if data["movedAt"]:
        yield "Moved", f"{clock(data['movedAt'])}{_figures(data, data['side'])}"
        if len(data["shown"]) > 1:
            yield from (("", f"through {each['replica']}{_figures(each, data['side'])}") for each in data["shown"])
    yield from (("Database", each["text"]) for each in data["migrations"])
    yield from (("Commit", f"{each['commit'][:12]} {each['what']}") for each in data["commits"])
    how = f"{data['phase']} ({data['reason']})"
    if data["endedAt"]:
        after = lasted(max(0.0, (_time(data["endedAt"]) - _time(data["openedAt"])).total_seconds()))
        yield "Ended", f"{clock(data['endedAt'])}: {how}, {after} after it was opened"
    else:
        yield "Ended", f"not yet: {how} since {clock(data['changes'][-1]['at'])}"


def _figures(data: dict[str, Any], side: str) -> str:
    """What the proof heard, of all replicas or of one."""
    first, last = data["firstNewAnswerMs"], data["lastOldAnswerMs"]
    new = f", first answer from {side} after {first:g} ms" if first is not None else ""
    return f"{new}, last from {Side(side).other} after {last:g} ms" if last is not None else new


def _timeline(moments: list[dict[str, Any]]) -> Iterator[str]:
    """A day is named where it begins, if there is more than one."""
    names = [_name(each) for each in moments]
    took = [_took(each) for each in moments]
    widths = [8, *(max(map(len, (title, *cells))) for title, cells in ((HEADER[1], names), (HEADER[2], took)))]
    yield "  ".join(cell.ljust(width) for cell, width in zip(HEADER, (*widths, 0), strict=True))
    days, day = {each["at"][:10] for each in moments}, ""
    for each, name, time in zip(moments, names, took, strict=True):
        if len(days) > 1 and each["at"][:10] != day:
            day = each["at"][:10]
            yield day
        what = click.style(name.ljust(widths[1]), bold=each["kind"] == "phase" or None)
        yield f"{each['at'][11:19]}  {what}  {time.ljust(widths[2])}  {_text(each)}"
        for proof in each["evidence"]:
            yield f"{' ' * (sum(widths) + 8)}{_verdict(proof)}"


def _name(moment: dict[str, Any]) -> str:
    """What happens within a phase stands below it."""
    return str(moment["what"]) if moment["kind"] == "phase" else f"  {moment['what']}"


def _took(moment: dict[str, Any]) -> str:
    if moment["seconds"] is None:
        return "-"
    return lasted(moment["seconds"]) + (" so far" if moment["open"] else "")


def _text(moment: dict[str, Any]) -> str:
    text, by = moment["text"], moment["by"]
    shown = _red(text) if text.startswith(("fail", "unknown", "undone")) else text
    return f"{shown} [by {by}]" if by and f"by {by}" not in text else shown


def _verdict(proof: dict[str, str]) -> str:
    verdict = proof["verdict"] if proof["verdict"] in ("pass", "info") else _red(proof["verdict"])
    return f"{proof['gate']}: {verdict}, {proof['detail']}"


def _red(text: str) -> str:
    return click.style(text, fg="red")


def _time(moment: str) -> datetime:
    return datetime.fromisoformat(moment)

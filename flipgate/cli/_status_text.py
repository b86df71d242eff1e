"""`flipgate status` for people: made from the same data that `-o json` prints."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import click

from flipgate.cli._live_side import cell, lead
from flipgate.cli._print import ago, clock, count, lasting, on_one_line, table
from flipgate.core.record.conditions import GATES_PASS, GIT_ACCESS, LIVE_SIDE_READY, ROUTES_IN_GIT
from flipgate.core.record.held import HELD
from flipgate.core.record.intent import in_words
from flipgate.core.record.phases import Phase
from flipgate.core.record.pipelines import RECONCILE
from flipgate.core.record.planned import first_of
from flipgate.core.record.queue import LEFT
from flipgate.core.values.reasons import Why
from flipgate.core.values.verdicts import Verdict

BAD = (Verdict.FAIL, Verdict.UNKNOWN)
NONE = "none"
BY_HAND = (". Back by hand: ", "; by hand: ")
"""What stands before a kubectl line in the message of a phase."""
WAY_BACK_READY = "WayBackReady"
UNWATCHED = "Unwatched"
ABOVE = ((LIVE_SIDE_READY, "False"), (UNWATCHED, "True"))
"""Conditions that stand above everything else."""
GOOD = frozenset({WAY_BACK_READY, LIVE_SIDE_READY, ROUTES_IN_GIT, GIT_ACCESS, GATES_PASS})
"""Conditions that are as they should be when they are True."""


def one(data: dict[str, Any], now: datetime, *, wide: bool) -> list[str]:
    """All of one application."""
    title = click.style(data["application"], bold=True)
    lines = [*lead(data, now), f"{title}  (namespace {data['namespace']}, context {data['context']})"]
    for label, text in [*_facts(data, now, wide), *(_more(data) if wide else ())]:
        lines.append(f"  {label:<10}  {on_one_line(text)}")
    return [*lines, "", *_sides(data, wide)]


def many(all_data: list[dict[str, Any]], now: datetime) -> list[str]:
    """One line for each application; before them, those whose users are on a side that is short."""
    rows = []
    for data in all_data:
        release = data["release"] or {}
        waits = data["next"]["by"] if not data["problems"] else "unreadable: " + ", ".join(_unread(data))
        drift = "drifted" if data["drift"] else ("?" if data["problems"] else "-")
        active = [data["activeByRoutes"] or "?", cell(data)]
        row = [data["application"], *active, data["phase"], ago(data["since"], now)]
        rows.append([*row, release.get("name", "-"), waits, drift])
    header = ["APPLICATION", "ACTIVE", "LIVE SIDE", "PHASE", "SINCE", "RELEASE", "WAITS FOR", "DRIFT"]
    unwatched = [f"{data['application']}: {fact}" for data in all_data for fact, _ in _unwatched(data)]
    return [*(line for data in all_data for line in lead(data, now)), *table(header, rows), *unwatched]


def _facts(data: dict[str, Any], now: datetime, wide: bool) -> Iterator[tuple[str, str]]:
    for fact, what_to_type in _unwatched(data):
        yield "Warning", fact
        yield "", what_to_type
    yield "Active", _active(data)
    yield "Traffic", _traffic(data)
    for route in data["routes"]:
        yield "Route", route["text"]
    for problem in data["problems"]:
        yield "Unreadable", click.style(f"{problem['of']}: {problem['fact']}", fg="red")
    yield "Phase", _phase(data, now)
    yield from () if data["release"] else _failed(data["lastRelease"])  # while another is under way that is history
    if release := data["release"]:
        yield "Release", f"{release['name']} on {release['side']}, opened by {release['openedBy']}"
        yield from ((_when(each, data["waitsFor"]), _stopped(each)) for each in (release["stopped"],) if each)
        yield from _hooks(release["hooks"])
    yield from _builds(data, now)
    yield "Next", f"{data['next']['step']}  (by: {data['next']['by']})"
    if data["next"]["command"]:
        yield "", data["next"]["command"]
    yield from _kept(data["kept"])
    yield from _stop_and_go(data)
    yield from _question(data["waitsFor"], now)
    yield from (("Database", each["text"]) for each in data["migrations"] if wide or each["state"] == "expanded")
    yield from (("Copy", each) for each in data["clones"])
    yield from (("Database", each) for each in data["stopped"])
    yield from _maintenance(data["maintenance"], now)
    yield from _preview(data["darkPreview"])
    yield from () if wide else _not_passed(data["waitsFor"])
    yield "Way back", _way_back(data)
    yield from (("", click.style(each, fg="red")) for each in data["wayBack"]["foreignLines"])
    for condition in data["conditions"]:
        told = condition["type"] == HELD or (condition["type"], condition["status"]) in ABOVE
        if not told:
            yield "Condition", _condition(condition, now)
    for side, each in ((side, each) for side, each in data["sides"].items() if each["works"]):
        works = f"{side} works, too, and work may be done twice: {'; '.join(each['works'])}"
        yield "Dark side", click.style(works, fg="red")
        yield "", each["stop"]
    if data["managed"] is None:
        yield "Journal", "unknown, as are untold announcements"
        return
    yield "Journal", _entry(data["openEntry"])
    yield "Untold", _untold(data, now)


def _stop_and_go(data: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Who has stopped the moves and since when, when a window opens, and whose word passes that."""
    if held := data["held"]:
        yield "Held", click.style(f"{held['reason']}: {held['text']}", fg="red")
        if held["thaw"]:
            yield "", held["thaw"]
    if glass := data["breakGlass"]:
        what = f"the {glass['kind']} passes it, by {glass['by']} at {clock(glass['at'])}: {glass['reason']}"
        yield "Glass", click.style(f"BREAK-GLASS: {what}", fg="red", bold=True)


def _hooks(hooks: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """Those that run, are to be run, or did not pass; the history has all of them."""
    for hook in hooks:
        told = f"{hook['name']} at {hook['at']}"
        if hook["verdict"] == Verdict.INFO:
            yield "Hook", f"{told} {hook['detail']}"
        elif hook["verdict"] in BAD:
            yield "Hook", click.style(f"{told}: {hook['verdict']}, {hook['detail']}", fg="red")


def _kept(kept: dict[str, Any] | None) -> Iterator[tuple[str, str]]:
    """An old side that is up beyond its soak, and what that costs."""
    if kept:
        costs = kept["costs"] or "pods that could not be counted"
        yield "Kept", f"{kept['side']}, day {kept['days']}: {kept['why']}; it has {costs}"


def _maintenance(flag: dict[str, Any] | None, now: datetime) -> Iterator[tuple[str, str]]:
    """The flag that says so while users are moved, and how it goes where flipgate could not take it off."""
    if flag:
        told = f"{flag['flag']} is {flag['value']} for {ago(flag['since'], now)}"
        yield "Maintenance", click.style(f"{told}, and could not be taken off", fg="red") if flag["leftOn"] else told
        if flag["leftOn"]:
            yield "", flag["off"]


def _preview(told: dict[str, Any] | None) -> Iterator[tuple[str, str]]:
    if told:
        yield "Preview", click.style(f"{told['address']} {told['text']}".strip(), fg=None if told["right"] else "red")


def _untold(data: dict[str, Any], now: datetime) -> str:
    """How many, for how long, and where it is said why: only who tells them hears what the chat answers."""
    if not data["undelivered"]:
        return NONE
    logs = f"the log of {RECONCILE}, which tries again each time, says why"
    return f"{count(data['undelivered'], 'announcement')}, the oldest for {ago(data['undeliveredSince'], now)}: {logs}"


def _active(data: dict[str, Any]) -> str:
    routes = data["activeByRoutes"]
    by_routes = click.style(routes, bold=True) if routes else click.style("no one side", fg="red", bold=True)
    if data["managed"] is False:
        return f"{by_routes} by the routes; there is no record yet"
    if data["managed"] is None:
        return f"{by_routes} by the routes; the record cannot be read"
    return f"{by_routes} by the routes, {data['activeByRecord']} by the record"


def _phase(data: dict[str, Any], now: datetime) -> str:
    release = data["release"]
    if release:
        message = _without_line(release["message"])
        told = f": {message}" if message else ""
        if release["soakMoved"]:
            told += f"; a person moved that end to {clock(release['settleAfter'])}"
        since = f"since {clock(data['since'])} ({ago(data['since'], now)})"
        return f"{data['phase']} ({release['reason']}{told}) {since}"
    last = data["lastRelease"]
    before = f"; last: {last['name']} ended {last['phase']} ({last['reason']}) {clock(last['since'])}" if last else ""
    return f"{data['phase']}{before}"


def _failed(last: dict[str, Any] | None) -> Iterator[tuple[str, str]]:
    """Why the last release failed, and where what it left behind is kept."""
    if last and last["phase"] == Phase.FAILED and last["message"]:
        yield "Failed", f"{last['name']}: {last['message']}"


def _builds(data: dict[str, Any], now: datetime) -> Iterator[tuple[str, str]]:
    """How far a release is that comes up; a build event that started nothing; builds that wait, and for what."""
    if data["comingUp"]:
        yield "Coming up", data["comingUp"]["text"]
    if refused := data["refusedBuild"]:
        told = f"{ago(refused['at'], now)} ago: {refused['fact']}"
        yield "Build", click.style(f"refused {told}", fg="red")
    for each in data["queued"]:
        yield "Queued", f"{each['service']} {each['image']}, built {ago(each['at'], now)} ago by {each['by']}"
    release = data["release"]
    if data["queued"] and release and not release["ended"]:
        yield "", f"released by itself when {release['name']} has ended"
    elif data["queued"] and not any(each["type"] == LEFT for each in data["conditions"]):
        yield "", "may start: reconcile starts it within minutes"


def _without_line(message: str) -> str:
    """The message of a phase without the kubectl line that it ends with, if any: the way back of that moment."""
    for before in BY_HAND:
        message = message.partition(f"{before}kubectl ")[0]
    return message


def _when(stop: dict[str, Any], question: dict[str, Any] | None) -> str:
    """`Stopped`; `Before` once somebody has decided again: what stopped the run before may stop the next one, too."""
    decided = (question or {}).get("decision")
    return "Before" if decided and decided["at"] > stop["at"] else "Stopped"


def _stopped(stop: dict[str, Any]) -> str:
    approval = {"stands": "; the approval stands", "withdrawn": "; the approval is void"}.get(stop["approval"], "")
    told = f"{stop['pipeline']} at {clock(stop['at'])} ({stop['reason']}): {stop['fact']}{approval}"
    return click.style(told, fg="red") + (f"  {stop['run']}" if stop["run"] else "")


def _question(question: dict[str, Any] | None, now: datetime) -> Iterator[tuple[str, str]]:
    if question is None:
        return
    yield "Question", f"{question['summary']}  ({question['state']}, asked {ago(question['askedAt'], now)} ago)"
    yield "", f"expires {clock(question['expiresAt'])}"
    if question["url"]:
        yield "", question["url"]
    if question["whoMay"]:
        yield "Approval", question["whoMay"]
    for part in question["plan"]:
        yield "Plan", f"{part['of']}: {first_of(part['lines'])}"
    for line in question["lookFirst"]:
        yield "Look", line
    said = (question["decision"] or {}).get("ticks", [])
    for tick in question["ticks"]:
        wanted = "" if tick["required"] else " (may be left out)"
        yield "Tick", f"[{'x' if tick['name'] in said else ' '}] {tick['name']}: {tick['text']}{wanted}"
    if question["decision"]:
        decision = question["decision"]
        yield "Decision", f"{decision['decision']} by {decision['by']} via {decision['via']}: {decision['reason']}"
        if decision["void"]:
            yield "", click.style(f"void: {decision['void']}", fg="red")


def _not_passed(question: dict[str, Any] | None) -> Iterator[tuple[str, str]]:
    """What people have to know before they say yes; `-o wide` shows all that was found."""
    for proof in (question or {}).get("evidence", []):
        if proof["verdict"] in BAD:
            yield "Evidence", click.style(f"{proof['gate']}: {proof['verdict']}, {proof['detail']}", fg="red")


def _way_back(data: dict[str, Any]) -> str:
    way = data["wayBack"]
    name = data["application"]
    if way["way"] == "abort":
        return "not needed: users have seen nothing; rolling back ends the release"
    if way["way"] == "none" and data["managed"] is None:
        return f"none: {way['why']}"
    if way["way"] == "unknown":
        return "unknown: the routes or the side cannot be read, or the routes name no one side"
    if way["side"] is None and data["release"] and not data["release"]["ended"]:
        return "none: a first release, and nothing ever ran on the other side"
    closed = _closed(data["sides"], way["side"])
    if closed:
        return closed
    if way["side"] is None:
        return f"none is open; flipgate rollback {name} --to SIDE scales that side up first, where it has to be"
    ready = sum(min(each["ready"], each["wanted"]) for each in way["services"])
    wanted = sum(each["wanted"] for each in way["services"])
    short = [f"{e['name']} {e['ready']}/{e['wanted']}" for e in way["services"] if e["ready"] < e["wanted"]]
    missing = f" (short: {', '.join(short)})" if short else ""
    judged = [c for c in data["conditions"] if c["type"] == WAY_BACK_READY]
    worse = [c for c in judged if c["status"] != "True" and c["reason"] != Why.NOT_READY]
    but = "".join(f", but {WAY_BACK_READY} is {c['status']} ({c['reason']})" for c in worse)
    return f"{way['side']}, {way['way']}: {ready} of {wanted} pods Ready{missing}{but}"


def _closed(sides: dict[str, Any], old: str | None) -> str:
    """Whether the code on the side users could go to is too old for the data; of no release, that is the dark side."""
    for name, side in sides.items():
        contracted = side["contracted"]
        if contracted and (name == old or (old is None and side["active"] is False)):
            done = f"{clock(contracted['at'])} by {contracted['by']}: {contracted['reason']}"
            return f"closed: {name} runs code from before a contract migration, done {done}"
    return ""


def _traffic(data: dict[str, Any]) -> str:
    """What was seen, which may lag behind the routes, and needs rights that a reader may not have."""
    seen, side = data["traffic"], data["activeByTraffic"]
    if side:
        return f"{side}, as {count(len(seen), 'Traefik replica')} {'shows' if len(seen) == 1 else 'show'} it now"
    told = "; ".join(f"{each['replica']}: {each['text']}" if each["replica"] else each["text"] for each in seen)
    return f"unknown: {told or 'no Traefik replica was asked'}"


def _condition(condition: dict[str, Any], now: datetime) -> str:
    wanted = "True" if condition["type"] in GOOD else "False"
    status = condition["status"] if condition["status"] == wanted else click.style(condition["status"], fg="red")
    since = lasting(condition["since"], now).strip()
    looked = f", looked at {ago(condition['lookedAt'], now)} ago" if condition.get("lookedAt") else ""
    if looked and condition["status"] != wanted:
        looked += f"; {RECONCILE} looks again within five minutes"
    return f"{condition['type']} {status} {since} ({condition['reason']}){looked}: {condition['message']}"


def _unwatched(data: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What nobody else will say, and what to type: what should happen by itself does not."""
    for each in data["conditions"]:
        if (each["type"], each["status"]) == (UNWATCHED, "True"):
            fact, _, command = each["message"].partition(" Next: ")
            yield click.style(f"{UNWATCHED} ({each['reason']}): {fact}", fg="red", bold=True), command


def _entry(entry: dict[str, Any] | None) -> str:
    if entry is None:
        return "nothing open"
    intent = in_words(entry["intent"])
    return f"entry {entry['id']} open: {entry['step']} ({intent}) by {entry['actor']} since {clock(entry['at'])}"


def _more(data: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What `-o wide` adds: the whole plan, evidence and times."""
    for part in (data["waitsFor"] or {}).get("plan", []):
        yield from (("Plan", f"{part['of']}: {line}") for line in part["lines"][1:])
    for proof in (data["waitsFor"] or {}).get("evidence", []):
        yield "Evidence", f"{proof['gate']}: {proof['verdict']}, {proof['detail']}"
    yield from (("By hand", line) for line in data["wayBack"]["byHand"])
    for phase, seconds in (data["release"] or {}).get("phaseSeconds", {}).items():
        yield "Took", f"{phase} {seconds:g} s"


def _sides(data: dict[str, Any], wide: bool) -> list[str]:
    header = ["SERVICE", "ROLE"]
    by_service: dict[str, dict[str, Any]] = {}
    for name, side in data["sides"].items():
        mark = {True: " (active)", False: "", None: ""}[side["active"]]
        header += [f"{name.upper()}{mark}", "IMAGE"]
        for service in side["services"]:
            row = by_service.setdefault(service["name"], {"role": service["role"]})
            row[name] = (_state(service), _image(service["image"], wide))
    rows = []
    for service, row in by_service.items():
        cells = [cell for side in data["sides"] for cell in row.get(side, ("?", "?"))]
        rows.append([service, row["role"], *cells])
    return table(header, rows) if rows else ["neither side could be read"]


def _state(service: dict[str, Any]) -> str:
    if not service["found"]:
        return "missing"
    if service["suspended"] is not None:
        return "suspended" if service["suspended"] else "scheduled"
    return f"{service['ready']}/{service['wanted']}{' consumes' if service['consumes'] else ''}"


def _image(image: str | None, wide: bool) -> str:
    """Without the registry and the path before the last part, which all services of a side share; digests cut."""
    if image is None or wide:
        return image or "-"
    name, _, digest = image.rpartition("/")[2].partition("@")
    return f"{name}@{digest.partition(':')[2][:12]}" if digest else name


def _unread(data: dict[str, Any]) -> list[str]:
    return [problem["of"] for problem in data["problems"]]

"""`flipgate history --verify`: whether what is kept is as it was written."""

from __future__ import annotations

import re
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from flipgate.adapters.history import HISTORY_KEPT
from flipgate.cli._print import count, echo, emit, iso
from flipgate.core.record.chain import SHOWN_DIGITS
from flipgate.core.record.verified import Broken, Kept, Verified, of_record, verify
from flipgate.core.values.errors import BadInput, FlipgateError, Unreachable

if TYPE_CHECKING:
    from flipgate.adapters.store import Store

LEAST_DIGITS = 12


def need_hash(head: str | None) -> str:
    """The hash that a person kept, or the beginning of it; empty for none. Raises BadInput for what is none."""
    if head is not None and not re.fullmatch(f"[0-9a-f]{{{LEAST_DIGITS},64}}", head.lower()):
        raise BadInput(
            f"is no hash: {LEAST_DIGITS} to 64 hexadecimal digits are wanted, {SHOWN_DIGITS} are told",
            obj=f'--head "{head}"',
        )
    return (head or "").lower()


def told(store: Store, head: str, output: str | None) -> None:
    """Prints what was found. Exit code 1 where something is not as it was written, or cannot be told."""
    found, problems = _judged(store)
    if problems:  # a release may have ended while it was read
        found, problems = _judged(store)
    link = found.link_of(head) if head else None
    if not found.links:
        problems.append(Broken("", "", fact=f"nothing can be verified: {_without(found) or 'no release has a chain'}"))
    elif head and not link:
        problems.append(Broken("", "", fact=f"no link has the hash {head}: it was changed since, or let go"))
    if output:
        of = {"release": link[0].name, "what": link[1].what, "at": iso(link[1].at)} if link else None
        emit(_data(store.name, found, problems) | {"headOf": of}, output)
    else:
        _print(store.name, found, problems, f"; {head} is {link[1].what} of {link[0].name}" if link else "")
    if problems:
        sys.exit(1)


def _judged(store: Store) -> tuple[Verified, list[Broken]]:
    kept, unread = store.kept()
    recorded, failed = _of_record(store)
    found = verify([*kept, *recorded], HISTORY_KEPT)
    cannot = [Broken("", "", fact=f"{each.obj} {each.fact}") for each in [*unread, *failed]]
    return found, [*found.broken, *cannot]


def _of_record(store: Store) -> tuple[list[Kept], list[FlipgateError]]:
    try:
        record = store.find()
    except Unreachable:
        raise
    except FlipgateError as error:
        return [], [error]
    return of_record(record) if record else [], []


def _print(application: str, found: Verified, problems: list[Broken], head: str) -> None:
    for note in found.notes:
        echo(note, err=True)
    if not problems:
        of = f"{count(len(found.releases), 'release')}, {count(found.links, 'link')}, head {found.head}{head}"
        echo("; ".join(filter(None, (f"ok: {of}", _begins(found), _without(found)))))
        return
    for problem in problems:
        echo(str(problem))
    first = next((each.release for each in problems if each.release), "")
    echo(
        f"error: history of {application}: {count(len(problems), 'problem')}; nothing was changed by this look. "
        f"Next: flipgate history {application}{f' {first}' if first else ''} -o json",
        err=True,
    )


def _data(application: str, found: Verified, problems: list[Broken]) -> dict[str, Any]:
    first = found.releases[0] if found.releases else None
    begins = {"release": first.name, "continues": _continued(first) or None} if first else None
    return {
        "application": application,
        "ok": not problems,
        "releases": len(found.releases),
        "links": found.links,
        "head": found.head or None,
        "begins": begins,
        "without": found.without,
        "notes": [*found.notes],
        "problems": [asdict(each) for each in problems],
    }


def _begins(found: Verified) -> str:
    first = found.releases[0]
    before = _continued(first)
    return f"begins with {first.name}, which continues {before[:SHOWN_DIGITS]}, let go" if before else ""


def _continued(release: Kept) -> str:
    return release.chain.before if release.chain else ""


def _without(found: Verified) -> str:
    if not found.without:
        return ""
    return f"{count(found.without, 'older release')} {'has' if found.without == 1 else 'have'} no chain"

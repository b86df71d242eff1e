"""The preflight: all that has to be so around the images, asked at once, before a release writes anything.

A reader asks one thing of the world, and returns its rows. All of them are asked, whatever one of them says, so that
what is wrong can be mended in one go. To add one: a function, and its name in READERS.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from flipgate.core.gates.preflight import refusal, told
from flipgate.core.record.release import Release
from flipgate.core.values.errors import FlipgateError, Refused, TemporaryError, about
from flipgate.core.values.reasons import Why
from flipgate.core.values.verdicts import Evidence, Verdict
from flipgate.core.workloads.view import View
from flipgate.steps.acting.world import World
from flipgate.steps.looking.bounds import read_bounds
from flipgate.steps.looking.look import look
from flipgate.steps.looking.nodes import read_room_on_nodes
from flipgate.steps.looking.parity import read_parity
from flipgate.steps.looking.reach import read_reach
from flipgate.steps.looking.room import read_room
from flipgate.steps.looking.standing import read_standing

Reader = Callable[[World, View, Release | None], list[Evidence]]
"""Looks at the side of the release; without one, at the side that the next release would be brought up on. Changes
nothing. What it may not read is a row: `unknown` where the file asks for it, else `info`."""

READERS: Final[tuple[Reader, ...]] = (
    read_parity,
    read_standing,
    read_bounds,
    read_room,
    read_room_on_nodes,
    read_reach,
)


def preflight(world: World, view: View, release: Release | None) -> list[Evidence]:
    """Asks every reader, a few at once, and returns all rows in the readers' order. A reader that cannot read at all is
    a row, too: unknown. Where a release is, a temporary fault is raised: its step is tried again, and it does not fail
    for it."""

    def ask(reader: Reader) -> list[Evidence]:
        try:
            return reader(world, view, release)
        except FlipgateError as error:
            if release is not None and isinstance(error, TemporaryError):
                raise
            name = reader.__name__.removeprefix("read_").replace("_", " ")
            return [Evidence(name, Verdict.UNKNOWN, name, "Kubernetes", error.named_fact, "an answer")]

    return [row for rows in world.each(ask, READERS) for row in rows]


def need_preflight(world: World, view: View, release: Release) -> list[Evidence]:
    """Returns what the readers say. Raises Refused (PreflightFailed) with all of it where any row fails or is
    unknown."""
    evidence = preflight(world, view, release)
    with about(world.application.name, untouched="both sides"):
        need_rows(world, release, evidence)
    return evidence


def need_rows(world: World, release: Release, evidence: Sequence[Evidence], before: Sequence[Evidence] = ()) -> None:
    """Says these rows. Raises Refused (PreflightFailed) with all of them, and those of `before`, where any fails or is
    unknown."""
    for each in evidence:
        world.say(f"preflight {told(each)}")
    if fact := refusal([*before, *evidence]):
        raise Refused(
            fact,
            obj=f"preflight of release {release.name} on {release.side}",
            reason=Why.PREFLIGHT_FAILED,
            evidence=(*before, *evidence),
        )


def preflight_problems(world: World, *, reads_all: bool = True) -> Iterator[str]:
    """Yields each row that would keep a release from being brought up now; what is only shown is said, and, for who
    has not the rights of a deploy, what is not known."""
    try:
        view = look(world)
    except FlipgateError:
        return  # a problem of its own, and named already
    for each in preflight(world, view, None):
        if each.verdict is Verdict.FAIL or (each.verdict is Verdict.UNKNOWN and reads_all):
            yield f"{told(each)}: no release could come up"
        elif each.verdict is not Verdict.PASS:
            world.say(told(each))

"""A person's tick in the place of a gate that cannot be asked, where the file has `orTick` for it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from flipgate.core.gates.kinds import Gate
from flipgate.core.record.phases import QuestionKind
from flipgate.core.record.record import Approval
from flipgate.core.record.ticks import Tick
from flipgate.core.values.verdicts import Evidence, Verdict, not_passed


def ticks_for(gates: Iterable[Gate], evidence: Iterable[Evidence]) -> tuple[Tick, ...]:
    """Returns what is to be ticked with a yes in the place of gates that are unknown."""
    unknown = {each.gate for each in evidence if each.verdict is Verdict.UNKNOWN}
    return tuple(Tick(name=each.name, text=each.or_tick) for each in gates if each.or_tick and each.name in unknown)


def without_ticks_for(gates: Iterable[Gate], ticks: Iterable[Tick]) -> tuple[Tick, ...]:
    """Returns the ticks that are in no gate's place."""
    names = {each.name for each in gates if each.or_tick}
    return tuple(each for each in ticks if each.name not in names)


def hold_back(gates: Iterable[Gate], evidence: Iterable[Evidence]) -> list[Evidence]:
    """Returns what keeps people from being asked: a gate that does not pass, unless one of them can answer for it."""
    found = list(evidence)
    answerable = {each.name for each in ticks_for(gates, found)}
    return [each for each in not_passed(found) if each.gate not in answerable]


def as_said(
    gates: Iterable[Gate], evidence: Iterable[Evidence], yes: Approval | None, kind: QuestionKind
) -> tuple[Evidence, ...]:
    """Returns what the gates say right before the move: one that is unknown still is only shown where the yes to this
    move has its tick."""
    found = tuple(evidence)
    if yes is None or not yes.unspent or yes.kind is not kind:
        return found
    said = {each.name: each.text for each in ticks_for(gates, found) if each.name in yes.ticks}
    return tuple(
        replace(each, verdict=Verdict.INFO, answer=f"unknown, and {yes.said_by} said: {said[each.gate]}: {each.answer}")
        if each.gate in said
        else each
        for each in found
    )

"""Judges whether an answer says which side it is from: without that no move could be proven, and it is found out before
one."""

from __future__ import annotations

from difflib import SequenceMatcher

from flipgate.core.gates.bake import read_reply
from flipgate.core.gates.misasked import SCHEME, misasked, turned_away
from flipgate.core.values.answer import Answer
from flipgate.core.values.foreign import printable
from flipgate.core.values.frozen import dataclass
from flipgate.core.values.nearest import nearest
from flipgate.core.values.reasons import Why
from flipgate.core.values.sides import Side

ALIKE = 0.9
"""How like the declared name a header's has to be, of 1, to be what was meant though it names no side."""
NAMES_SHOWN = 8
TLS_ASKED = f"if the route has tls, declare {SCHEME}"


@dataclass(frozen=True)
class Unnamed:
    """Why an answer does not show the side that the routes name."""

    reason: Why
    fact: str
    passing: bool = False
    """Traefik may answer so until it follows the latest change, and well a moment later."""
    declare: str = ""
    """What the file should say, where the way of asking is wrong."""


def judge_asking(answer: Answer, header: str = "") -> Unnamed | None:
    """Judges whether an answer by the live route is one that users may get; None where it is. Reasons: those of
    `Misasked`."""
    wrong = None if header and answer.headers.get(header.lower()) else misasked(answer)
    return Unnamed(wrong.reason, f"HTTP {answer.status}: {wrong}", declare=wrong.declare) if wrong else None


def judge_header(answer: Answer, header: str, side: Side) -> Unnamed | None:
    """Judges whether an answer by the live route names this side in its header; None where it does.

    Reasons: HeaderMissing, HeaderNamesNoSide (another value than a side's name), OtherSideAnswers, TurnedAway
    (something in front of the host answered).
    """
    shown = read_reply(answer, header).shown
    if shown == side:
        return None
    if shown == side.other:
        fact = f"HTTP {answer.status} with {header}: {shown}, while the routes name {side}"
        return Unnamed(Why.OTHER_SIDE_ANSWERS, fact, passing=True)
    if shown:
        meant = nearest(shown, Side)
        fact = f'HTTP {answer.status} with {header}: "{shown}", which is no side: its value has to be "blue" or "green"'
        return Unnamed(Why.HEADER_NAMES_NO_SIDE, fact + (f' (did you mean "{meant}"?)' if meant else ""))
    meant_name = _meant(answer, header)
    if not meant_name and (away := _away(answer)):
        return away
    told, passing = _why_missing(answer, meant_name)
    return Unnamed(Why.HEADER_MISSING, f"HTTP {answer.status} without header {header}: {told}", passing)


def judge_status(answer: Answer, side: Side, wanted: int | None) -> Unnamed | None:
    """Judges whether a side answered with the declared status; None where it did, or none is declared. Reason:
    StatusNotExpected."""
    if wanted is None or answer.status == wanted:
        return None
    fact = f"HTTP {answer.status} from {side}, while spec.traffic.probe.status is {wanted}"
    return Unnamed(Why.STATUS_NOT_EXPECTED, fact, declare=f"spec.traffic.probe.status: {answer.status}")


def judge_served(answer: Answer) -> Unnamed | None:
    """Judges an error by the live route that no side gave, by the counters: it is Traefik's own. Reasons: NotServed,
    TurnedAway."""
    if away := _away(answer):
        return away
    why = _traefiks_own(answer)
    return (
        Unnamed(Why.NOT_SERVED, f"HTTP {answer.status}, and no side's counter moved: {why}", passing=True)
        if why
        else None
    )


def _away(answer: Answer) -> Unnamed | None:
    away = turned_away(answer)
    return Unnamed(away.reason, f"HTTP {answer.status}: {away}", declare=away.declare) if away else None


def _traefiks_own(answer: Answer) -> str:
    """Returns what an error of Traefik's own means; empty where Traefik gives no such status."""
    if answer.status == 404:
        other = TLS_ASKED if answer.scheme == "http" else "does the route listen at that entry point, and has tls?"
        return f"Traefik itself answers so where no rule takes this host and path; {other}"
    return "Traefik itself answers so where no pod is behind the route" if answer.status >= 500 else ""


def _meant(answer: Answer, header: str) -> str:
    """Returns the header that came and was most likely meant by the declared one; empty where none was."""
    saying = sorted(name for name, value in answer.headers.items() if value in list(Side))
    alike = [name for name in answer.headers if SequenceMatcher(None, name.lower(), header.lower()).ratio() >= ALIKE]
    return next(iter([*saying, *sorted(alike)]), "")


def _why_missing(answer: Answer, like: str) -> tuple[str, bool]:
    """Returns what is most likely wrong, and whether it may pass by itself; `like` came, and was most likely meant."""
    if like:
        return f"{printable(like)}: {printable(answer.headers[like])} came, did you mean that?", False
    if own := _traefiks_own(answer):
        return own, True
    names = sorted(printable(name) for name in answer.headers)
    came = ", ".join(names[:NAMES_SHOWN]) + (f" and {len(names) - NAMES_SHOWN} more" if names[NAMES_SHOWN:] else "")
    fact = f"misspelt, or taken off by a middleware of the route? What came: {came or 'no header at all'}"
    return f"{fact}. How services get one: docs/your-application.md", False

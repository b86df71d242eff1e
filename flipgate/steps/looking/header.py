"""Checks that the live side names itself by the declared header, before a person is asked for a move that could not be
proven."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

from flipgate.core.gates.header import Unnamed, judge_asking, judge_header, judge_served, judge_status
from flipgate.core.traffic.kinds import KINDS
from flipgate.core.values.answer import Answer, api_servers_own
from flipgate.core.values.errors import FlipgateError, Refused
from flipgate.core.values.foreign import fault
from flipgate.core.values.reasons import Why
from flipgate.core.values.sides import Side
from flipgate.steps.acting.world import World
from flipgate.steps.looking.ask import fetch
from flipgate.steps.looking.counted import probe_counted

ASK_SECONDS = 5.0
HOLD_SECONDS = 3.0
"""Beyond its throttle: how long a Traefik may take to follow what was just installed."""
PAUSE_SECONDS = 0.2

Found = Mapping[str, Unnamed | str]
"""What replicas that do not name the side answered; a string says why one did not answer at all."""


def check_header(
    world: World,
    side: Side,
    replicas: Sequence[str],
    *,
    patience_seconds: float | None = None,
    seen: Callable[[str], None] = lambda _: None,
) -> Found:
    """Returns the replicas through which the live side does not name itself as `side` by the declared header; where
    none is declared, those that do not answer as users are answered.

    Each is asked once; again, for `patience_seconds`, where Traefik may not follow the routes yet. `seen` gets
    a line for each good answer. Never raises.
    """
    traffic = world.application.spec.traffic
    patience = traffic.traefik.throttle_seconds + HOLD_SECONDS if patience_seconds is None else patience_seconds
    ask = partial(_asked, world, side, seen, ends=world.monotonic() + patience)
    found = zip(replicas, world.each(ask, replicas), strict=True)
    return {replica: said for replica, said in found if said is not None}


def throttle_problems(world: World) -> Iterator[str]:
    """Yields a sentence for replicas that hold a changed route back for longer than the file says. What cannot be
    listed is a problem of its own, and said where replicas are asked."""
    spec = world.application.spec
    declared, patience = spec.traffic.traefik.throttle_seconds, spec.traffic.proof_timeout_seconds
    try:
        found = world.proxy.throttles({KINDS[route.kind].provider for route in spec.routes})
    except FlipgateError:
        return
    longer = {name: seconds for name, seconds in sorted(found.items()) if seconds > declared}
    if longer:
        names, most = ", ".join(longer), max(longer.values())
        keys = f"traefik.throttleSeconds: {most:g}"
        keys += f" and proofTimeoutSeconds: {int(most) + patience}" if most >= patience else ""
        yield (
            f"{world.proxy.name} ({names}) was started to hold a changed route back for {most:g} s, and the file says "
            f"{declared:g}: a move may be proven by answers from before. Declare {keys}"
        )


def header_problems(world: World, found: Found) -> Iterator[str]:
    """Yields a sentence for each thing that was found, with the replicas where it was found."""
    traffic = world.application.spec.traffic
    for said in dict.fromkeys(found.values()):
        names = ", ".join(name for name, each in found.items() if each == said)
        asked = f"{world.proxy.name} ({names}) for {asked_for(world)}"
        if isinstance(said, str):
            yield f"{asked}: no answer, so whether {traffic.header or 'it'} names the side is not known: {said}"
        else:
            yield f"{asked}: {said.fact} ({_where(world, said)})"


def need_header(world: World, found: Found) -> None:
    """Raises Refused where an answer does not name the live side, with the reason from core/gates/header.py. A missing
    answer is only logged."""
    sentences = "; ".join(header_problems(world, found))
    if wrong := wrong_of(found):
        raise Refused(
            f"no move could be proven: {sentences}",
            reason=wrong.reason,
            next_command=remedy(world, wrong),
        )
    if sentences:
        world.say(f"{sentences}. flipgate check asks again")


def wrong_of(found: Found) -> Unnamed | None:
    """Returns the first answer that does not name the side."""
    return next((said for said in found.values() if isinstance(said, Unnamed)), None)


def remedy(world: World, wrong: Unnamed) -> str:
    """Returns what a person does about it."""
    name = world.application.name
    if wrong.reason == Why.OTHER_SIDE_ANSWERS:
        return f"flipgate status {name}"
    then = "flipgate check -f FILE, flipgate apply -f FILE"
    if wrong.declare:
        return f"declare {wrong.declare} in the file of application {name}; {then}"
    return f"correct {_where(world, wrong)}, or the routes' middlewares; {then}"


def asked_for(world: World) -> str:
    """What is asked for, by which scheme where it is not plain HTTP."""
    traffic = world.application.spec.traffic
    return f"{'https://' if traffic.by_https else ''}{traffic.host}{traffic.path}"


def _where(world: World, said: Unnamed) -> str:
    key = "" if said.declare else "spec.traffic in " if said.reason is Why.NOT_SERVED else "spec.traffic.header in "
    return f"{key}the file of application {world.application.name}"


def _asked(world: World, side: Side, seen: Callable[[str], None], replica: str, *, ends: float) -> Unnamed | str | None:
    while True:
        said = _judged(world, side, seen, replica)
        if not (isinstance(said, Unnamed) and said.passing) or world.monotonic() >= ends:
            return said
        world.sleep(PAUSE_SECONDS)


def _judged(world: World, side: Side, seen: Callable[[str], None], replica: str) -> Unnamed | str | None:
    header = world.application.spec.traffic.header or ""
    try:
        answer = fetch(world, replica, timeout=ASK_SECONDS)
        if wrong := judge_asking(answer, header):
            return wrong
        if (instead := api_servers_own(answer)) and not answer.headers.get(header.lower()):
            return instead
        wrong = judge_header(answer, header, side) if header else _unserved(world, replica, answer)
        wrong = wrong or judge_status(answer, side, world.application.spec.traffic.probe.status)
        if wrong is None:
            seen(f"{replica} for {asked_for(world)}: HTTP {answer.status}" + (f" from {side}" if header else ""))
        return wrong
    except Exception as error:
        return fault(error)


def _unserved(world: World, replica: str, answer: Answer) -> Unnamed | None:
    """Where counters tell the side, they tell whether an error is a side's, too: asked for once more between two
    readings."""
    wrong, host = judge_served(answer), world.application.spec.traffic.host
    return None if wrong is None or probe_counted(world, replica, timeout=ASK_SECONDS, host=host).shown else wrong

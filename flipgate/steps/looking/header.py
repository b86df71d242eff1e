"""Asking the live side whether it says which side it is, by the header that the file declares: once, before a person is
asked for a move that could not be proven."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from flipgate.core.gates.bake import read_reply
from flipgate.core.gates.header import Unnamed, judge_header
from flipgate.core.values.answer import Answer
from flipgate.core.values.errors import Refused
from flipgate.core.values.foreign import fault
from flipgate.core.values.sides import Side
from flipgate.steps.acting.world import World

ASK_SECONDS = 5.0
HOLD_SECONDS = 3.0
"""Beyond its throttle: how long a Traefik may take to hear of what was just installed."""
PAUSE_SECONDS = 0.2

Found = Mapping[str, Unnamed | str]
"""What replicas that do not name the side answered; a string says why one did not answer at all."""


def fetch(world: World, replica: str, *, timeout: float, host: str = "") -> Answer:
    """One request through one replica, as a user's would go, for the users' host or another."""
    spec = world.application.spec.traffic
    return world.proxy.ask(replica, host or spec.host, spec.path, timeout=timeout)


def ask_header(world: World, side: Side, replicas: Sequence[str], *, patience_seconds: float | None = None) -> Found:
    """The replicas through which the live side does not say that it is `side`, by the declared header.

    Each is asked once; again, for `patience_seconds`, where it may only not have heard yet. Never raises.
    """
    traffic = world.application.spec.traffic
    patience = traffic.traefik.throttle_seconds + HOLD_SECONDS if patience_seconds is None else patience_seconds
    ask = partial(_ask, world, side, traffic.header or "", ends=time.monotonic() + patience)
    found = zip(replicas, world.each(ask, replicas), strict=True)
    return {replica: said for replica, said in found if said is not None}


def header_problems(world: World, found: Found) -> Iterator[str]:
    """A sentence for each thing that was found, with the replicas that it was found at."""
    traffic = world.application.spec.traffic
    for said in dict.fromkeys(found.values()):
        names = ", ".join(name for name, each in found.items() if each == said)
        asked = f"{world.proxy.name} ({names}) for {traffic.host}{traffic.path}"
        if isinstance(said, str):
            yield f"{asked}: no answer, so whether {traffic.header} names the side is not known: {said}"
        else:
            yield f"{asked}: {said.fact} ({_where(world)})"


def need_header(world: World, found: Found) -> None:
    """Raises Refused (HeaderMissing, HeaderNamesNoSide, OtherSideAnswers) where an answer came and does not name the
    live side. No answer is only said."""
    sentences = "; ".join(header_problems(world, found))
    if wrong := wrong_of(found):
        raise Refused(
            f"no move could be proven: {sentences}",
            obj=f"application {world.application.name}",
            reason=wrong.reason,
            untouched="everything",
            next_command=mend(world, wrong),
        )
    if sentences:
        world.say(f"{sentences}. flipgate check asks again")


def wrong_of(found: Found) -> Unnamed | None:
    """The first answer that does not name the side."""
    return next((said for said in found.values() if isinstance(said, Unnamed)), None)


def mend(world: World, wrong: Unnamed) -> str:
    """What to do about it."""
    name = world.application.name
    if wrong.reason == "OtherSideAnswers":
        return f"flipgate status {name}"
    return f"correct {_where(world)}, or the routes' middlewares; flipgate check -f FILE, flipgate apply -f FILE"


def _where(world: World) -> str:
    return f"spec.traffic.header in the file of application {world.application.name}"


def _ask(world: World, side: Side, header: str, replica: str, *, ends: float) -> Unnamed | str | None:
    while True:
        said = _judged(world, side, header, replica)
        if not (isinstance(said, Unnamed) and said.passing) or time.monotonic() >= ends:
            return said
        time.sleep(PAUSE_SECONDS)


def _judged(world: World, side: Side, header: str, replica: str) -> Unnamed | str | None:
    try:
        answer = fetch(world, replica, timeout=ASK_SECONDS)
        reply = read_reply(answer, header)
        return str(reply) if reply.api_server else judge_header(answer, header, side)
    except Exception as error:
        return fault(error)

"""Proves which side answers users: asks through every Traefik replica, the way a user's request would go."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from math import ceil

from flipgate.core.gates.bake import Reply, read_reply
from flipgate.core.gates.header import TLS_ASKED
from flipgate.core.gates.proof import ERRORS_ENOUGH, Aim, Proven, Seen, errors_alone, with_answer
from flipgate.core.values.errors import Refused
from flipgate.core.values.foreign import sentence
from flipgate.core.values.reasons import Why
from flipgate.core.values.sides import Side
from flipgate.steps.acting.moves import Move
from flipgate.steps.acting.world import AT_ONCE, World
from flipgate.steps.looking.ask import fetch
from flipgate.steps.looking.counted import probe_counted
from flipgate.steps.looking.header import check_header, header_problems, remedy, wrong_of

PAUSE_SECONDS = 0.02
CALM_SECONDS = 0.1
"""Between two questions to a replica that has shown the side already, and only has to outlast the throttle; and to one
that gives errors, so that a few of them are more than a blink."""
LOOK_AGAIN_SECONDS = 1.0
"""Between two looks whether a replica that does not show the side is still one of Traefik's."""
ASK_SECONDS, LEAST_SECONDS = 5.0, 1.0
"""For one answer, to its last byte; the last one of a proof is given what is left, but time to come."""


def need_visible(world: World, side: Side, replicas: list[str]) -> None:
    """Raises Refused (CannotSee) unless each replica shows `side` now: a probe that sees nothing is found before the
    move, not after it. So is a pace at which no proof through all of them could end in time."""
    _need_time(world, replicas)
    proven = prove(world, side, replicas, answers=1, timeout_seconds=min(10, _timeout(world)))
    if not proven.ok:
        raise _cannot_see(world, side, proven)


def _need_time(world: World, replicas: list[str]) -> None:
    """Raises Refused (CannotSee) where so many replicas cannot be asked in the time of a proof at the declared pace."""
    traffic = world.application.spec.traffic
    if too_slow := traffic.too_slow(len(replicas)):
        enough = ceil(traffic.proof_seconds(len(replicas)))
        raise Refused(
            too_slow,
            obj=world.proxy.name,
            reason=Why.CANNOT_SEE,
            untouched="all routes",
            next_command=f"declare spec.traffic.proofTimeoutSeconds: {enough} in the file of application "
            f"{world.application.name}; flipgate check -f FILE, flipgate apply -f FILE",
        )


def _cannot_see(world: World, side: Side, proven: Proven) -> Refused:
    """Returns the refusal. Where answers come without a side's name, it says so, and names the key of the file instead
    of Traefik's log."""
    fact = f"does not show {side} answering, so a move could not be proven: {'; '.join(proven.unproven)}"
    unproven = [each.replica for each in proven.replicas if not each.proven]
    next_command = world.proxy.look_into(unproven[0] if unproven else "")
    found = check_header(world, side, unproven, patience_seconds=0)
    wrong = wrong_of(found)
    if wrong and not wrong.declare and (not wrong.passing or TLS_ASKED in wrong.fact):  # else it is in what was heard
        fact = f"{fact}. {'; '.join(header_problems(world, found))}"
    if wrong and not wrong.passing:
        next_command = remedy(world, wrong)
    return Refused(fact, obj=world.proxy.name, reason=Why.CANNOT_SEE, untouched="all routes", next_command=next_command)


def prove(
    world: World,
    side: Side,
    replicas: list[str],
    *,
    since: float | None = None,
    answers: int | None = None,
    timeout_seconds: float | None = None,
    host: str = "",
) -> Proven:
    """Asks these replicas until each has answered from `side` so many times running, or the time is over.

    `since` is the monotonic time of the patch; `host` is asked for in the place of the users'. Never raises for a
    replica that does not show the side: the caller decides.
    """
    began = world.monotonic()
    aim = Aim(side, answers or world.application.spec.traffic.proof_answers, began, since)
    deadline = began + (timeout_seconds or _timeout(world))
    return Proven(_watch(world, replicas, aim, deadline, host), round(world.monotonic() - began, 3))


def prove_moved(world: World, side: Side, replicas: list[str], *, moved: Move | None = None) -> Proven:
    """Proves a move: every Ready replica shows `side`, in answers that were asked for after Traefik's throttle.

    The throttle counts from the last patch (from now, where `moved` is not known any more): until then a replica may
    hold back the last of several changed routes. Replicas that become Ready meanwhile are asked too; one that is no
    longer Ready is left out. Errors alone through every replica, past the throttle, are not waited out: users get them.
    """
    began = world.monotonic()
    traffic = world.application.spec.traffic
    counts_from = (moved.done if moved else began) + traffic.traefik.throttle_seconds
    aim = Aim(side, traffic.proof_answers, counts_from, moved.at if moved else None, errors=ERRORS_ENOUGH)
    deadline = began + _timeout(world)
    seen: dict[str, Seen] = {}
    fresh = replicas
    while fresh:
        seen.update({each.replica: each for each in _watch(world, fresh, aim, deadline)})
        if errors_alone(seen.values(), aim):
            break
        fresh = [name for name in _listed(world, replicas) if name not in seen]
    return Proven(tuple(seen.values()), round(world.monotonic() - began, 3))


def probe(
    world: World, replica: str, *, timeout: float = ASK_SECONDS, host: str = "", only: Side | None = None
) -> Reply:
    """Sends one request through one replica, for the users' host or another, and returns which side it shows: by the
    declared header, else by Traefik's counters (`only` of one side where users are on the other). Raises when there is
    no answer."""
    spec = world.application.spec.traffic
    if not spec.header:
        return probe_counted(world, replica, timeout=timeout, host=host or spec.host, only=only)
    return read_reply(fetch(world, replica, timeout=timeout, host=host), spec.header, spec.probe.status)


def _watch(world: World, replicas: list[str], aim: Aim, deadline: float, host: str = "") -> tuple[Seen, ...]:
    """All at once, however many: one that never shows the side must not use up the time of those behind it."""
    latest = {name: Seen(name) for name in replicas}

    def in_vain(seen: Seen) -> bool:
        latest[seen.replica] = seen
        return errors_alone(tuple(latest.values()), aim)

    def watch(name: str) -> Seen:
        return _watch_replica(world, name, aim, deadline, host, in_vain)

    if len(replicas) <= AT_ONCE:
        return tuple(world.each(watch, replicas))
    with ThreadPoolExecutor(len(replicas), thread_name_prefix="flipgate-proof") as pool:
        return tuple(pool.map(watch, replicas))


def _watch_replica(
    world: World, replica: str, aim: Aim, deadline: float, host: str, in_vain: Callable[[Seen], bool]
) -> Seen:
    """Asks one replica until it has shown the side, the time is over, or it is in vain for all of them."""
    seen, looked = Seen(replica), world.monotonic()
    while not seen.proven:
        asked = world.monotonic()
        reply, no_answer = None, ""
        limit = min(ASK_SECONDS, max(LEAST_SECONDS, deadline - asked))
        try:
            reply = probe(world, replica, timeout=limit, host=host, only=aim.side if host else None)
        except Exception as error:  # any at all: what cannot be read is no answer, and no end of the proof
            no_answer = sentence(error)
        now = world.monotonic()
        seen = with_answer(seen, aim, reply, asked=asked, at=now, no_answer=no_answer)
        if in_vain(seen) or now >= deadline or seen.proven:
            break
        if not seen.good and now - looked >= LOOK_AGAIN_SECONDS:
            looked = now
            if replica not in _listed(world, [replica]):
                seen = replace(seen, gone=True)
                in_vain(seen)
                break
        outlasting = seen.good >= aim.answers and now < aim.counts_from
        world.sleep(CALM_SECONDS if outlasting or (aim.errors and seen.errors) else PAUSE_SECONDS)
    return seen


def _listed(world: World, before: list[str]) -> list[str]:
    """Returns Traefik's Ready replicas now; those of before where they cannot be listed, so that none is left out for
    that."""
    try:
        return world.proxy.replicas()
    except Exception as error:
        world.say(f"Traefik's replicas are taken to be those of before: {sentence(error)}")
        return before


def _timeout(world: World) -> float:
    return float(world.application.spec.traffic.proof_timeout_seconds)

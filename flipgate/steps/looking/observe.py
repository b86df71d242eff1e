"""Observes which side answers users now: one question to each Traefik replica, within a fixed time, for `status`."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread

from flipgate.core.values.foreign import fault
from flipgate.core.values.sides import Side
from flipgate.core.way_back.facts import Observed
from flipgate.steps.acting.world import World
from flipgate.steps.looking.prove import probe

OBSERVE_SECONDS = 2.0


def observe(world: World, *, seconds: float = OBSERVE_SECONDS) -> Callable[[], tuple[Observed, ...]]:
    """Starts to ask all replicas at once. Returns a function that waits for the rest of the time and returns the
    answers.

    Never raises, and is never late: its threads are daemons, so an answer that comes after the time holds up nobody.
    """
    ends = world.monotonic() + seconds
    late = f"within {seconds:g} s"
    found: dict[str, Observed] = {}

    def look() -> None:
        try:
            replicas = world.proxy.replicas(timeout=seconds)
        except Exception as error:
            found[""] = Observed(None, None, fault(error))
            return
        found.update({name: Observed(name, None, f"no answer {late}") for name in replicas})
        threads = [Thread(target=one, args=(name,), daemon=True) for name in replicas]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def one(name: str) -> None:
        found[name] = _one(world, name, seconds)

    def answers() -> tuple[Observed, ...]:
        asking.join(max(0.0, ends - world.monotonic()))
        return tuple(found.copy().values()) or (Observed(None, None, f"Traefik's replicas were not listed {late}"),)

    asking = Thread(target=look, daemon=True)
    asking.start()
    return answers


def _one(world: World, replica: str, seconds: float) -> Observed:
    try:
        reply = probe(world, replica, timeout=seconds)
    except Exception as error:
        return Observed(replica, None, fault(error))
    shown = next((side for side in Side if side == reply.shown), None)
    return Observed(replica, shown, str(reply))

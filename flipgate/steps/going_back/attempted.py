"""What follows once users are on their way back: tried, and said where it fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from flipgate.core.values.errors import FlipgateError, TemporaryError
from flipgate.steps.acting.acting import Acting

PATIENCE_SECONDS: Final = 120.0
"""For how long faults that may pass are waited out: an API server that answers with errors, or not at all."""
PAUSE_SECONDS: Final = 1.0

T = TypeVar("T")


def attempted(what: str, action: Callable[[], object], *, but: type[FlipgateError] | None = None) -> tuple[str, ...]:
    """Runs an action whose failure must not hold up users; returns the failure as a sentence. Raises `but`, whose
    caller goes on in another way."""
    try:
        action()
    except Exception as error:  # any at all: users are on their way back, or there already
        if but and isinstance(error, but):
            raise
        said = str(error) if isinstance(error, FlipgateError) else f"{type(error).__name__}: {error}"
        return (f"could not {what}: {said}",)
    return ()


def patiently(acting: Acting, doing: str, act: Callable[[], T]) -> T:
    """Calls `act`, and again after a fault that may pass: nobody waits for it, users are back. Raises what came
    last."""
    world = acting.world
    gives_up = world.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return act()
        except TemporaryError as fault:
            if world.monotonic() >= gives_up:
                raise
            world.say(f"{doing}: {fault}")
            acting.check_lease()
            world.sleep(PAUSE_SECONDS)

"""What is asked beside a way back, for people alone: what Traefik's replicas show, and who sends users back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from threading import Thread

import flipgate.adapters.proxy
import flipgate.steps.looking.who  # noqa: F401 - the threads below import nothing, while the main one does
from flipgate.core.gates.proof import Proven
from flipgate.core.values.errors import FlipgateError
from flipgate.core.values.sides import Side
from flipgate.steps.acting.moves import Move
from flipgate.steps.acting.world import World
from flipgate.steps.going_back.way_back import RollbackRequest
from flipgate.steps.looking.prove import prove


@dataclass
class Answers:
    """What Traefik's replicas answered after a way back, and who sent them: for people alone, the routes have been sent
    back anyway."""

    request: RollbackRequest
    proven: Proven | None = None
    unproven: tuple[str, ...] = ()

    @property
    def first_answer(self) -> float | None:
        return self.proven.first_new_answer_ms if self.proven else None

    def collect(self, world: World, target: Side, moved: Move) -> None:
        try:
            self.proven = prove(world, target, world.proxy.replicas(), since=moved.at)
        except Exception as error:  # any at all: users are back, and this is only shown
            self.unproven = (f"not proven: {error if isinstance(error, FlipgateError) else type(error).__name__}",)
            return
        if not self.proven.ok:
            self.unproven = (f"not every Traefik replica shows {target}: {', '.join(self.proven.unproven)}",)


@contextmanager
def proving(world: World, target: Side, moved: Move, request: RollbackRequest) -> Iterator[Answers]:
    """Asks Traefik's replicas, and who sends users back, while the block runs; the answers are complete after it."""
    answers = Answers(request)

    def ask_name() -> None:
        answers.request = request.named()

    asked: list[Callable[[], None]] = [partial(answers.collect, world, target, moved), ask_name]
    listeners = [Thread(target=each, name="flipgate-way-back", daemon=True) for each in asked]
    for listener in listeners:
        listener.start()
    try:
        yield answers
    finally:
        for listener in listeners:
            listener.join()


def figures(proven: Proven | None) -> str:
    """Returns how soon the side answered, in words."""
    return f"first answer after {proven.first_new_answer_ms} ms" if proven and proven.ok else "not proven by Traefik"

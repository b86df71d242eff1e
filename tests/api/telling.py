"""Who hears of a release: a chat that keeps what it was told, and a run's log."""

from __future__ import annotations

from dataclasses import field
from typing import Any

from flipgate.adapters.chat import Chat, Posted
from flipgate.core.values.frozen import dataclass
from flipgate.steps.acting.world import World


@dataclass(frozen=True)
class Listening(Chat):
    """A chat that keeps what it was told, and raises for a text with one of these words in it: "" is in any."""

    faults: dict[str, Exception] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)
    shown: list[list[dict[str, Any]]] = field(default_factory=list)

    def post(self, text: str, blocks: list[dict[str, Any]], *, thread: str = "") -> Posted:
        for word, fault in self.faults.items():
            if word in text:
                raise fault
        self.told.append(text)
        self.shown.append(blocks)
        number = f"{len(self.told)}.0"
        return Posted(thread or number, "C1", number)


def heard(world: World) -> list[str]:
    """What the actor says from here on: an application without a channel has the run's log for one."""
    said: list[str] = []
    world.say = said.append
    return said

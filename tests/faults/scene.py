"""One part that is away, on one shop: what the cases of every part need."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field

from flipgate.adapters.chat import Chat
from flipgate.core.record.phases import Phase
from flipgate.core.values.errors import FlipgateError
from flipgate.steps.acting.world import World
from lab.control.records import Lab
from tests.faults.parts import Case
from tests.faults.shops import Shop
from tests.lab import runbook
from tests.lab.prefect_api import PrefectApi


@dataclass
class Scene:
    """One case on its shop, and all that flipgate says in it."""

    shop: Shop
    case: Case
    lab: Lab
    prefect: PrefectApi
    said: list[str] = field(default_factory=list)

    def world(self, chat: Chat | None = None) -> World:
        """One whose words are kept."""
        world = self.shop.world(chat=chat)
        world.say = self.said.append
        return world

    def tries(self, act: Callable[[], object]) -> None:
        """Does it; what it was refused with is said."""
        try:
            act()
        except FlipgateError as error:
            self.said.append(f"{getattr(error, 'reason', '')}: {error}")

    def flips(self) -> None:
        self.tries(lambda: runbook.flip_traffic(self.world()))

    def need(self, phase: Phase) -> None:
        """It has come as far as this, and no further; users are where the record has them."""
        record = self.shop.record()
        assert record.phase is phase, self.said
        self.shop.wait_for_users_on(record.active)


def moves_a_route(method: str, path: str, body: bytes) -> bool:
    """Whether this request moves users."""
    return method == "PATCH" and "/ingressroutes/" in path and changes_spec(body)


def changes_spec(patch: bytes) -> bool:
    """Whether it does more than test and stamp."""
    steps = json.loads(patch)
    return isinstance(steps, list) and any(step["op"] != "test" and step["path"].startswith("/spec/") for step in steps)
